"""What the tests of the portal have in common: a cohort with its people, somebody who works on its lists, and a
worker."""

from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Attendee, User
from partners.domain import applying, files, processing, responses, reviewing
from partners.models import Invitee, PartnerRole, Upload
from programme.models import Session
from registrations.domain import booking, pools
from registrations.models import Cohort, Institution
from tests import make
from tests.partners import files as make_files

ADA, ALAN, EMMY = (
    ["Lovelace", "Ada", "ada@x.fr", "21001"],
    ["Turing", "Alan", "alan@x.fr", "21002"],
    ["Noether", "Emmy", "emmy@x.fr", "21003"],
)


def text(*rows: Any) -> bytes:
    return make_files.text(make_files.HEADER, *rows)


def apply(cohort: Cohort, *rows: Any, replace: bool = False, actor: User | None = None) -> Upload:
    mode = Upload.Mode.REPLACE if replace else Upload.Mode.ADD
    upload = Upload(institution=cohort.institution, cohort=cohort, file_name="liste.csv", file_hash="0" * 64, mode=mode)
    return applying.apply(upload, files.read(text(*rows)).people, actor=actor, at=timezone.now())


def role(institution: Institution, name: str = "coordinator", who: User | None = None) -> User:
    who = who or make.attendee("Camille Coordinatrice").user
    PartnerRole.objects.create(institution=institution, user=who, role=name)
    return who


def signed_in(who: User) -> Client:
    return make.sign_in(Client(), who)


def upload(cohort: Cohort, data: bytes, actor: User, *, replace: bool = False, name: str = "liste.csv") -> Upload:
    """Handed in and read."""
    mode = Upload.Mode.REPLACE if replace else Upload.Mode.ADD
    made = reviewing.receive(cohort, data, name, actor=actor, mode=mode, at=timezone.now())
    return work(made)


def work(upload: Upload) -> Upload:
    """What a worker does when it is rung for, now."""
    processing.work(upload, at=timezone.now())
    return Upload.objects.get(pk=upload.pk)


def confirm(upload: Upload, actor: User) -> Upload:
    shown = {name: upload.counts[name] for name in ("new", "changed", "removed")}
    return work(reviewing.confirm(upload, as_shown=shown, actor=actor))


def invitee(cohort: Cohort, row: Any = ADA) -> Invitee:
    """The person of `row` on the cohort's list, put there if need be."""
    found = Invitee.objects.filter(institution=cohort.institution, email=row[2]).first()
    if found is None:
        apply(cohort, row)
    return Invitee.objects.get(institution=cohort.institution, email=row[2])


def accepted(invitee: Invitee) -> Attendee:
    """Who the invitee is, once they have accepted."""
    return responses.accept(invitee, [], language="fr", at=timezone.now()).attendee


def session_for(cohort: Cohort, seats: int = 1, **fields: Any) -> Session:
    """A session of the cohort alone, with `seats` kept for it and a line that moves by itself."""
    made = make.session(seats=fields.pop("capacity", seats), access="cohort", waiting_list="automatic", **fields)
    pools.allot(made, cohort, seats)
    return made


def seat(session: Session, who: Attendee) -> None:
    """A seat, or a place on the waiting list."""
    booking.register(booking.Ask(session, who, actor=who.user, waits=True))
