"""What an erasure does to the administration's log, and who is spared by signing in (docs/rules.md#erasure)."""

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import timezone

from accounts.domain import addresses
from accounts.models import Attendee, User
from core import erasure
from core.erasure import Why
from core.models import LegalHold
from outbox.models import Message
from programme.domain import retention as run
from programme.models import Duty
from registrations.domain import booking
from registrations.domain.ways_in import SeatRefused
from registrations.models import Invitation, Membership
from tests import make
from tests.core import traces

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _acts(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"


def erase(*who: Attendee) -> erasure.Report:
    return erasure.erase([one.user_id for one in who], why=Why.BY_PERSON, at=timezone.now())


def logged(by: User, about: Any, said: str = "", flag: int = CHANGE) -> LogEntry:
    return LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(about),
        object_id=str(about.pk),
        object_repr=str(about),
        action_flag=flag,
        change_message=said,
    )


# --- The log ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("erased-everywhere")
def test_a_row_that_an_organiser_deleted_before_is_named_by_no_line() -> None:
    organiser = make.organiser()
    ada, ida = make.attendee("Zéphirine Quelconque", email="zephirine@x.fr"), make.attendee("Ida")
    member, other = make.membership(who=ada), make.membership(who=ida)
    invitation = make.invitation(email="zephirine@x.fr")
    for row in (member, other, invitation):
        logged(organiser, row, flag=DELETION)
    Membership.objects.all().delete()
    Invitation.objects.all().delete()

    erase(ada)

    assert traces.found("zephirine") == []
    assert traces.found("zéphirine") == []
    assert [line.object_repr.split(" – ")[0] for line in LogEntry.objects.all()] == ["Ida"]


@pytest.mark.proves("erased-everywhere")
def test_whoever_is_called_like_what_stands_in_the_log_takes_nothing_out_of_it() -> None:
    organiser, session = make.organiser(), make.session()
    written = json.dumps(
        [
            {"changed": {"fields": ["title", "capacity"], "name": "session", "object": "Paris"}},
            {"added": {"name": "seat pool", "object": "Paris – Capacity"}},
            {"added": {"name": "member", "object": "Paris Hilton – Capacity"}},
            {"added": {"name": "member", "object": "Paris – Capacity"}},
        ]
    )
    line = logged(organiser, session, written)
    namesake = logged(organiser, make.membership(who=make.attendee("Paris")))
    who = make.attendee("title")
    for name in ("capacity", "session", "name", "Paris"):
        who.name = name
        who.save()

    erase(who)

    line.refresh_from_db()
    assert line.change_message == written.replace('"Paris \\u2013 Capacity"}}]', '""}}]')
    assert LogEntry.objects.filter(pk=namesake.pk).exists()


@pytest.mark.proves("erased-everywhere")
def test_the_history_of_what_is_somebody_elses_by_now_loses_their_lines_alone() -> None:
    bob = make.attendee("Bob", email="common@x.fr")
    bob.user.email = "bob@x.fr"
    bob.user.save()
    ada = make.attendee("Ada", email="ada@x.fr")
    duty = Duty.objects.create(session=make.session(), user=ada.user)
    duty.user = bob.user
    duty.save()

    erasure.erase([ada.user_id], ["common@x.fr"], why=Why.BY_PERSON, at=timezone.now())

    assert set(User.history.values_list("id", "email")) == {(bob.user_id, "bob@x.fr")}
    assert list(Duty.history.values_list("id", "user")) == [(duty.pk, bob.user_id)]
    assert traces.found("common@x.fr") == []


# --- Who comes back at this moment ------------------------------------------------------------------------------------


@pytest.mark.only_on_postgresql
@pytest.mark.proves("retention")
@pytest.mark.django_db(transaction=True)
def test_whoever_signs_in_while_the_run_comes_to_them_stays() -> None:
    make.current_edition()
    back, gone = make.user("back@x.fr"), make.user("gone@x.fr")
    User.objects.update(date_joined=timezone.now() - timedelta(days=2))

    def the_run() -> None:
        try:
            run.run(timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=the_run)
    with transaction.atomic():
        User.objects.filter(pk=back.pk).update(last_login=timezone.now())
        thread.start()
        thread.join(2)
        assert thread.is_alive(), "it waits for who is just signing in"
    thread.join(60)

    assert list(User.objects.all()) == [back]
    assert not User.objects.filter(pk=gone.pk).exists()


@pytest.mark.only_on_postgresql
@pytest.mark.proves("erased-everywhere")
@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_just_changed_is_known_to_the_erasure() -> None:
    ada = make.attendee(email="ada@x.fr").user

    def the_erasure() -> None:
        try:
            erasure.erase([ada.pk], why=Why.BY_ORGANISERS, at=timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=the_erasure)
    with transaction.atomic():
        addresses.change(ada, "zephirine@x.fr", at=timezone.now())
        Message.objects.create(kind="x", dedupe_key="x:1", to="zephirine@x.fr", not_before=timezone.now())
        thread.start()
        thread.join(2)
        assert thread.is_alive()
    thread.join(60)

    assert traces.found("zephirine@x.fr") == []
    assert traces.found("ada@x.fr") == []


@pytest.mark.only_on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_seat_that_is_asked_for_while_its_person_is_erased_is_refused() -> None:
    session, ada = make.session(), make.attendee()
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(booking.register(booking.Ask(session, ada, actor=ada.user)))
        except Exception as error:  # noqa: BLE001 - the test judges it
            answers.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    with transaction.atomic():
        erase(ada)
        thread.start()
        thread.join(2)
        assert thread.is_alive()
    thread.join(60)

    assert isinstance(answers[0], SeatRefused), answers
    assert make.pool(session).taken == 0


# --- Invitations to a session -----------------------------------------------------------------------------------------


@pytest.mark.proves("retention")
def test_an_invitation_that_was_taken_back_is_forgotten_like_the_others() -> None:
    edition = make.current_edition()
    kept, gone, moved = (make.invitation(email=f"{word}@zephirine.fr") for word in ("kept", "gone", "moved"))
    for one in (kept, gone, moved):
        Message.objects.create(kind="x", dedupe_key=f"x:{one.pk}", to=one.email, not_before=timezone.now())
    gone.delete()
    moved.email = "other@zephirine.fr"
    moved.save()
    staff = make.user("staff@before.fr", is_staff=True)
    invitation = make.invitation(email=staff.email)
    Message.objects.create(kind="x", dedupe_key="x:own", to=staff.email, not_before=timezone.now())
    staff.email = "staff@now.fr"
    staff.save()
    invitation.delete()
    end = run.ends([edition.pk])[edition.pk]
    run.run(end + timedelta(days=29))
    assert Invitation.objects.count() == 2
    assert Message.objects.filter(to="gone@zephirine.fr").exists()

    run.run(end + timedelta(days=31))

    assert traces.found("zephirine") == []
    assert Message.objects.filter(to="staff@before.fr").exists(), "the address that somebody had is still theirs"


# --- A restore --------------------------------------------------------------------------------------------------------


@pytest.mark.proves("erasure-survives-restore")
def test_a_hold_that_was_lifted_since_keeps_nobody_after_a_restore() -> None:
    ada = make.attendee(email="ada@x.fr")
    LegalHold.objects.create(account=ada.user_id, reason="Litige", until=timezone.now().date() + timedelta(days=99))
    with traces.restored():
        LegalHold.objects.all().delete()
        erase(ada)

    assert erasure.replay() == 1

    assert not User.objects.exists()
