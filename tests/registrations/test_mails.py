"""The mails about a seat: in the person's language, with a calendar entry that every client reads the same (W18, W19)."""

from datetime import UTC, datetime

import pytest
from django.core import mail
from icalendar import Calendar

from outbox.domain import delivery
from outbox.models import Message
from registrations.domain import booking
from registrations.models import Registration
from tests import make

pytestmark = pytest.mark.django_db


def deliver_all() -> list:
    delivery.deliver_due()
    return mail.outbox


def calendar_of(message) -> Calendar:
    return Calendar.from_ical(next(a.content if hasattr(a, "content") else a[1] for a in message.attachments))


def test_the_confirmation_tells_what_when_and_where_in_french():
    room = make.room(name="Nef", venue=make.venue(name="Grand Palais", address="Avenue Winston-Churchill"))
    session = make.session(title_fr="Gouvernance", title_en="Governance", room=room, starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC))

    make.registration(session)

    [message] = deliver_all()
    assert "Gouvernance" in message.subject
    assert "lundi 8\u00a0février 2027" in message.body
    assert "14 h 30".replace(" ", "\u00a0") in message.body
    assert "Grand Palais" in message.body
    html = message.alternatives[0][0]
    assert "Gouvernance" in html
    assert "Grand Palais" in html


def test_the_confirmation_is_in_the_persons_language():
    session = make.session(title_fr="Gouvernance", title_en="Governance", starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC))

    make.registration(session, make.attendee(language="en"))

    [message] = deliver_all()
    assert message.subject == "Your seat: Governance"
    assert "Monday 8\u00a0February 2027" in message.body


def test_the_calendar_entry_stands_in_the_venues_zone():
    session = make.session(title="Puces", starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC), minutes=90)
    registration = make.registration(session)

    [message] = deliver_all()

    calendar = calendar_of(message)
    [event] = calendar.walk("VEVENT")
    assert event["UID"].startswith(str(registration.uuid))
    assert event["DTSTART"].to_ical() == b"20270208T143000"
    assert event["DTSTART"].params["TZID"] == "Europe/Paris"
    assert event["DTEND"].to_ical() == b"20270208T160000"
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Paris"]


def test_a_cancellation_carries_the_same_entry_cancelled():
    registration = make.registration()
    deliver_all()
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    first, second = deliver_all()

    [before], [after] = calendar_of(first).walk("VEVENT"), calendar_of(second).walk("VEVENT")
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert (before["STATUS"], after["STATUS"]) == ("CONFIRMED", "CANCELLED")


def test_a_confirmation_that_is_no_longer_true_is_dropped():
    registration = make.registration()
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    sent = deliver_all()

    assert len(sent) == 1
    assert Message.objects.get(kind="registrations.confirmed").status == Message.Status.DROPPED


def test_a_hostile_title_stays_one_property_and_plain_text():
    """W16, W18: no header, no calendar property and no markup is born from a title."""
    session = make.session(title="Talk\r\nATTENDEE:mailto:evil@example.org <script>alert(1)</script>")
    make.registration(session)

    [message] = deliver_all()

    assert "\n" not in message.subject
    [event] = calendar_of(message).walk("VEVENT")
    assert "ATTENDEE" not in event
    assert "<script>" not in message.alternatives[0][0]


def test_registering_again_after_a_cancellation_is_confirmed_by_a_mail_of_its_own():
    registration = make.registration()
    session, ada = registration.session, registration.attendee
    booking.cancel(session, ada, actor=ada.user)
    booking.register(session, ada, actor=ada.user)

    assert Message.objects.filter(kind="registrations.confirmed").count() == 2
    assert Registration.objects.count() == 2
