"""What is held about somebody, in people's words: every model of the registry of personal data, in groups, with how
many rows, from whom they came, who sees them and how long they are kept (docs/rules.md#own-account)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessNeeds, AccessNeedsConsent, AccessNeedsReading, Attendee, SignInEvent, User, WebSession
from allocations.models import AllocationRun, Wish
from attendees.models import PrivacyRequest
from core import retention
from core.personal_data import PersonalData, Retention, declared
from notices.models import CalendarFeed, OptOut, Reconfirmation
from outbox.models import Message, SuppressedAddress
from partners.domain import objections
from partners.models import Correction, Invitee, Objection, PartnerRole, Upload, UploadFile, UploadRow
from programme.models import Duty, Speaker
from registrations.models import Draw, IdempotencyKey, Invitation, Membership, Registration

Words = str | Promise

YOU, INSTITUTION, ORGANISERS, SITE = _("you"), _("your institution"), _("the organisers"), _("this site")


@dataclass(frozen=True)
class Told:
    """How the rows of one model are told to the person: what they are, and from whom they came."""

    label: Words
    source: Words


@dataclass(frozen=True)
class Group:
    """Kinds of rows that belong together, and who sees them besides the person."""

    key: str
    title: Words
    seen_by: Words
    kinds: dict[type[Model], Told]


GROUPS = [
    Group(
        "account",
        _("Your account"),
        _("The organisers. Access needs: only organisers with that specific right."),
        {
            User: Told(_("Account: address, language, time zone"), YOU),
            Attendee: Told(_("Name, organisation, country"), YOU),
            AccessNeeds: Told(_("Access needs, encrypted"), YOU),
            AccessNeedsConsent: Told(_("Your consent to keep them"), YOU),
            AccessNeedsReading: Told(_("Times your access needs were read"), SITE),
            EmailAddress: Told(_("Addresses that have signed in"), YOU),
            SocialAccount: Told(_("Sign-in through an institution"), INSTITUTION),
            WebSession: Told(_("Browsers in which you are signed in"), SITE),
            SignInEvent: Told(_("When and from where you signed in"), SITE),
            Authenticator: Told(_("Passkeys and apps of your second step"), YOU),
        },
    ),
    Group(
        "seats",
        _("Your seats"),
        _(
            "The organisers. Your institution sees whether you have a seat or wait for one, and whether you came, but "
            "not which sessions you chose."
        ),
        {
            Registration: Told(_("Seats, requests and waiting lists"), YOU),
            Wish: Told(_("Wishes"), YOU),
            Reconfirmation: Told(_("Answers to “Are you still coming?”"), YOU),
            Draw: Told(_("Draws for a waiting list"), SITE),
            AllocationRun: Told(_("Seats given out by wishes"), SITE),
            Invitation: Told(_("Invitations to a session"), ORGANISERS),
            IdempotencyKey: Told(_("Forms you have just sent"), SITE),
        },
    ),
    Group(
        "lists",
        _("What your institution gave us"),
        _("The organisers, and the people of that institution who work on its lists."),
        {
            Invitee: Told(_("Entries on a list"), INSTITUTION),
            Membership: Told(_("Groups you belong to"), INSTITUTION),
            UploadRow: Told(_("Rows of a list that is being checked"), INSTITUTION),
            Correction: Told(_("Corrections of such rows"), INSTITUTION),
            UploadFile: Told(_("Files of lists that are being checked"), INSTITUTION),
            Objection: Told(_("Lists that may not invite you again"), YOU),
        },
    ),
    Group(
        "mails",
        _("Emails"),
        _("The organisers, except those that open your account or your invitation."),
        {
            Message: Told(_("Emails to you"), SITE),
            OptOut: Told(_("Emails you have switched off"), YOU),
            SuppressedAddress: Told(_("Reports that an email didn’t reach you"), SITE),
            CalendarFeed: Told(_("Your calendar address"), YOU),
        },
    ),
    Group(
        "work",
        _("What you do here"),
        _("The organisers. Everybody sees who speaks."),
        {
            Speaker: Told(_("Your page as a speaker"), ORGANISERS),
            Duty: Told(_("Sessions you are needed in"), ORGANISERS),
            PartnerRole: Told(_("Your role for an institution"), INSTITUTION),
            Upload: Told(_("Lists you uploaded"), YOU),
            LogEntry: Told(_("What you did in the administration"), SITE),
        },
    ),
    Group(
        "requests",
        _("Your requests"),
        _("The organisers who answer for people’s data."),
        {PrivacyRequest: Told(_("Objections"), YOU)},
    ),
]


def kept() -> dict[Retention, Words]:
    """How long rows are kept, in a sentence: that of the run, where it deletes them."""
    of_kinds = dict(zip((kind.key for kind in retention.kinds()), retention.sentences(), strict=True))

    def told(*keys: str) -> str:
        return " ".join(of_kinds[key] for key in keys)

    return {
        Retention.ACCOUNT: _("Kept as long as your account."),
        Retention.EVENT: told("registered", "came"),
        Retention.ACCESS_NEEDS: told("access_needs"),
        Retention.LIST: told("never_accepted", "registered", "came"),
        Retention.UPLOAD: told("uploads"),
        Retention.MAIL: told("mail_texts"),
        Retention.FORM: told("forms"),
        Retention.SESSION: told("web_sessions"),
        Retention.ACTS: told("sign_ins"),
        Retention.ADDRESS: _("Kept until the address is used again."),
        Retention.OBJECTION: _("Kept for good, without your name or address."),
        Retention.PROGRAMME: _("Kept as long as the programme."),
    }


@dataclass(frozen=True)
class Line:
    """One kind of rows about somebody."""

    label: Words
    source: Words
    kept: Words
    number: int


@dataclass(frozen=True)
class Holding:
    key: str
    title: Words
    seen_by: Words
    lines: list[Line]


def rows(kind: PersonalData, user: User, addresses: Iterable[str]) -> QuerySet[Any]:
    """The rows of one kind about the person. Objections are found by the hashes of their addresses."""
    if kind.model is Objection:
        return objections.of_addresses(addresses)
    return kind.about(user.pk, addresses)


def addresses(user: User) -> list[str]:
    """The addresses by which rows are found: the one that was proved. What stands under an earlier one may be about
    somebody else by now."""
    return [user.email]


def can_be_found(kind: PersonalData) -> bool:
    """Whether rows of the person are told apart from those of others."""
    return bool(kind.accounts or kind.addresses or kind.model is Objection)


def held_about(user: User) -> list[Holding]:
    """Everything that is held about `user`, in groups; kinds of which there is nothing are left out. The same number of
    queries for everybody: one a model."""
    kinds, how_long = {kind.model: kind for kind in declared()}, kept()
    found = []
    for group in GROUPS:
        lines = []
        for model, told in group.kinds.items():
            kind = kinds[model]
            if can_be_found(kind) and (number := rows(kind, user, addresses(user)).count()):
                lines.append(Line(told.label, told.source, how_long[kind.retention], number))
        if lines:
            found.append(Holding(group.key, group.title, group.seen_by, lines))
    return found
