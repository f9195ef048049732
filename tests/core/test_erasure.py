"""Who is erased is erased everywhere, and nobody else (docs/rules.md#erasure)."""

import json
import logging
import signal
import sqlite3
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Attendee, User
from allocations.domain import allocation as allocating
from core import erasure, erasure_log
from core.erasure import Why
from core.models import LegalHold
from core.personal_data import declared
from outbox.models import Message
from partners.domain import applying, responses, reviewing
from partners.models import Invitee, PartnerRole, Upload
from programme.domain import retention
from programme.models import Duty, Session, Speaker
from registrations.domain import attendance, booking, invariants, ledger, waitlist
from registrations.domain.ways_in import SeatRefused
from registrations.models import Figure, Invitation, Registration, SeatPool
from tests import make
from tests.core import traces
from tests.crowd import all_at_once
from tests.partners import portal
from tests.processes import environment, run_python

pytestmark = pytest.mark.django_db


def erase(*accounts: User, addresses: Any = (), why: Why = Why.BY_PERSON) -> erasure.Report:
    return erasure.erase([user.pk for user in accounts], addresses, why=why, at=timezone.now())


@pytest.mark.runs_once("it looks at the registry alone")
def test_every_model_of_the_registry_has_its_trace() -> None:
    assert {kind.model._meta.label for kind in declared()} == {model._meta.label for model in traces.covered()}


@pytest.mark.proves("erased-everywhere")
def test_nothing_names_who_was_erased_and_all_is_there_of_everybody_else() -> None:
    who, other = traces.leave("zephirine"), traces.leave("melchior")
    account, attendee = who.user.pk, who.attendee.pk
    assert len(traces.found("zephirine")) > 40
    untouched = [(table, row) for table, row in traces.rows() if "melchior" in traces.text_of(table, row)]
    heard = traces.Heard()
    logging.getLogger().addHandler(heard)
    try:
        report = erase(who.user)
    finally:
        logging.getLogger().removeHandler(heard)

    assert traces.found("zephirine") == []
    assert traces.links_to(who, account=account, attendee=attendee) == []
    assert "zephirine" not in "\n".join([*heard.lines, json.dumps(report.as_data())]).lower()
    assert [(table, row) for table, row in traces.rows() if "melchior" in traces.text_of(table, row)] == untouched
    assert User.objects.filter(pk=other.user.pk).exists()
    assert Attendee.objects.filter(pk=other.attendee.pk).exists()
    assert invariants.check(timezone.now())["breaches"] == []
    print(json.dumps(report.as_data(), indent=1))


@pytest.mark.proves("erased-everywhere")
def test_twice_is_once() -> None:
    who = traces.leave("zephirine")
    erase(who.user)
    before = list(traces.rows())

    report = erase(who.user)

    assert report.number == 0
    assert list(traces.rows()) == before


@pytest.mark.runs_once("it looks at what the traces leave")
def test_each_trace_is_one() -> None:
    who = traces.leave("zephirine")
    by_hash = {"partners.Objection", "partners.UploadFile"}
    empty = [kind.model._meta.label for kind in declared() if not traces.of_kind(kind, who)]
    assert set(empty) == by_hash


# --- Who waits, is offered, speaks, serves, is in a party -------------------------------------------------------------


@pytest.fixture(autouse=True)
def acts(settings: Any, tmp_path: Path) -> Path:
    """The file of this test alone."""
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"
    return settings.ERASURE_LOG


def status(session: Session, who: Attendee) -> str:
    return Registration.objects.get(session=session, attendee=who).status


@pytest.mark.proves("erasure-gives-seats-back")
def test_seats_go_to_those_who_wait_and_the_places_in_lines_close_up() -> None:
    ada, next_one = make.attendee("Ada Lovelace", email="ada@x.fr"), make.attendee()
    seat = make.session(seats=1, waiting_list="automatic")
    make.registration(seat, ada)
    make.registration(seat, next_one, waits=True)
    full = [make.session(seats=1, waiting_list="automatic") for _ in range(3)]
    behind = make.attendee()
    for session in full:
        make.registration(session)
        make.registration(session, ada, waits=True)
        make.registration(session, behind, waits=True)
    make.reminder(seat)
    queued = Message.objects.filter(to="ada@x.fr").waiting().count()

    report = erase(ada.user)

    assert status(seat, next_one) == "confirmed"
    assert make.pool(seat).taken == 1
    assert [waitlist.places(Registration.objects.filter(session=session, attendee=behind)) for session in full] == [
        {Registration.objects.get(session=session, attendee=behind).pk: 1} for session in full
    ]
    assert queued == 4
    assert not Message.objects.filter(to="ada@x.fr").exists()
    assert set(Message.objects.filter(to="").values_list("status", flat=True)) == {"dropped"}
    assert Message.objects.filter(kind="registrations.confirmed", to=next_one.user.email).count() == 1
    assert [line.number for line in report.lines if line.model == "registrations.Registration"] == [4, 8]
    assert len(report.said) == 2
    assert invariants.check(timezone.now())["breaches"] == []


@pytest.mark.proves("erasure-gives-seats-back")
def test_a_seat_that_was_offered_is_offered_to_the_next() -> None:
    session = make.session(seats=1, waiting_list="offer")
    first, ada, bob = make.attendee(), make.attendee(), make.attendee()
    make.registration(session, first)
    for who in (ada, bob):
        make.registration(session, who, waits=True)
    booking.cancel(session, first, actor=first.user)
    assert status(session, ada) == "offered"

    erase(ada.user, why=Why.BY_ORGANISERS)

    assert status(session, bob) == "offered"
    assert invariants.check(timezone.now())["breaches"] == []


@pytest.mark.proves("erasure-gives-seats-back")
def test_who_waited_together_with_somebody_waits_without_them() -> None:
    session = make.session(seats=2, waiting_list="automatic")
    first, other = make.attendee(), make.attendee()
    make.registration(session, first)
    make.registration(session, other)
    ada, bob = (make.registration(session, waits=True) for _ in range(2))
    party = waitlist.start_party(ada, actor=ada.attendee.user)
    waitlist.join_party(bob, party.code, actor=bob.attendee.user, at=timezone.now())
    booking.cancel(session, first, actor=first.user)
    assert status(session, bob.attendee) == "waiting"  # one seat for two

    erase(ada.attendee.user)

    assert status(session, bob.attendee) == "confirmed"
    assert invariants.check(timezone.now())["breaches"] == []


@pytest.mark.proves("erased-everywhere")
def test_a_speaker_stays_in_the_programme_and_who_serves_leaves_it() -> None:
    session, user = make.session(), make.user()
    speaker = make.speaker(user=user)
    make.participation(session=session, speaker=speaker)
    Duty.objects.create(session=session, user=user)

    erase(user)

    speaker.refresh_from_db()
    assert speaker.user is None
    assert speaker.participations.count() == 1
    assert not Duty.objects.exists()
    assert not Speaker.history.exclude(user=None).exists()


@pytest.mark.proves("erasure-gives-seats-back")
def test_past_seats_leave_figures_that_name_nobody() -> None:
    cohort = make.cohort()
    session = portal.session_for(cohort, 2)
    people = [make.attendee() for _ in range(2)]
    for who in people:
        make.membership(cohort, who)
        make.registration(session, who)
    left = make.session()
    make.registration(left, people[0])
    booking.cancel(left, people[0], actor=people[0].user)
    days = timedelta(days=10)
    Session.objects.filter(pk=session.pk).update(starts_at=session.starts_at - days, ends_at=session.ends_at - days)
    absent = Registration.objects.filter(session=session, attendee=people[1])
    attendance.mark_absent(absent, absent=True, actor=make.organiser(), at=timezone.now())

    erase(*(who.user for who in people), why=Why.RETENTION)

    figures = set(Figure.objects.values_list("session", "cohort", "outcome", "people"))
    assert figures == {
        (session.pk, cohort.pk, "came", 1),
        (session.pk, cohort.pk, "absent", 1),
        (left.pk, None, "by_person", 1),
    }
    assert set(SeatPool.objects.values_list("taken", flat=True)) == {0}
    assert invariants.check(timezone.now())["breaches"] == []


def test_figures_add_up_and_who_keeps_an_account_leaves_one_edition() -> None:
    session, kept = make.session(), make.session()
    mine = [make.registration(session) for _ in range(3)]
    stays = make.registration(kept, mine[0].attendee)
    over = session.ends_at + timedelta(hours=1)

    for registration in mine:
        assert ledger.settle([registration.pk], at=over) == 1
    assert ledger.settle([registration.pk for registration in mine], at=over) == 0

    assert Figure.objects.get(session=session).people == 3
    assert list(Registration.objects.all()) == [stays]
    assert not Registration.history.exclude(id=stays.pk).exists()
    assert make.pool(session).taken == 0
    with pytest.raises(ValueError, match="is live"):
        ledger.settle([stays.pk], at=timezone.now())


# --- Who cannot go ----------------------------------------------------------------------------------------------------


@pytest.mark.proves("erasure-refused")
def test_the_last_owner_and_the_last_account_with_full_rights_stay_and_it_is_said() -> None:
    owner = portal.role(make.institution(name="Cnam"), "owner")
    chief = make.organiser()
    for who, said in ((owner, "Cnam"), (chief, "tous les droits")):
        with pytest.raises(ValidationError, match=said):
            erase(who)
    someone = make.user()

    report = erase(owner, chief, someone, why=Why.RETENTION)

    assert report.people == 1
    assert len(report.kept) == 2
    assert set(User.objects.all()) == {owner, chief}


def test_an_owner_goes_when_there_is_another() -> None:
    institution = make.institution()
    first, second = portal.role(institution, "owner"), portal.role(institution, "owner", make.user())

    erase(first)

    assert [role.user for role in PartnerRole.objects.all()] == [second]
    with pytest.raises(ValidationError):
        erase(second)


@pytest.mark.proves("erasure-refused")
@pytest.mark.parametrize("by", ["account", "address"])
def test_a_legal_hold_names_what_stays_and_until_when(by: str) -> None:
    ada, bob = make.attendee(email="ada@x.fr"), make.attendee()
    hold = {"account": ada.user.pk} if by == "account" else {"address_hash": erasure_log.address_hash("ada@x.fr")}
    until = timezone.now().date() + timedelta(days=30)
    LegalHold.objects.create(reason="Litige 12", until=until, **hold)
    make.registration(who=ada)

    report = erase(ada.user, bob.user)

    assert [(one.reason, one.until) for one in report.kept] == [("Litige 12", until.isoformat())]
    assert list(User.objects.all()) == [ada.user]
    assert Message.objects.get().to == "ada@x.fr"
    LegalHold.objects.update(until=timezone.now().date() - timedelta(days=1))
    assert erase(ada.user).people == 1


def test_a_link_says_that_a_legal_hold_keeps_the_data(client: Any, cohort: Any) -> None:
    ada = portal.invitee(cohort, portal.ADA)
    until = timezone.now().date() + timedelta(days=30)
    LegalHold.objects.create(reason="Litige 12", until=until, address_hash=erasure_log.address_hash("ada@x.fr"))

    page = client.post(f"/invitations/{ada.key}/", {"act": "erase"}, follow=True).content.decode()

    assert "Litige 12" in page
    assert Invitee.objects.count() == 1


# --- Organisers -------------------------------------------------------------------------------------------------------


@pytest.mark.proves("erased-everywhere")
def test_what_an_organiser_did_keeps_a_role_alone(client: Any) -> None:
    make.organiser()
    olympe = make.organiser("Olympe Partie")
    institution = make.institution(name="Cnam")
    institution.name = "Le Cnam"
    institution._history_user = olympe
    institution.save()

    erase(olympe)

    reader = make.organiser("Lectrice")
    page = make.sign_in(client, reader).get(f"/admin/registrations/institution/{institution.pk}/history/")
    text = page.content.decode()
    assert "Le Cnam" in text
    assert "un organisateur" in text
    assert "Olympe Partie" not in text


# --- Lists ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cohort() -> Any:
    return make.cohort(institution=make.institution(name="Cnam"), size=20)


def test_a_list_that_is_checked_loses_the_row_and_is_looked_at_again(cohort: Any) -> None:
    camille = portal.role(cohort.institution)
    upload = portal.upload(cohort, portal.text(portal.ADA, portal.ALAN), camille)

    erase(addresses=["ada@x.fr"])

    assert portal.work(upload).counts["new"] == 1
    assert [row.person["email"] for row in upload.rows.filter(is_title=False)] == ["alan@x.fr"]
    portal.confirm(Upload.objects.get(), camille)
    assert [invitee.email for invitee in Invitee.objects.all()] == ["alan@x.fr"]


def test_a_list_that_is_being_applied_does_not_bring_them_back(cohort: Any) -> None:
    camille = portal.role(cohort.institution)
    upload = portal.upload(cohort, portal.text(portal.ADA, portal.ALAN), camille)
    shown = {name: upload.counts[name] for name in ("new", "changed", "removed")}
    upload = reviewing.confirm(upload, as_shown=shown, actor=camille)

    erase(addresses=["ada@x.fr"])

    upload = portal.work(upload)
    assert upload.status == "review"  # no longer what was agreed to
    portal.confirm(upload, camille)
    assert [invitee.email for invitee in Invitee.objects.all()] == ["alan@x.fr"]


def test_undoing_an_older_list_skips_them(cohort: Any) -> None:
    camille = portal.role(cohort.institution)
    portal.apply(cohort, portal.ADA, portal.ALAN, actor=camille)
    replaced = portal.apply(cohort, portal.EMMY, replace=True, actor=camille)

    erase(addresses=["ada@x.fr"])
    applying.undo(replaced, actor=camille, at=timezone.now())

    assert {invitee.email for invitee in Invitee.objects.all()} == {"alan@x.fr"}
    assert not Invitee.history.filter(email="ada@x.fr").exists()


def test_a_list_that_names_them_later_invites_nobody_but_retention_is_no_objection(cohort: Any) -> None:
    portal.apply(cohort, portal.ADA, portal.ALAN)
    erase(addresses=["ada@x.fr"], why=Why.BY_PERSON)
    erase(addresses=["alan@x.fr"], why=Why.RETENTION)

    portal.apply(cohort, portal.ADA, portal.ALAN)

    assert [invitee.email for invitee in Invitee.objects.all()] == ["alan@x.fr"]


def test_an_address_that_is_somebody_elses_by_now_is_left_to_them() -> None:
    ada = make.user("common@x.fr")
    ada.email = "ada@x.fr"
    ada.save()
    bob = make.attendee(email="common@x.fr")
    make.registration(who=bob)

    erase(ada)

    assert Message.objects.get().to == "common@x.fr"
    erase(addresses=["common@x.fr"])
    assert Message.objects.get().to == "common@x.fr"


def test_a_person_with_two_accounts_goes_with_both() -> None:
    one, other = make.attendee("Ada Lovelace", email="ada@x.fr"), make.attendee("Ada Lovelace", email="ada@y.fr")
    session = make.session()
    make.registration(session, one)
    make.registration(session, other)

    report = erase(one.user, other.user)

    assert report.people == 2
    assert not User.objects.exists()
    assert make.pool(session).taken == 0


# --- Allocations ------------------------------------------------------------------------------------------------------


def test_a_simulation_that_somebody_left_is_not_put_into_force_and_one_in_force_is_replayed(capsys: Any) -> None:
    session = make.session(seats=1)
    allocation = make.allocation(session)
    ada, bob = make.attendee("Ada Lovelace"), make.attendee()
    for who in (ada, bob):
        allocating.express(allocation, who, [session])
    run = make.simulation(allocation)
    over = allocation.closes_at + timedelta(minutes=1)

    erase(ada.user)

    with pytest.raises(SeatRefused):
        allocating.commit(run, actor=make.organiser(), at=over)
    run = allocating.commit(make.simulation(allocation), actor=make.organiser(), at=over)
    erase(bob.user)
    call_command("replay_allocation", str(run.uuid))
    assert json.loads(capsys.readouterr().out)["same"] is True
    page = make.sign_in(Client(), make.organiser()).get(f"/admin/allocations/allocationrun/{run.pk}/change/")
    assert page.status_code == 200


# --- All or nothing, once ---------------------------------------------------------------------------------------------


@pytest.mark.proves("erased-everywhere")
@pytest.mark.django_db(transaction=True)
def test_twice_at_once_is_once_and_seats_are_given_meanwhile() -> None:
    sessions = [make.session(seats=1, waiting_list="automatic") for _ in range(3)]
    ada, seated, waiting = make.attendee(), make.attendee(), make.attendee()
    for session in sessions:
        make.registration(session, seated)
        make.registration(session, ada, waits=True)
        make.registration(session, waiting, waits=True)
    jobs: list[Any] = [partial(erase, ada.user) for _ in range(2)]
    jobs += [partial(booking.cancel, session, seated, actor=seated.user) for session in sessions]

    answers = all_at_once(jobs)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert sorted(report.people for report in answers[:2]) == [0, 1]  # type: ignore[union-attr]
    assert not Registration.objects.filter(attendee=ada.pk).exists()
    assert [status(session, waiting) for session in sessions] == ["confirmed"] * 3
    assert invariants.check(timezone.now())["breaches"] == []


ERASE_AND_DIE = """
import os, signal
from django.utils import timezone
from accounts.models import User
from core import erasure, erasure_log
from core.erasure import Why

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

{spot} = {blow}
erasure.erase([User.objects.get(email="ada@x.fr").pk], why=Why.RETENTION, at=timezone.now())
"""
NOTE = "(lambda note: lambda *args, **kwargs: (note(*args, **kwargs), die()))(erasure_log.note)"


@pytest.mark.proves("erased-everywhere")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("spot", "blow", "kept"),
    [
        ("erasure._act_on_rows", "die", False),
        ("erasure._keep_roles_alone", "die", False),
        ("erasure_log.note", NOTE, True),
    ],
    ids=["before the rows", "after the histories", "after the file, before the commit"],
)
def test_a_process_that_is_killed_half_way_erases_nothing_and_what_is_in_the_file_is_done_at_the_next_start(
    tmp_path: Path, spot: str, blow: str, kept: bool
) -> None:
    ada = make.attendee("Ada Lovelace", email="ada@x.fr")
    make.registration(who=ada)
    before = list(traces.rows())

    died = run_python(
        ERASE_AND_DIE.format(spot=spot, blow=blow),
        environment(tmp_path, ERASURE_LOG=tmp_path / "acts.jsonl", BROKER_URL="redis://127.0.0.1:1/0"),
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert list(traces.rows()) == before
    assert erasure.replay() == kept
    assert User.objects.exists() is not kept
    assert erasure.replay() == 0
    if not kept:
        erase(ada.user)
    assert [hit for hit in traces.found("ada@x.fr") if "erasure" not in hit] == []


# --- After a restore --------------------------------------------------------------------------------------------------


@pytest.mark.proves("erasure-survives-restore")
def test_what_a_restored_database_brings_back_goes_again_and_nobody_else(acts: Path, cohort: Any) -> None:
    ada, bob = make.attendee(email="ada@x.fr"), make.attendee(email="bob@x.fr")
    make.registration(who=ada)
    portal.apply(cohort, portal.ALAN)
    with traces.restored():
        ada.user.email = "ada.nouvelle@x.fr"  # changed after the dump: the one before is known too
        ada.user.save()
        erase(ada.user)
        erase(addresses=["alan@x.fr"])
        assert erasure.replay() == 0
    assert User.objects.count() == 2
    assert "ada" not in acts.read_text()

    assert erasure.replay() == 2

    assert list(User.objects.all()) == [bob.user]
    assert not Invitee.objects.exists()
    assert erasure.replay() == 0
    portal.apply(cohort, portal.ALAN)
    assert not Invitee.objects.exists()  # and the objection is there again


@pytest.mark.proves("erasure-survives-restore")
def test_a_restore_forgets_no_link_that_was_used(cohort: Any) -> None:
    ada = portal.invitee(cohort, portal.ADA)
    portal.invitee(make.cohort(), portal.ADA)
    with traces.restored():
        responses.erase(ada, at=timezone.now())

    assert erasure.replay() == 1

    assert [invitee.cohort_id for invitee in Invitee.objects.all()] != [cohort.pk]
    assert Invitee.objects.count() == 1


STARTS = {
    "web": "import summit.wsgi",
    "worker": "from celery import signals; import summit.celery; signals.worker_init.send(None)",
    "command": "from django.core.management import call_command; call_command('replay_erasures')",
}


@pytest.mark.proves("erasure-survives-restore")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("start", STARTS)
def test_whatever_starts_erases_again_and_does_not_start_when_it_cannot(tmp_path: Path, start: str) -> None:
    ada, bob = make.attendee(email="ada@x.fr"), make.user()
    with traces.restored():
        erasure.erase([ada.user.pk], why=Why.RETENTION, at=timezone.now())
    file = tmp_path / "acts.jsonl"
    known = {"ERASURE_LOG": file, "SECRET_KEY": settings.SECRET_KEY}

    done = run_python(STARTS[start], environment(tmp_path, **known))

    assert done.returncode == 0, done.stderr
    assert list(User.objects.all()) == [bob]
    with traces.restored():
        erasure.erase([bob.pk], why=Why.RETENTION, at=timezone.now())
    nowhere = {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    assert run_python(STARTS[start], environment(tmp_path, **known | nowhere)).returncode != 0


@pytest.mark.runs_once("it reads a file")
def test_a_line_that_was_cut_off_is_passed_over_and_the_next_begins_anew(acts: Path) -> None:
    one, other = make.user(), make.user()
    with traces.restored():
        erase(one)
    acts.write_bytes(acts.read_bytes() + b'{"act": "c0ffee')
    with traces.restored():
        erase(other)

    assert erasure.replay() == 2
    assert not User.objects.exists()


@pytest.mark.runs_once("it reads a file")
def test_an_act_that_was_undone_is_not_done_weeks_later_to_whoever_has_the_address_then() -> None:
    begun = timezone.now() - timedelta(days=20)
    make.invitation(email="ada@x.fr")
    with traces.restored():
        erasure.erase((), ["ada@x.fr"], why=Why.BY_ORGANISERS, at=begun)
    assert len(erasure_log.missing()) == 1
    erasure.erase([make.user().pk], why=Why.RETENTION, at=begun + timedelta(hours=1))
    assert len(erasure_log.missing()) == 1
    erasure.erase([make.user().pk], why=Why.RETENTION, at=begun + timedelta(days=2))

    assert erasure.replay() == 0
    assert Invitation.objects.exists()


@pytest.mark.runs_once("it is the file of SQLite")
@pytest.mark.django_db(transaction=True)
def test_the_file_of_sqlite_holds_no_remains() -> None:
    who = traces.leave("zephirine")
    erase(who.user)

    database = Path(str(connection.settings_dict["NAME"]))
    for path in database.parent.glob(f"{database.name}*"):
        assert b"zephirine" not in path.read_bytes().lower(), path


@pytest.mark.runs_once("it is the file of SQLite")
@pytest.mark.django_db(transaction=True)
def test_whoever_reads_holds_up_neither_the_erasure_nor_others_and_the_hourly_run_clears_the_file() -> None:
    who = traces.leave("zephirine")
    database = Path(str(connection.settings_dict["NAME"]))
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM accounts_user").fetchone()
    began = time.monotonic()

    erase(who.user)
    make.user()

    assert time.monotonic() - began < 10, "the patience of a connection is 60 seconds in tests"
    reader.execute("COMMIT")
    reader.close()
    retention.run(timezone.now(), hourly=True)
    for path in database.parent.glob(f"{database.name}*"):
        assert b"zephirine" not in path.read_bytes().lower(), path
