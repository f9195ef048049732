"""Every kind of data is kept as long as people were told, and no longer: sentence and run are made from one number."""

import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import override

from accounts.domain import access_needs
from accounts.models import AccessNeeds, Attendee, User, WebSession
from core import erasure_log, retention
from core.models import LegalHold
from core.retention import span
from notices.models import CalendarFeed, OptOut
from outbox.models import Message
from partners.domain import applying
from partners.domain import retention as lists
from partners.models import Invitee, PartnerRole, Upload, UploadFile, UploadRow
from programme.domain import retention as run
from programme.models import Duty, Edition, RetentionRun, Speaker
from registrations.domain import invariants
from registrations.domain import retention as people
from registrations.models import Figure, IdempotencyKey, Invitation, Membership, Registration
from tests import make
from tests.core import traces
from tests.crowd import all_at_once
from tests.partners import portal
from tests.processes import environment, run_python

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def keep(key: str, days: int, edition: Edition | None = None) -> None:
    """What organisers choose for an edition, the current one unless said otherwise."""
    run.choose(edition or make.current_edition(), {key: days}, actor=None)


@pytest.fixture
def over() -> datetime:
    """The current edition was over a year ago; its end."""
    return end_of(make.current_edition(), timezone.now() - timedelta(days=365))


def end_of(edition: Edition, moment: datetime) -> datetime:
    """Let `edition` end about that moment; returns when it does."""
    edition.refresh_from_db()
    edition.starts_on = edition.ends_on = moment.date()
    edition.save()
    return run.ends([edition.pk])[edition.pk]


# --- Something of each kind, and when its days begin ------------------------------------------------------------------


def _a_session(end: datetime, **fields: Any) -> Any:
    return make.session(starts_at=end - 5 * HOUR, **fields)


def _never_accepted(end: datetime) -> Callable[[], bool]:
    one = portal.invitee(make.cohort(), portal.ALAN)
    Invitee.objects.filter(pk=one.pk).update(created_at=end - 9 * DAY)
    return Invitee.objects.filter(pk=one.pk).exists


def _registered(end: datetime) -> Callable[[], bool]:
    seat = make.registration(_a_session(timezone.now() + DAY))
    _move(seat, end)
    Registration.objects.filter(pk=seat.pk).update(is_absent=True)
    return User.objects.filter(pk=seat.attendee.user_id).exists


def _came(end: datetime) -> Callable[[], bool]:
    seat = make.registration(_a_session(timezone.now() + DAY))
    _move(seat, end)
    return User.objects.filter(pk=seat.attendee.user_id).exists


def _move(seat: Registration, end: datetime) -> None:
    """A seat can only be taken in what is to come; then it is over."""
    seat.session.starts_at, seat.session.ends_at = end - 5 * HOUR, end - 4 * HOUR
    type(seat.session).objects.filter(pk=seat.session_id).update(starts_at=end - 5 * HOUR, ends_at=end - 4 * HOUR)


def _access_needs(end: datetime) -> Callable[[], bool]:
    who = make.attendee()
    access_needs.write(who, "Une boucle magnétique", words="Oui", at=end - DAY)
    return AccessNeeds.objects.filter(attendee=who).exists


def _mail_texts(end: datetime) -> Callable[[], bool]:
    mail = Message.objects.create(
        kind="x", dedupe_key="x", to="ada@x.fr", text="Ada", not_before=end, sent_at=end, status="sent"
    )
    Message.objects.filter(pk=mail.pk).update(created_at=end - 5 * DAY)
    return Message.objects.filter(pk=mail.pk, text="Ada").exists


def _sign_ins(end: datetime) -> Callable[[], bool]:
    who = make.organiser()
    entry = LogEntry.objects.create(user=who, action_flag=2, object_repr="Ada Lovelace")
    LogEntry.objects.filter(pk=entry.pk).update(action_time=end)
    return LogEntry.objects.filter(pk=entry.pk).exists


def _uploads(end: datetime) -> Callable[[], bool]:
    cohort = make.cohort()
    upload = portal.upload(cohort, portal.text(portal.ADA), portal.role(cohort.institution))
    Upload.objects.update(created_at=end)
    return lambda: Upload.objects.filter(pk=upload.pk).exists() or UploadFile.objects.exists()


def _unconfirmed(end: datetime) -> Callable[[], bool]:
    who = make.user()
    User.objects.filter(pk=who.pk).update(date_joined=end)
    return User.objects.filter(pk=who.pk).exists


def _forms(end: datetime) -> Callable[[], bool]:
    key = IdempotencyKey.objects.create(
        user=make.organiser(), key="0" * 8 + "-0000-4000-8000-" + "0" * 12, body="", answer={}, created_at=end
    )
    return IdempotencyKey.objects.filter(pk=key.pk).exists


def _web_sessions(end: datetime) -> Callable[[], bool]:
    session = WebSession.objects.create(session_key="k" * 32, session_data="", expire_date=end)
    return WebSession.objects.filter(pk=session.pk).exists


ONE_OF_EACH: dict[str, Callable[[datetime], Callable[[], bool]]] = {
    "never_accepted": _never_accepted,
    "registered": _registered,
    "came": _came,
    "access_needs": _access_needs,
    "mail_texts": _mail_texts,
    "sign_ins": _sign_ins,
    "uploads": _uploads,
    "unconfirmed": _unconfirmed,
    "forms": _forms,
    "web_sessions": _web_sessions,
}
KEYS = [kind.key for kind in retention.kinds()]


@pytest.mark.runs_once("it looks at the register alone")
def test_each_kind_is_tried_here() -> None:
    assert set(KEYS) == set(ONE_OF_EACH)


@pytest.mark.proves("retention")
@pytest.mark.parametrize("where", ["proposed", "least", "most"])
@pytest.mark.parametrize("key", KEYS)
def test_what_people_are_told_is_what_the_run_does(key: str, where: str, over: datetime) -> None:
    kind = retention.kind(key)
    days: int = getattr(kind, where)
    keep(key, days)
    is_there = ONE_OF_EACH[key](over)

    run.run(over + days * DAY - HOUR)
    assert is_there(), "it was promised for longer"
    run.run(over + days * DAY + HOUR)
    assert not is_there(), "it was promised for no longer"

    [told] = retention.sentences(make.current_edition(), key)
    assert span(days) in told or days == 0
    with override("en"):
        [told] = retention.sentences(make.current_edition(), key)
    assert span(days) or days == 0


# --- One person with a trace everywhere, and a clock that moves -------------------------------------------------------


@pytest.mark.proves("retention")
def test_in_400_days_every_promise_is_kept_table_by_table() -> None:
    """Each table names the person until the day that people were told, and not the day after."""
    make.current_edition()
    who = traces.leave("zephirine")
    PartnerRole.objects.filter(user=who.user).delete()
    Speaker.objects.filter(user=who.user).update(user=None)
    PartnerRole.history.filter(user=who.user).delete()
    began = timezone.now()
    end = end_of(make.current_edition(), began + 10 * DAY).astimezone(UTC)  # a day is 24 hours, in summer too
    days = run.policy(make.current_edition())
    promised = {
        UploadRow: began + days["uploads"] * DAY,
        IdempotencyKey: began + days["forms"] * DAY,
        LogEntry: began + days["sign_ins"] * DAY,
        Attendee: end + days["came"] * DAY,
        User: end + days["came"] * DAY,
        Membership: end + days["came"] * DAY,
        Invitation: end + days["came"] * DAY,
        OptOut: end + days["came"] * DAY,
        CalendarFeed: end + days["came"] * DAY,
        Invitee.history.model: end + days["never_accepted"] * DAY,
    }
    last_seen: dict[type[Any], datetime] = {}
    needs_until = texts_until = began
    near = {(until - began).days + days for until in promised.values() for days in (-1, 0, 1)}
    for day in sorted({*range(14), *range(0, 401, 20), *near, *(40, 41, 42)}):
        at = began + day * DAY + HOUR
        run.run(at)
        for model in promised:
            if model.objects.filter(**_about(model, who)).exists():
                last_seen[model] = at
        if AccessNeeds.objects.filter(attendee=who.attendee).exists():
            needs_until = at
        if Message.objects.filter(to=who.email).exclude(context={}).exists():
            texts_until = at

    for model, until in promised.items():
        assert until - DAY <= last_seen[model] <= until + HOUR, model._meta.label
    # They are kept for days of UTC, of which the last ends an hour later than that of Paris.
    assert end + (days["access_needs"] - 1) * DAY <= needs_until <= end + days["access_needs"] * DAY + HOUR
    assert texts_until <= end + days["came"] * DAY
    assert traces.found("zephirine") == []
    assert invariants.check(began + 400 * DAY)["breaches"] == []


def _about(model: type[Any], who: traces.Somebody) -> dict[str, Any]:
    """How the rows of `model` about the person are found."""
    return {
        UploadRow: {"person__email": who.email},
        IdempotencyKey: {"user": who.user},
        LogEntry: {"user": who.user},
        Attendee: {"user": who.user},
        User: {"pk": who.user.pk},
        Membership: {"attendee": who.attendee},
        Invitation: {"email": who.email},
        OptOut: {"user": who.user},
        CalendarFeed: {"attendee": who.attendee},
        Invitee.history.model: {"email": who.former},
    }[model]


# --- Who stays, and what of them goes ---------------------------------------------------------------------------------


def seat_of_last_year(over: datetime, who: Attendee | None = None) -> Registration:
    seat = make.registration(who=who)
    _move(seat, over)
    User.objects.filter(pk=seat.attendee.user_id).update(date_joined=over - 30 * DAY, last_login=over - DAY)
    return seat


def _role(who: Attendee) -> None:
    portal.role(make.institution(), who=who.user)


def _organises(who: Attendee) -> None:
    User.objects.filter(pk=who.user_id).update(is_staff=True)


def _speaks(who: Attendee) -> None:
    make.speaker(user=who.user)


def _comes_next_time(who: Attendee) -> None:
    edition = make.edition(state=Edition.State.OPEN)
    end_of(edition, timezone.now() + 30 * DAY)
    make.membership(make.cohort(edition=edition), who)


@pytest.mark.parametrize("stays", [_role, _organises, _speaks, _comes_next_time], ids=lambda one: one.__name__)
def test_of_whoever_stays_the_rows_of_the_edition_go(stays: Callable[[Attendee], None], over: datetime) -> None:
    seat = seat_of_last_year(over)
    Duty.objects.create(session=seat.session, user=seat.attendee.user)
    stays(seat.attendee)

    run.run(timezone.now())
    run.run(timezone.now())

    assert User.objects.filter(pk=seat.attendee.user_id).exists()
    assert not Registration.objects.exists() and not Registration.history.exists()
    assert not Duty.objects.exists() and not Duty.history.exists()
    assert [(figure.session, figure.people) for figure in Figure.objects.all()] == [(seat.session, 1)]
    assert invariants.check(timezone.now())["breaches"] == []


def test_who_has_seats_in_two_editions_goes_after_the_later(over: datetime) -> None:
    seat = seat_of_last_year(over)
    _comes_next_time(seat.attendee)
    later = run.ends()[Edition.objects.exclude(is_current=True).get().pk]

    run.run(later + 29 * DAY)
    assert User.objects.filter(pk=seat.attendee.user_id).exists()
    run.run(later + 31 * DAY)  # a member of a cohort, without a seat
    assert not User.objects.filter(pk=seat.attendee.user_id).exists()


def test_who_opened_an_account_and_did_nothing_goes_after_the_edition_that_they_meant(over: datetime) -> None:
    idle, new = make.user(), make.user()
    User.objects.filter(pk=idle.pk).update(date_joined=over - 9 * DAY, last_login=over - DAY)
    User.objects.filter(pk=new.pk).update(last_login=timezone.now())

    run.run(timezone.now())
    assert list(User.objects.all()) == [new]

    run.run(timezone.now() + 29 * DAY)
    assert list(User.objects.all()) == [new]
    run.run(timezone.now() + 31 * DAY)
    assert not User.objects.exists()


def test_an_account_that_an_organiser_made_waits_for_its_person() -> None:
    made = User(email="invitee@x.fr")
    made.set_unusable_password()
    made._history_user = make.organiser()  # type: ignore[attr-defined]
    made.save()
    needed = make.membership().attendee.user

    run.run(timezone.now() + 2 * DAY, hourly=True)

    assert User.objects.filter(pk__in=[made.pk, needed.pk]).count() == 2


def test_a_legal_hold_keeps_everything_of_whom_it_names(over: datetime) -> None:
    held = seat_of_last_year(over)
    seat_of_last_year(over)
    _role(held.attendee)
    until = timezone.now().date() + 9 * DAY
    LegalHold.objects.create(account=held.attendee.user_id, reason="Litige", until=until)
    listed = portal.invitee(make.cohort(), portal.ADA)
    Invitee.objects.update(created_at=over - DAY)
    LegalHold.objects.create(address_hash=erasure_log.address_hash("ada@x.fr"), reason="Litige", until=until)

    run.run(timezone.now())
    assert list(Registration.objects.all()) == [held]
    assert list(Invitee.objects.all()) == [listed]

    run.run(timezone.now() + 11 * DAY)
    assert not Registration.objects.exists() and not Invitee.objects.exists()


# --- Bad moments ------------------------------------------------------------------------------------------------------


def some_people(over: datetime, number: int = 9) -> None:
    """Half of them on a list, half with an account."""
    cohort = make.cohort(size=100)
    portal.apply(cohort, *([f"N{n}", f"P{n}", f"p{n}@x.fr", f"{n}"] for n in range(number)))
    Invitee.objects.update(created_at=over - 9 * DAY)
    for _one in range(number):
        seat_of_last_year(over)


def nobody_is_left() -> bool:
    return not (Invitee.history.exists() or User.objects.exists() or Registration.history.exists())


def test_after_a_week_off_one_run_makes_up_for_it(over: datetime) -> None:
    some_people(over)
    run.run(over + 29 * DAY)
    assert Invitee.objects.count() == 9

    run.run(over + 37 * DAY)

    assert not Invitee.objects.exists()
    assert run.run(over + 37 * DAY)["never_accepted"] == 0


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_no_harm(
    over: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    some_people(over)
    monkeypatch.setattr(people, "AT_ONCE", 2)
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    at = timezone.now()

    answers = all_at_once([lambda: run.run(at)] * 4, threads=4)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert caplog.records == []
    assert nobody_is_left()
    assert invariants.check(at)["breaches"] == []
    assert sum(figure.people for figure in Figure.objects.all()) == 9


RUN_AND_DIE = """
import os, signal
from django.utils import timezone
from accounts.models import User
from core import erasure
from partners.domain import retention as lists
from partners.models import Invitee
from programme.domain import retention as run
from registrations.domain import retention as people

def in_the_second_batch(act, before={table}.objects.count()):
    def acts(*args):
        if {table}.objects.count() < before - 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*args)
    return acts

people.AT_ONCE = lists.AT_ONCE = 2
{spot} = in_the_second_batch({spot})
run.run(timezone.now())
"""


@pytest.mark.proves("retention")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("spot", "table"),
    [("lists._forget_what_was_typed", Invitee), ("erasure._act_on_histories", User)],
    ids=["people of lists", "accounts"],
)
def test_a_run_that_is_killed_half_way_is_ended_by_the_next(
    over: datetime, tmp_path: Path, spot: str, table: type[Any]
) -> None:
    some_people(over)
    before = table.objects.count()

    died = run_python(
        RUN_AND_DIE.format(spot=spot, table=table.__name__),
        environment(tmp_path, ERASURE_LOG=tmp_path / "acts.jsonl", BROKER_URL="redis://127.0.0.1:1/0"),
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert table.objects.count() == before - 2  # the next two are all there
    assert invariants.check(timezone.now())["breaches"] == []

    run.run(timezone.now())

    assert nobody_is_left()
    assert invariants.check(timezone.now())["breaches"] == []


def test_what_fails_is_undone_and_keeps_nothing_else(
    over: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    some_people(over)

    def stumble(*args: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(lists, "forget_addresses", stumble)
        run.run(timezone.now())
    assert Invitee.objects.count() == 9, "all of a batch, or nothing"
    assert not User.objects.exists(), "one kind that fails keeps no other from going"
    assert "never_accepted" in caplog.text
    assert not RetentionRun.objects.filter(kind="never_accepted", edition=make.current_edition()).exists()

    run.run(timezone.now())
    assert nobody_is_left()


@pytest.mark.only_on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_list_that_is_being_applied_has_its_turn_first(over: datetime) -> None:
    some_people(over)
    institution = Invitee.objects.values_list("institution", flat=True)[0]

    def other() -> None:
        try:
            run.run(timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        applying.lock(institution)
        Invitee.objects.filter(email="p1@x.fr").update(created_at=timezone.now())  # listed again, for what is to come
        thread.start()
        thread.join(1)
        assert Invitee.objects.count() == 9 and thread.is_alive()
    thread.join(60)

    assert [one.email for one in Invitee.objects.all()] == ["p1@x.fr"]


def test_a_list_that_is_being_checked_keeps_its_rows(over: datetime) -> None:
    """The same people are handed in for the next edition while those of the last one go."""
    some_people(over, 2)
    seat = seat_of_last_year(over, make.attendee(email="p7@x.fr"))
    edition = make.edition(state=Edition.State.OPEN)
    end_of(edition, timezone.now() + 30 * DAY)
    cohort = make.cohort(edition=edition)
    coordinator = portal.role(cohort.institution)
    rows = [[f"N{n}", f"P{n}", f"p{n}@x.fr", f"{n}"] for n in (0, 1, 7)]
    upload = portal.upload(cohort, portal.text(*rows), coordinator)

    run.run(timezone.now())

    assert [one.email for one in Invitee.objects.all()] == []
    assert User.objects.filter(pk=seat.attendee.user_id).exists()
    assert upload.rows.filter(verdict="new").count() == 3
    portal.confirm(upload, coordinator)
    assert Invitee.objects.count() == 3
    run.run(timezone.now() + DAY)
    assert Invitee.objects.count() == 3


# --- After a restore --------------------------------------------------------------------------------------------------


@pytest.mark.proves("retention")
def test_what_a_restored_database_brings_back_goes_again(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"
    at, is_there = timezone.now(), _mail_texts(timezone.now() - timedelta(days=365))
    with traces.restored():
        run.run(at)
        assert not is_there()
        assert not run.run_again(at)  # this database knows of it
    assert is_there()

    assert run.run_again(at + HOUR)

    assert not is_there()
    assert not run.run_again(at + HOUR)


@pytest.mark.runs_once("a file decides")
@pytest.mark.parametrize("said", [None, "", "yesterday"])
def test_without_a_file_that_says_when_nothing_is_done_at_the_start(settings: Any, tmp_path: Path, said: Any) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"
    if said is not None:
        (tmp_path / "retention").write_text(said)

    assert not run.run_again(timezone.now())


@pytest.mark.proves("retention")
@pytest.mark.django_db(transaction=True)
def test_whatever_starts_does_so_before_anything_is_shown(settings: Any, tmp_path: Path) -> None:
    is_there = _mail_texts(timezone.now() - timedelta(days=365))
    (tmp_path / "retention").write_text((timezone.now() - HOUR).isoformat())
    known = {"ERASURE_LOG": tmp_path / "acts.jsonl", "SECRET_KEY": settings.SECRET_KEY}

    done = run_python("import summit.wsgi", environment(tmp_path, **known))

    assert done.returncode == 0, done.stderr
    assert not is_there()
