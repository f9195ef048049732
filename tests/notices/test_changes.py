"""What has moved is told once to each whom it concerns, with a calendar entry that follows."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import IntegrityError, connection
from django.utils import timezone
from icalendar import Calendar

from accounts.models import Attendee
from notices.domain import changes, reminders
from notices.models import Change, QuietWindow
from outbox.domain import delivery
from outbox.models import Message
from programme.domain import publication
from programme.models import Session
from registrations.domain import booking, waitlist
from registrations.models import Registration
from tests import make
from tests.crowd import all_at_once
from tests.registrations.acts import books, fill, mails, register, wait
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db

SETTLED = changes.SETTLING + timedelta(seconds=1)


def tell(after: timedelta = SETTLED) -> int:
    return changes.tell_settled(timezone.now() + after)


def deliver() -> list:
    """Send all that is due, however long it takes; return the mails about changes."""
    mail.outbox.clear()
    while delivery.deliver_due():
        pass
    return [message for message in mail.outbox if "Changement" in message.subject or "Changed" in message.subject]


def entries(message) -> list:
    [(_name, content, _type)] = message.attachments
    return list(Calendar.from_ical(content).walk("VEVENT"))


# --- Who is told, of what ---------------------------------------------------------------------------------------------


@pytest.mark.proves("one-mail-per-change")
def test_each_person_is_told_once_of_all_that_has_moved_for_them():
    """Not one mail per edit: two sessions, four edits, one mail."""
    one, other = make.session(title="Un"), make.session(title="Deux", starts_at=timezone.now() + timedelta(days=9))
    both, single = make.attendee(), make.attendee(language="en")
    for session, who in ((one, both), (other, both), (one, single)):
        make.registration(session, who)
    make.moved(one, hours=1)
    make.moved(other, hours=2)
    nef = make.room(name="Nef")
    make.moved(one, hours=0, room=nef)
    make.moved(other, hours=1)

    assert [tell(), tell()] == [2, 0]

    french, english = sorted(deliver(), key=lambda message: message.to != [both.user.email])
    assert words(french.subject) == "Changement : 2 de vos sessions"
    assert "Un" in french.body and "Deux" in french.body and "Nef" in french.body
    assert english.to == [single.user.email] and english.subject == "Changed: Un"
    assert "It was:" in english.body and "Deux" not in english.body
    assert [mails(who).count("changes") for who in (both, single)] == [1, 1]


@pytest.mark.proves("one-mail-per-change")
def test_nobody_is_told_before_the_edits_have_settled():
    session = make.session()
    make.registration(session)
    make.moved(session, hours=1)

    assert tell(changes.SETTLING - timedelta(seconds=30)) == 0
    Change.objects.update(first_at=timezone.now() - changes.LONGEST_SETTLING)
    assert tell(timedelta(0)) == 1, "but edits that go on and on keep nobody waiting for ever"


@pytest.mark.proves("one-mail-per-change")
def test_a_session_that_comes_back_to_where_it_stood_is_no_change():
    session = make.session()
    make.registration(session)
    make.moved(session, hours=1)
    make.moved(session, hours=-1)

    assert not Change.objects.exists()
    assert tell() == 0


@pytest.mark.proves("change-audience")
def test_the_waiting_list_requests_and_offers_are_told_too_and_strangers_are_not():
    session = make.session(seats=2, waiting_list=Session.WaitingList.OFFER)
    holder, leaving = fill(session)
    offered, waiting = wait(session), wait(session)
    booking.cancel(session, leaving, actor=leaving.user)
    on_request = make.session(access=Session.Access.APPROVAL)
    asking = make.attendee()
    booking.register(booking.Ask(on_request, asking, actor=asking.user, reason="Pour ma thèse"))
    make.registration(make.session())
    for one in (session, on_request):
        make.moved(one, hours=1)

    assert tell() == 4

    told = {message.to[0]: message for message in deliver()}
    assert told.keys() == {who.user.email for who in (holder, offered, waiting, asking)}
    assert told[holder.user.email].attachments and not told[waiting.user.email].attachments, (
        "a place on the waiting list is no entry in a calendar"
    )
    assert "Vous attendez une place" in told[waiting.user.email].body
    assert "Une place vous y est proposée" in told[offered.user.email].body
    assert "Vous y avez demandé une place" in told[asking.user.email].body


@pytest.mark.proves("change-audience")
def test_whoever_came_after_the_change_knows_it_and_whoever_came_in_between_is_told_what_they_knew():
    session = make.session()
    early = make.registration(session).attendee
    make.moved(session, hours=1)
    between = make.registration(session)
    knew = Session.objects.get(pk=session.pk).starts_at
    make.moved(session, hours=1)
    late = make.registration(session).attendee

    assert tell() == 2

    told = {
        message.to: message.context["changes"][0]["before"]["starts_at"]
        for message in Message.objects.filter(kind=changes.KIND)
    }
    assert {address: datetime.fromisoformat(at) for address, at in told.items()} == {
        early.user.email: session.starts_at,
        between.attendee.user.email: knew,
    }
    assert late.user.email not in told


@pytest.mark.proves("change-audience")
def test_a_draft_that_moves_is_nobodys_business():
    session = make.session(status=Session.Status.DRAFT)
    make.moved(session, hours=1)

    assert not Change.objects.exists()


@pytest.mark.proves("change-audience")
def test_whoever_gave_the_seat_back_meanwhile_is_not_told():
    session = make.session()
    who = make.registration(session).attendee
    make.moved(session, hours=1)
    tell()
    booking.cancel(session, who, actor=who.user)

    assert deliver() == []
    assert Message.objects.get(kind=changes.KIND).status == "dropped"


@pytest.mark.proves("change-calendar-entry")
def test_a_mail_that_waits_while_the_session_moves_again_leaves_it_to_the_next_one():
    session = make.session()
    make.registration(session)
    make.moved(session, hours=1)
    tell()
    again = make.moved(session, hours=1)
    tell()

    [message] = deliver()
    assert entries(message)[0]["DTSTART"].dt == again.local_starts_at
    assert sorted(Message.objects.filter(kind=changes.KIND).values_list("status", flat=True)) == ["dropped", "sent"]


# --- What they read ---------------------------------------------------------------------------------------------------


@pytest.mark.proves("change-calendar-entry")
def test_the_entry_in_the_calendar_follows_with_the_same_uid_and_the_next_sequence():
    session = make.session()
    registration = make.registration(session)
    delivery.deliver_due()
    [first] = entries(mail.outbox[-1])

    later = make.moved(session, hours=1)
    tell()
    [second] = entries(deliver()[0])

    assert second["UID"] == first["UID"] and str(registration.uuid) in second["UID"]
    assert second["SEQUENCE"] == first["SEQUENCE"] + 1
    assert second["DTSTART"].dt == later.local_starts_at


@pytest.mark.proves("change-calendar-entry")
def test_several_seats_come_with_a_calendar_each_since_a_request_is_about_one():
    who = make.attendee()
    sessions = [make.session(starts_at=timezone.now() + timedelta(days=days)) for days in (5, 6)]
    for session in sessions:
        make.registration(session, who)
        make.moved(session, hours=1)
    tell()

    [message] = deliver()
    assert [name for name, _content, _type in message.attachments] == ["session-1.ics", "session-2.ics"]
    calendars = [Calendar.from_ical(content) for _name, content, _type in message.attachments]
    assert [[part.name for part in calendar.subcomponents] for calendar in calendars] == [["VTIMEZONE", "VEVENT"]] * 2
    assert len({str(calendar.events[0]["UID"]) for calendar in calendars}) == 2
    assert {str(calendar["METHOD"]) for calendar in calendars} == {"REQUEST"}
    # None of them is another form of the mail.
    assert [part.mimetype for part in message.alternatives] == ["text/html"]


@pytest.mark.proves("change-clash-alternatives")
def test_whoever_is_expected_elsewhere_now_is_told_where_and_what_else_has_free_seats():
    event = make.event()
    starts_at = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    moved = make.session(event=event, title="Gouvernance", starts_at=starts_at)
    other = make.session(event=event, title="Santé", starts_at=starts_at + timedelta(hours=2))
    free = make.session(event=event, title="Libre", starts_at=starts_at + timedelta(days=1))
    same_track = make.session(
        event=event, title="Même thème", track=moved.track, starts_at=starts_at + timedelta(days=2)
    )
    full = make.session(event=event, title="Pleine", seats=1, starts_at=starts_at + timedelta(days=1))
    fill(full)
    make.session(event=event, title="Sur invitation", access=Session.Access.INVITATION)
    make.session(event=event, title="En même temps", starts_at=starts_at + timedelta(hours=2))
    who = make.attendee()
    make.registration(moved, who), make.registration(other, who)

    make.moved(moved, hours=2)
    tell()

    [message] = deliver()
    assert "Vous avez une place dans « Santé » au même moment" in words(message.body)
    assert f"/sessions/{free.slug}/" in message.body
    assert message.body.index(same_track.slug) < message.body.index(free.slug), "those of the same track first"
    assert not any(title in message.body for title in ("Pleine", "Sur invitation", "En même temps"))


def test_writing_what_moved_costs_one_query_for_most_people(django_assert_num_queries):
    """A session of hundreds moves: what each mail costs, each of them costs."""
    event = make.event()
    session, free = make.session(event=event), make.session(event=event, starts_at=timezone.now() + timedelta(days=9))
    most, speaker, clashing = (make.registration(session).attendee for _ in range(3))
    make.participation(session=free, speaker=make.speaker(user=speaker.user))
    make.registration(make.session(event=event, starts_at=session.starts_at + timedelta(hours=1)), clashing)
    before = changes.place_of(session)

    later = make.moved(session, hours=1)
    for who, number, found in ((most, 1, (0, 0)), (speaker, 3, (0, 0)), (clashing, 4, (1, 1))):
        registration = Registration.objects.get(session=session, attendee=who)
        said = [{"registration": str(registration.uuid), "before": before, "now": changes.place_of(later)}]
        fresh = Attendee.objects.get(pk=who.pk)
        with django_assert_num_queries(number):
            [one] = changes.moved(fresh, said, timezone.now())
            words = [one.was.local_starts_at, one.now.local_starts_at, str(one.was.room.venue), str(one.now.room.venue)]
            assert words[0] < words[1] and one.has_other_time and not one.has_other_room
            assert (len(one.clashes), len(one.alternatives)) == found

    make.moved(session, hours=0, room=make.room())
    said[0]["now"] = changes.place_of(Session.objects.get(pk=session.pk))
    said[0]["registration"] = str(Registration.objects.get(session=session, attendee=most).uuid)
    with django_assert_num_queries(1):  # the room as it was is kept in words
        assert changes.moved(most, said, timezone.now())[0].has_other_room


# --- Quiet windows ----------------------------------------------------------------------------------------------------


@pytest.mark.proves("quiet-window")
def test_while_a_quiet_window_is_open_nobody_is_told_until_it_is_published():
    actor, session = make.organiser(), make.session()
    make.registration(session)
    window = changes.open_window(None, actor=actor)
    make.moved(session, hours=1)

    assert tell(timedelta(hours=3)) == 0
    assert [changes.publish(window, actor=actor, at=timezone.now()) for _ in range(2)] == [1, 0]

    assert len(deliver()) == 1
    window.refresh_from_db()
    assert window.people == 1 and window.history.first().history_user == actor
    make.moved(session, hours=1)
    assert tell() == 1, "afterwards changes go out by themselves again"


@pytest.mark.proves("quiet-window")
def test_a_window_of_one_event_holds_its_own_changes_and_no_others():
    actor, here, elsewhere = make.organiser(), make.session(), make.session()
    make.registration(here), make.registration(elsewhere)
    window = changes.open_window(here.event_id, actor=actor)
    make.moved(here, hours=1), make.moved(elsewhere, hours=1)

    assert [change.session for change in changes.held_by(window, timezone.now())] == [here]
    assert tell() == 1
    whole = changes.open_window(None, actor=actor)
    assert changes.held_by(whole, timezone.now()) == [], "the event’s own window publishes its changes"
    assert changes.publish(window, actor=actor, at=timezone.now()) == 1


@pytest.mark.proves("quiet-window")
def test_no_quiet_window_holds_back_what_begins_within_a_day():
    """Organisers who forget to publish send nobody to a room that is empty."""
    actor = make.organiser()
    soon = make.session(starts_at=timezone.now() + timedelta(hours=20))
    make.registration(soon)
    changes.open_window(None, actor=actor)
    make.moved(soon, hours=48)

    assert tell() == 1


@pytest.mark.proves("quiet-window")
def test_one_quiet_window_at_a_time_is_open_in_a_place():
    actor, event = make.organiser(), make.event()
    changes.open_window(event.pk, actor=actor)
    changes.open_window(None, actor=actor)

    with pytest.raises(IntegrityError):
        changes.open_window(None, actor=actor)


def test_the_preview_counts_what_publishing_tells_in_a_constant_number_of_queries(django_assert_num_queries):
    actor, event = make.organiser(), make.event()
    window = changes.open_window(event.pk, actor=actor)
    who = make.attendee()
    expected = make.session(starts_at=timezone.now() + timedelta(days=7, hours=2))
    make.registration(expected, who)
    for number in (1, 3):
        for _ in range(number):
            session = make.session(event=event, starts_at=expected.starts_at - timedelta(hours=2))
            make.registration(session, who), make.registration(session)
            make.moved(session, hours=2)
        with django_assert_num_queries(7):
            told = changes.preview(changes.held_by(window, timezone.now()))

    assert [(len(each.registrations), each.clashing) for each in told] == [(2, 1)] * 4
    assert changes.publish(window, actor=actor, at=timezone.now()) == 5


@pytest.mark.proves("one-mail-per-change")
@pytest.mark.django_db(transaction=True)
def test_an_organiser_and_two_clocks_at_once_tell_each_person_once():
    session, actor = make.session(seats=50), make.organiser()
    booking.seat_many(
        [(session, who, make.pool(session)) for who in make.attendees(50)], actor=actor, at=timezone.now()
    )
    make.moved(session, hours=1)
    window = changes.open_window(None, actor=actor)
    at = timezone.now() + SETTLED

    answers = all_at_once(
        [partial(changes.publish, window, actor=actor, at=at)] * 2 + [partial(changes.tell_settled, at)] * 2, threads=4
    )

    assert sorted(answers) == [0, 0, 0, 50], answers
    assert Message.objects.filter(kind=changes.KIND).count() == 50


def move_onto_another(number: int, clashing: int) -> None:
    """Move a session of `number` people by an hour, onto the one that `clashing` of them hold: each is told of the new
    time with an entry that follows the one before, those of them of the clash; and they are reminded of the new time
    alone."""
    actor, at = make.organiser(), timezone.now()
    moved = make.session(seats=number, title="Gouvernance")
    other = make.session(seats=clashing, title="Santé", starts_at=moved.starts_at + timedelta(hours=1))
    people = make.attendees(number)
    booking.seat_many([(moved, who, make.pool(moved)) for who in people], actor=actor, at=at)
    booking.seat_many([(other, who, make.pool(other)) for who in people[:clashing]], actor=actor, at=at)
    make.reminder(moved, timing="before", minutes=60)
    Message.objects.exclude(context__registration__in=[str(one.uuid) for one in moved.registrations.all()]).delete()
    deliver()
    first = {message.to[0]: entries(message)[0] for message in mail.outbox}
    old = moved.starts_at - timedelta(minutes=60)

    later = make.moved(moved, hours=1)
    assert tell() == number
    told = deliver()

    assert (
        len(told) == number
        and {message.to[0] for message in told} == {who.user.email for who in people} == first.keys()
    )
    for message in told:
        [entry] = entries(message)
        before = first[message.to[0]]
        assert (entry["UID"], entry["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)
        assert entry["DTSTART"].dt == later.local_starts_at == before["DTSTART"].dt + timedelta(hours=1)
    assert {message.to[0] for message in told if "Santé" in message.body} == {
        who.user.email for who in people[:clashing]
    }
    assert reminders.remind(old) == 0, "the old reminder is never sent"
    assert reminders.remind(old + timedelta(hours=1)) == number


@pytest.mark.proves("change-clash-alternatives")
def test_everybody_of_a_session_that_moves_onto_another_is_told_once_and_of_the_clash():
    """The long one below, with fewer people."""
    move_onto_another(30, 4)


@pytest.mark.proves("change-clash-alternatives")
@pytest.mark.faults
def test_three_hundred_people_of_a_session_that_moves_onto_the_one_that_forty_of_them_hold():
    move_onto_another(300, 40)


# --- Cancelled in the midst of everything -----------------------------------------------------------------------------


@contextmanager
def a_worker_that_sends() -> Iterator[None]:
    """One that sends what is due, over and over, while the crowd acts. Only one: what it sends first, people read
    first."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.wait(0.01):
                delivery.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield
        finally:
            over.set()
            working.result()


@pytest.mark.proves("cancelled-while-waitlist-moves")
@pytest.mark.django_db(transaction=True)
def test_a_session_cancelled_while_seats_are_handed_on_leaves_nobody_seated_and_tells_each_once():
    """Cancelled while the waiting list moves and fifty people sign up; no mail of a seat leaves after the one that
    takes it."""
    session, actor = make.session(seats=10), make.organiser()
    holders = fill(session)
    waiting = [wait(session) for _ in range(15)]
    newcomers = make.attendees(50)
    deliver()
    jobs = [
        *(partial(booking.cancel, session, who, actor=who.user) for who in holders[:6]),
        partial(waitlist.settle_all, timezone.now()),
        *(partial(register, session, who, waits=True) for who in newcomers[:25]),
        partial(publication.cancel, [session], actor),
        *(partial(register, session, who, waits=True) for who in newcomers[25:]),
        partial(waitlist.settle_all, timezone.now()),
    ]

    with a_worker_that_sends():
        answers = all_at_once(jobs, threads=16)

    odd = [
        answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, booking.SeatRefused)
    ]
    assert odd == []
    assert not Registration.objects.live().filter(session=session).exists()
    assert make.pool(session).taken == 0 and books() == []
    deliver()
    for who in [*holders, *waiting, *newcomers]:
        sent = list(
            Message.objects.filter(to=who.user.email, status="sent")
            .order_by("sent_at", "id")
            .values_list("kind", flat=True)
        )
        ended = [
            ending for _session, ending in Registration.objects.filter(attendee=who).values_list("session", "ending")
        ]
        told = ended.count("session_cancelled") + ended.count("by_person")
        assert sent.count("registrations.cancelled") == told, (sent, ended)
        assert told == 1 or not ended, "each is told once"
        assert "registrations.confirmed" not in sent[-1:], "no seat is promised after the mail that takes it"


@pytest.mark.proves("quiet-window")
def test_a_session_that_is_cancelled_in_a_quiet_window_is_told_at_once_and_once():
    actor, session = make.organiser(), make.session()
    who = make.registration(session).attendee
    window = changes.open_window(None, actor=actor)
    make.moved(session, hours=1)

    publication.cancel([Session.objects.get(pk=session.pk)], actor)

    assert mails(who) == ["confirmed", "cancelled"]
    assert changes.publish(window, actor=actor, at=timezone.now()) == 0
    assert QuietWindow.objects.get().published_at and mails(who) == ["confirmed", "cancelled"]
