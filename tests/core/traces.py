"""One person with a trace in every model that the registry names, as the product leaves them; and the search for
them."""

import base64
import json
import logging
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.domain import access_needs, accounts, factors, sign_in_log
from accounts.domain.addresses import keep_only_the_address_of
from accounts.models import AccessNeeds, AccessNeedsConsent, AccessNeedsReading, Attendee, SignInEvent, User, WebSession
from allocations.domain import allocation as allocating
from allocations.models import AllocationRun, Wish
from attendees.domain import objecting
from attendees.models import PrivacyRequest
from core import audit_log
from core.personal_data import PersonalData
from notices.domain import calendar_feeds, reminders
from notices.models import CalendarFeed, OptOut, Reconfirmation, Topic
from outbox.domain import suppression
from outbox.domain.posting import post
from outbox.models import Message, SuppressedAddress
from partners.domain import objections, reviewing
from partners.models import Correction, Invitee, Objection, PartnerRole, Upload, UploadFile, UploadRow
from programme.models import Duty, Session, Speaker
from registrations.domain import attendance, booking, idempotency, waitlist
from registrations.models import Draw, IdempotencyKey, Invitation, Membership, Registration
from tests import make
from tests.partners import portal


@dataclass
class Somebody:
    """The one who leaves traces: `word` stands in their name, their addresses and all their own words."""

    word: str
    user: User = field(init=False)
    attendee: Attendee = field(init=False)
    world: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.word.title()} Quelconque"

    @property
    def email(self) -> str:
        return f"{self.word}@now.example"

    @property
    def former(self) -> str:
        return f"{self.word}@former.example"

    def said(self, what: str) -> str:
        return f"{what} {self.word}"


def an_account(who: Somebody) -> None:
    who.user = make.user(who.former)
    who.user.email = who.email
    who.user.save()
    keep_only_the_address_of(who.user, who.former)


def an_attendee(who: Somebody) -> None:
    who.attendee = accounts.introduce(who.user, name=f"{who.name} dite autrement")
    accounts.introduce(who.user, name=who.name)
    who.attendee.refresh_from_db()
    who.attendee.organisation = who.said("École")
    who.attendee.save()


def needs(who: Somebody) -> None:
    """What they need, to which they have agreed, and that an organiser has read it; and what they have read."""
    access_needs.write(who.attendee, who.said("rampe"), words=who.said("oui"), at=timezone.now())
    access_needs.read(who.attendee, reader=make.organiser(), at=timezone.now())
    other = make.attendee()
    access_needs.write(other, "rampe", words="oui", at=timezone.now())
    access_needs.read(other, reader=who.user, at=timezone.now())


def a_privacy_request(who: Somebody) -> None:
    objecting.object_to_everything(who.user, who.said("non"), at=timezone.now())


def a_social_account(who: Somebody) -> None:
    SocialAccount.objects.create(user=who.user, provider="x", uid=who.word, extra_data={"name": who.name})


def an_entry_in_the_log(who: Somebody) -> None:
    """Their own act, an act on them, and a table of something else that names them."""
    cohort = make.cohort()
    organiser = make.user(is_staff=True)
    for by, about, said in (
        (who.user, cohort, "[]"),
        (organiser, who.attendee, "[]"),
        (organiser, cohort, json.dumps([{"added": {"name": "membre", "object": f"{who.name} – {cohort}"}}])),
    ):
        LogEntry.objects.create(
            user=by,
            content_type=ContentType.objects.get_for_model(about),
            object_id=str(about.pk),
            object_repr=str(about),
            action_flag=CHANGE,
            change_message=said,
        )


def a_second_step(who: Somebody) -> None:
    """A passkey with their name on it, and that they took a second step away from somebody else."""
    Authenticator.objects.create(user=who.user, type="webauthn", data={"name": who.said("clé"), "credential": {}})
    sign_in_log.record(
        sign_in_log.Kind.WRONG_CODE, who.user, at=timezone.now(), here=sign_in_log.Where(who.said("réseau"))
    )
    other = make.organiser()
    Authenticator.objects.create(user=other, type="totp", data={"secret": "x"})
    factors.reset(other, actor=who.user, at=timezone.now())


def acts(who: Somebody) -> None:
    """What they did, and what others did with what is held about them."""
    audit_log.record("exported", Session, actor=who.user, role="organiser", rows=3)
    audit_log.record("downloaded", who.user, actor=make.organiser(), role="owner")


def web_sessions(who: Somebody) -> None:
    make.sign_in(Client(), who.user)
    Client().post("/accounts/login/", {"login": who.email})  # somebody who asked for a code, and never typed it


def registrations(who: Somebody) -> None:
    """One that is over, one to come, one given up, one that waits, one on request."""
    over = make.session()
    seated = make.registration(over, who.attendee)
    Session.objects.filter(pk=over.pk).update(
        starts_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=2, hours=-1)
    )
    attendance.mark_absent([seated], absent=True, actor=make.organiser(), at=timezone.now())
    make.registration(who=who.attendee)
    given_up = make.session()
    make.registration(given_up, who.attendee)
    booking.cancel(given_up, who.attendee, actor=who.user)
    full = make.session(seats=1, waiting_list="automatic")
    make.registration(full)
    make.registration(full, who.attendee, waits=True)
    asked = make.session(access="approval")
    make.registration(asked, who.attendee, reason=who.said("parce que"))


def a_question(who: Somebody) -> None:
    """They were asked whether they still come."""
    session = make.session(starts_at=timezone.now() + timedelta(days=3))
    make.registration(session, who.attendee)
    make.reminder(session, timing="before", minutes=60 * 24, answer_hours=1)
    reminders.remind(session.starts_at - timedelta(hours=23))


def a_membership(who: Somebody) -> None:
    make.membership(who=who.attendee)


def an_invitation(who: Somebody) -> None:
    make.invitation(email=who.email)


def a_form(who: Somebody) -> None:
    idempotency.spend(idempotency.Key(who.user, uuid.uuid4(), "x"), {"said": who.name})


def a_draw(who: Somebody) -> None:
    session = make.session(seats=1, waiting_list="draw", draw_at=timezone.now() - timedelta(minutes=1))
    taken = make.registration(session)
    assert taken.status == "confirmed"
    waits = make.registration(session, who.attendee, waits=True)
    waitlist.start_party(waits, actor=who.user)
    assert waitlist.draw(session, timezone.now())


def wishes(who: Somebody) -> None:
    allocation = make.allocation(make.session())
    allocating.express(allocation, who.attendee, list(allocation.sessions.all()))
    run = allocating.simulate(allocation, actor=who.user, seed="seed")
    who.world["run"] = run


def mails(who: Somebody) -> None:
    """One to each address; what a server said of one, and a key that holds an address."""
    post("x.y", who.former, dedupe_key=f"x.y:{who.former}", language="fr", context={"said": who.said("mot")})
    Message.objects.filter(to=who.former).update(status="failed", last_error=f"550 <{who.former}> unknown")
    organiser = make.user()
    post("outbox.test", organiser.email, dedupe_key=f"outbox.test:{who.user.pk}", language="fr")
    Message.objects.filter(kind="outbox.test", to=organiser.email).update(
        status="sent", sent_at=timezone.now(), subject="[Test]", text=f"Bonjour {who.name}."
    )


def a_suppressed_address(who: Somebody) -> None:
    suppression.mark(who.email, "bounced", f"no {who.email}", at=timezone.now())


def preferences(who: Somebody) -> None:
    OptOut.objects.create(user=who.user, topic=Topic.REMINDERS)
    OptOut.objects.create(email=who.former, topic=Topic.DIGESTS)
    calendar_feeds.open_feed(who.attendee, actor=who.user)


def lists(who: Somebody) -> None:
    """On the list of an institution; named, and corrected, in one that is being checked; taken off another."""
    cohort = make.cohort()
    coordinator = portal.role(cohort.institution)
    row = ["Quelconque", who.word.title(), who.email, f"n-{who.word}"]
    portal.apply(cohort, row, actor=coordinator)
    upload = portal.upload(cohort, portal.text(row), coordinator, replace=True, name=f"liste_{who.name}.csv")
    line = upload.rows.get(person__email=who.email).line
    reviewing.correct(upload, line, {"reference": f"m-{who.word}"})
    other = make.cohort()
    portal.apply(other, [*row[:2], who.former, ""])
    portal.apply(other, portal.ALAN, replace=True)
    Correction.objects.create(
        institution=cohort.institution, row_hash=who.word, email=who.email, fixes={"first_name": who.word}
    )
    removes = portal.upload(cohort, portal.text(portal.EMMY), coordinator, replace=True)
    assert removes.removed


def a_role(who: Somebody) -> None:
    """They handed in a list themselves, and act in the portal."""
    institution = make.institution()
    portal.role(institution, "owner")
    portal.role(institution, who=who.user)
    cohort = make.cohort(institution=institution)
    portal.upload(cohort, portal.text(portal.EMMY), who.user)
    portal.apply(cohort, ["Curie", "Marie", f"marie-{cohort.pk}@x.fr", ""], actor=who.user)


def an_objection(who: Somebody) -> None:
    cohort = make.cohort()
    Objection.objects.create(
        institution=cohort.institution,
        cohort=cohort,
        address_hash=objections.hash_of(cohort.institution_id, who.email),
    )


def a_duty(who: Somebody) -> None:
    Duty.objects.create(session=make.session(), user=who.user, role=who.said("accueil"))


def a_speaker(who: Somebody) -> None:
    make.speaker(user=who.user)


# What makes the traces, in order, and in which models.
TRACES: tuple[tuple[Callable[[Somebody], None], tuple[type[Model], ...]], ...] = (
    (an_account, (User, EmailAddress)),
    (an_attendee, (Attendee,)),
    (needs, (AccessNeeds, AccessNeedsConsent, AccessNeedsReading)),
    (a_privacy_request, (PrivacyRequest,)),
    (a_social_account, (SocialAccount,)),
    (an_entry_in_the_log, (LogEntry,)),
    (a_second_step, (Authenticator, SignInEvent)),
    (acts, ()),
    (a_role, (PartnerRole, Upload)),
    (web_sessions, (WebSession,)),
    (registrations, (Registration,)),
    (a_question, (Reconfirmation,)),
    (a_membership, (Membership,)),
    (an_invitation, (Invitation,)),
    (a_form, (IdempotencyKey,)),
    (a_draw, (Draw,)),
    (wishes, (Wish, AllocationRun)),
    (mails, (Message,)),
    (a_suppressed_address, (SuppressedAddress,)),
    (preferences, (OptOut, CalendarFeed)),
    (lists, (Invitee, UploadRow, UploadFile, Correction)),
    (an_objection, (Objection,)),
    (a_duty, (Duty,)),
    (a_speaker, (Speaker,)),
)


def leave(word: str) -> Somebody:
    who = Somebody(word)
    for trace, _models in TRACES:
        trace(who)
    return who


def covered() -> set[type[Model]]:
    return {model for _trace, models in TRACES for model in models}


# --- The search -------------------------------------------------------------------------------------------------------


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of each table of the database, whether a model knows it or not."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield table, dict(zip(names, row, strict=True))


def text_of(table: str, row: dict[str, Any]) -> str:
    """All columns, as text; what is packed is unpacked."""
    said = [str(value) for value in row.values()]
    said += [bytes(value).decode(errors="replace") for value in row.values() if isinstance(value, bytes | memoryview)]
    if "session_data" in row:
        packed = row["session_data"].split(":")[0]
        data = base64.urlsafe_b64decode(packed.lstrip(".") + "==")
        said.append((zlib.decompress(data) if packed.startswith(".") else data).decode())
    return "\n".join(said).lower()


def found(word: str) -> list[str]:
    """Where `word` stands in the database, in the files of the installation, and in the caches."""
    hits = [f"{table}: {row}" for table, row in rows() if word in text_of(table, row)]
    database = Path(str(connection.settings_dict["NAME"]))
    files = [path for path in Path(settings.VAR_DIR).rglob("*") if path.is_file()]
    files = [path for path in files if not path.name.startswith(database.name)]
    hits += [str(path) for path in files if word.encode() in path.read_bytes().lower()]
    for cache in caches.all():
        hits += [str(key) for key, value in getattr(cache, "_cache", {}).items() if word in f"{key}{value}".lower()]
    return hits


def links_to(who: Somebody, *, account: int, attendee: int) -> list[str]:
    """The rows of models, and of histories, whose keys still lead to the person."""
    hits = []
    for model in apps.get_models(include_auto_created=True):
        for link in model._meta.concrete_fields:
            key = {User: account, Attendee: attendee}.get(getattr(link, "related_model", None))
            if key and (number := model._base_manager.filter(**{link.attname: key}).count()):
                hits.append(f"{model._meta.label}.{link.name}: {number}")
    return hits


def of_kind(kind: PersonalData, who: Somebody) -> list[Any]:
    return list(kind.about(who.user.pk, {who.email, who.former}))


class Heard(logging.Handler):
    """Everything that is logged, whatever its level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Restored(Exception):
    pass


@contextmanager
def restored() -> Iterator[None]:
    """What the block has written to the database is gone; what it wrote to files is not."""
    with suppress(Restored), transaction.atomic():
        yield
        raise Restored
