"""Announcements: each person once, in their language, of whom the organisers chose and who wants them; stopped when
they say so."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from notices.domain import announcing, mail_preferences
from notices.models import Announcement, Topic
from notices.tasks import tell
from outbox.domain import delivery
from outbox.models import Message
from registrations.domain import booking
from tests import make
from tests.crowd import all_at_once
from tests.registrations.acts import fill, wait
from venues.models import Venue

pytestmark = pytest.mark.django_db


def send(made: Announcement, at=None) -> int:
    at = at or timezone.now()
    announcing.schedule(made, at, actor=make.organiser())
    return announcing.send_due(at)


def names(made: Announcement) -> set:
    return set(announcing.audience(made))


@pytest.mark.proves("announcement-once")
def test_an_announcement_goes_to_those_with_the_chosen_statuses_in_the_chosen_place():
    event = make.event()
    one, other, elsewhere = make.session(event=event, seats=1), make.session(event=event), make.session()
    [holder] = fill(one)
    waiting, second, stranger = wait(one), make.registration(other).attendee, make.registration(elsewhere).attendee
    cohort = make.cohort()
    member = make.membership(cohort, second).attendee
    idle = make.membership(cohort).attendee

    assert names(make.announcement(session=one)) == {holder}
    assert names(make.announcement(session=one, statuses=["confirmed", "waiting"])) == {holder, waiting}
    assert names(make.announcement(event=event)) == {holder, second}
    assert names(make.announcement(cohort=cohort)) == {member, idle}
    assert names(make.announcement(event=event, cohort=cohort)) == {second}
    assert names(make.announcement()) == set() and stranger not in names(make.announcement(event=event))


@pytest.mark.proves("announcement-once")
def test_each_gets_one_mail_in_their_language_behind_everything_else():
    session = make.session()
    french, english = make.attendee("Ada"), make.attendee("Grace", language="en")
    for who in (french, english):
        make.registration(session, who)
        make.registration(make.session(event=session.event), who)
    Message.objects.all().delete()

    assert send(make.announcement(event=session.event)) == 2
    assert set(Message.objects.values_list("lane", flat=True)) == {Message.Lane.BULK}
    delivery.deliver_due()

    assert {(message.to[0], message.subject) for message in mail.outbox} == {
        (french.user.email, "Entrée"),
        (english.user.email, "Entrance"),
    }
    assert "Hello Grace." in next(message.body for message in mail.outbox if message.subject == "Entrance")


@pytest.mark.proves("announcement-once")
def test_an_announcement_that_is_sent_twice_goes_out_once():
    session = make.session()
    make.registration(session)
    made, actor, at = make.announcement(session=session), make.organiser(), timezone.now()

    assert [announcing.schedule(made, at, actor=actor) for _ in range(2)] == [True, False]
    assert [announcing.send_due(at) for _ in range(2)] == [1, 0]
    made.refresh_from_db()
    assert (made.status, made.people) == ("queued", 1) and made.history.count() == 3


@pytest.mark.proves("announcement-once")
@pytest.mark.django_db(transaction=True)
def test_three_clocks_at_once_send_it_once():
    session, actor, at = make.session(seats=60), make.organiser(), timezone.now()
    booking.seat_many([(session, who, make.pool(session)) for who in make.attendees(60)], actor=actor, at=at)
    announcing.schedule(make.announcement(session=session), at, actor=actor)

    answers = all_at_once([partial(announcing.send_due, at)] * 3, threads=3)

    assert sorted(answers) == [0, 0, 60], answers


@pytest.mark.proves("announcement-once")
def test_one_that_is_sent_later_goes_to_those_whom_it_concerns_then():
    session, actor = make.session(), make.organiser()
    gone, later = make.registration(session).attendee, timezone.now() + timedelta(hours=2)
    announcing.schedule(make.announcement(session=session), later, actor=actor)
    booking.cancel(session, gone, actor=gone.user)
    come = make.registration(session).attendee

    assert announcing.send_due(later - timedelta(seconds=1)) == 0
    assert announcing.send_due(later) == 1
    assert Message.objects.get(kind=announcing.KIND).to == come.user.email


@pytest.mark.proves("announcement-stop")
def test_one_that_is_stopped_sends_no_more_of_it():
    session, actor = make.session(), make.organiser()
    for _ in range(3):
        make.registration(session)
    made = make.announcement(session=session)
    send(made)
    left = announcing.mails_of(made).first()
    Message.objects.filter(pk=left.pk).update(status="sent", sent_at=timezone.now())
    taken = announcing.mails_of(made).filter(status="queued").first()  # by a worker, which asks before it writes
    Message.objects.filter(pk=taken.pk).update(
        status="sending", lease_until=timezone.now() - timedelta(1), lease_token=taken.uuid
    )

    assert [announcing.stop(made, actor=actor) for _ in range(2)] == [1, 0]
    delivery.deliver_due()

    assert sorted(announcing.mails_of(made).values_list("status", flat=True)) == ["dropped", "dropped", "sent"]
    made.refresh_from_db()
    assert made.status == "stopped" and made.history.first().history_user == actor


@pytest.mark.proves("announcement-stop")
def test_one_that_is_stopped_before_its_moment_never_leaves():
    session, actor = make.session(), make.organiser()
    make.registration(session)
    made, later = make.announcement(session=session), timezone.now() + timedelta(hours=1)
    announcing.schedule(made, later, actor=actor)

    announcing.stop(made, actor=actor)

    assert announcing.send_due(later) == 0


@pytest.mark.proves("optional-mails")
def test_whoever_wants_no_announcements_gets_those_alone_that_must_reach_everybody():
    session = make.session()
    who = make.registration(session).attendee
    mail_preferences.choose(who.user.email, Topic.ANNOUNCEMENTS, wanted=False)

    assert names(make.announcement(session=session)) == set()
    assert send(make.announcement(session=session, must_reach=True)) == 1
    delivery.deliver_due()
    assert "List-Unsubscribe" not in mail.outbox[-1].extra_headers


@pytest.mark.proves("announcement-preview")
def test_a_test_goes_to_its_organiser_alone_and_says_so():
    session = make.session()
    make.registration(session)
    actor, made = make.organiser("Olympe"), make.announcement(session=session)
    Message.objects.all().delete()

    announcing.send_test(made, actor, "en", timezone.now())
    delivery.deliver_due()

    [message] = mail.outbox
    assert message.to == [actor.email] and message.subject == "[Test] Entrance" and "Hello Olympe." in message.body
    made.refresh_from_db()
    assert made.status == "draft"


# --- Texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("announcement-placeholders")
@pytest.mark.parametrize(
    "text",
    ["{event.__init__.__globals__}", "{{7*7}}", "{name", "name}", "{}", "{ name }", "{0}", "{session}", "{event}"],
)
def test_a_text_with_what_is_no_placeholder_is_refused(text):
    with pytest.raises(ValidationError):
        announcing.check_text(f"Bonjour {text}", has_session=False, has_event=False)


@pytest.mark.proves("announcement-placeholders")
def test_the_placeholders_of_what_was_chosen_are_taken():
    announcing.check_text("{name} {event} {session} {when} {where} {programme}", has_session=True, has_event=False)
    announcing.check_text("{name} {event} {programme} 100 %", has_session=False, has_event=True)


@pytest.mark.proves("announcement-placeholders")
def test_a_name_that_looks_like_a_placeholder_or_a_tag_stays_text():
    session = make.session(title="Gouvernance {name}")
    make.registration(session, make.attendee("{programme} <script>alert(1)</script> %(x)s"))
    Message.objects.all().delete()

    send(
        make.announcement(
            session=session, body_fr="{name}, {session}, {when}, {where} : https://example.org <b>gras</b>"
        )
    )
    delivery.deliver_due()

    [message] = mail.outbox
    assert "{programme} <script>alert(1)</script> %(x)s, Gouvernance {name}" in message.body
    html = message.alternatives[0][0]
    assert "<script" not in html and "<b>gras" not in html and 'href="https://example.org"' in html


def test_a_row_that_cannot_be_read_silences_its_own_kind_alone(caplog):
    broken = make.session()
    make.registration(broken)
    make.reminder(broken)
    Venue.objects.filter(pk=broken.room.venue_id).update(timezone="Nowhere/Atlantis")
    other = make.session()
    make.registration(other)
    announcing.schedule(make.announcement(session=other), timezone.now(), actor=make.organiser())

    tell()

    assert Message.objects.filter(kind="notices.announcement").count() == 1
    assert "What is due could not be told: remind" in caplog.text
