"""The mails of partner institutions, written by a worker just before it sends them; what is no longer so is not
told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from core import clock, retention
from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, link, writes
from outbox.models import Message
from partners.domain import applying, digests, responses, roles, sentences
from partners.models import Invitee, PartnerRole
from programme.domain.retention import legal_basis
from registrations.models import Cohort, Institution

SESSIONS_TOLD = 6
OF_THE_INVITED = ("never_accepted", "registered", "came")  # the kinds of data that their first mail is about


@writes(applying.INVITATION, is_key=True)
def invitation(message: Message) -> Letter:
    return invitation_letter(_silent(message), applying.INVITATION)


@writes(applying.REMINDER, is_key=True)
def reminder(message: Message) -> Letter:
    if Topic.INVITATIONS in mail_preferences.off(message.to):
        raise NoLongerTrue(gettext_noop("They have opted out of these emails."))
    letter = invitation_letter(_silent(message), applying.REMINDER)
    url = link("notices:unwanted", mail_preferences.key(message, Topic.INVITATIONS))
    return replace(
        letter, headers={"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    )


def _silent(message: Message) -> Invitee:
    invitee = (
        Invitee.objects.select_related("institution", "cohort__edition")
        .filter(pk=message.context["invitee"], email=message.to)
        .first()
    )
    if invitee is None or invitee.status != Invitee.Status.INVITED:
        raise NoLongerTrue(gettext_noop("They have answered, or are no longer on the list."))
    if invitee.cohort.edition.is_archived:
        raise NoLongerTrue(gettext_noop("This edition is over."))
    return invitee


def invitation_letter(invitee: Invitee, kind: str) -> Letter:
    """The personal invitation, or its reminder; it ends with what the law has people told at the first word to them
    (GDPR, article 14), which no template takes away."""
    sessions = responses.sessions_for(invitee.cohort, clock.now())
    known = {
        "name": str(invitee) or invitee.email,
        "cohort": invitee.cohort.name,
        "institution": invitee.institution.name,
        "number": str(len(sessions)),
        "summit": invitee.cohort.edition.name,
    }
    texts = mail_templates.texts_of(kind).fill(known)
    url = link("partners:answer", invitee.key)
    context = {
        "edition": invitee.cohort.edition,
        "texts": texts,
        "institution": invitee.institution,
        "cohort": invitee.cohort,
        "sessions": sessions[:SESSIONS_TOLD],
        "more": len(sessions) - SESSIONS_TOLD,
        "button": _("Answer"),
        "button_url": url,
        "notice": notice(invitee),
        "erase_url": f"{url}?erase",
    }
    return Letter(
        texts.subject,
        render_to_string("partners/emails/invitation.txt", context),
        render_to_string("partners/emails/invitation.html", context),
    )


def notice(invitee: Invitee) -> list[tuple[str, str]]:
    """What somebody is told whose data came from their institution: a heading and a sentence each (GDPR, article
    14)."""
    kept = [_("your name"), _("your email address")]
    kept += [_("your number")] if invitee.reference else []
    kept += [_("your course")] if invitee.programme else []
    said = {
        "institution": invitee.institution.name,
        "controller": invitee.cohort.edition.controller,
        "contact": invitee.cohort.edition.privacy_address,
    }
    return [
        (_("Where we got it"), _("%(institution)s has put you on its list.") % said),
        (_("What we keep"), capfirst(", ".join(kept)) + "."),
        (
            _("Why we keep it"),
            " ".join([_("To invite you and reserve a seat for you."), legal_basis(invitee.cohort.edition.legal_basis)]),
        ),
        (
            _("Who can see it"),
            _(
                "The organisers and your institution. Your institution can see your answer, whether you have a seat or "
                "are waiting for one, whether you came, and whether our emails reach you, but not which sessions you "
                "chose."
            ),
        ),
        (_("How long we keep it"), " ".join(retention.sentences(invitee.cohort.edition, *OF_THE_INVITED))),
        (
            _("Your rights"),
            _(
                "You can see your data, correct it, have it erased or object to its use. Use the link below or write "
                "to %(contact)s."
            )
            % said,
        ),
        (_("Who we are"), _("%(controller)s. You can complain to the CNIL, www.cnil.fr.") % said),
    ]


@writes(roles.WELCOME)
def team(message: Message) -> Letter:
    role = PartnerRole.objects.select_related("institution", "user").filter(pk=message.context["role"]).first()
    if role is None or role.user.email != message.to:
        raise NoLongerTrue(gettext_noop("They no longer work for this institution."))
    return team_letter(role)


def team_letter(role: PartnerRole) -> Letter:
    texts = mail_templates.texts_of(roles.WELCOME).fill(
        {"institution": role.institution.name, "role": str(role.get_role_display())}
    )
    context = {
        "texts": texts,
        "heading": role.institution.name,
        "button": _("Open the lists"),
        "button_url": link("partners:institution", role.institution.slug),
        "facts": [_("Sign in with the address this email was sent to. We’ll email you a code: there’s no password.")],
    }
    return Letter(
        texts.subject,
        render_to_string("partners/emails/team.txt", context),
        render_to_string("partners/emails/team.html", context),
    )


def sample_of(cohorts: Sequence[Cohort]) -> Invitee | None:
    """Somebody made up on the list of the first of `cohorts`, for a look at the mail."""
    for cohort in cohorts:
        return Invitee(
            institution=cohort.institution,
            cohort=cohort,
            first_name="Ada",
            last_name="Lovelace",
            email="ada@example.org",
        )
    return None


@writes(digests.KIND)
def digest(message: Message) -> Letter:
    role = (
        PartnerRole.objects.select_related("institution", "user__attendee", "user")
        .filter(pk=message.context["role"])
        .first()
    )
    if role is None:
        raise NoLongerTrue(gettext_noop("They no longer work for this institution."))
    return digest_letter(role.institution, role.user, datetime.fromisoformat(message.context["due"]), to=message)


def _digest_line(line: digests.Line) -> dict[str, Any]:
    """A cohort with the words of the portal; each number leads to the people whom it counts."""
    url = link("partners:cohort", line.cohort.institution.slug, line.cohort.slug)
    states = [(name, words, getattr(line.standing, name)) for name, words in sentences.STATES.items()]
    return {
        "name": line.cohort.name,
        "standing": line.standing,
        "url": url,
        "states": [(words, number, f"{url}?state={name}") for name, words, number in states if number],
        "released_at": line.released_at,
        "corrected": line.corrected,
    }


def digest_letter(institution: Institution, user: User, due: datetime, *, to: Message) -> Letter:
    headers, choice_url = mail_preferences.way_out(Topic.DIGESTS, to)
    texts = mail_templates.texts_of(digests.KIND).fill({"name": user.get_short_name(), "institution": institution.name})
    context = {
        "texts": texts,
        "institution": institution,
        "lines": [_digest_line(line) for line in digests.lines(institution, clock.database_now())],
        "zone": ZoneInfo(settings.TIME_ZONE),
        "button": _("Open your lists"),
        "button_url": link("partners:institution", institution.slug),
        "topic": Topic.DIGESTS.label,
        "choice_url": choice_url,
    }
    return Letter(
        texts.subject,
        render_to_string("partners/emails/digest.txt", context),
        render_to_string("partners/emails/digest.html", context),
        headers=headers,
    )
