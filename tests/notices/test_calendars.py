"""Calendars: the entries that mails carry, and the address that a calendar program asks."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from notices.domain import calendar_feeds, changes
from notices.models import CalendarFeed
from outbox.domain import delivery
from programme.models import Session
from registrations.domain import booking
from tests import make
from tests.crowd import all_at_once

pytestmark = pytest.mark.django_db
PAGE = "/en/me/calendar/"


def the_feed(who: Any = None, **fields: Any) -> CalendarFeed:
    who = who or make.attendee()
    feed = calendar_feeds.open_feed(who, actor=who.user)
    CalendarFeed.objects.filter(pk=feed.pk).update(**fields)
    return feed


def ask(feed: CalendarFeed) -> Any:
    return Client().get(f"/calendar/{feed.key}/summit.ics")


def ask_as_before(feed: CalendarFeed) -> Any:
    """By an address of the form that was given out first."""
    return Client().get(f"/calendar/{feed.key}.ics")


def entries(text: str | bytes) -> list[Any]:
    return list(Calendar.from_ical(text).walk("VEVENT"))


def sent() -> list[Any]:
    mail.outbox.clear()
    delivery.deliver_due()
    return mail.outbox


def on_the_wire(message: Any) -> bytes:
    """The file of a mail as its reader's program unpacks it."""
    sent = message_from_bytes(message.message().as_bytes(linesep="\r\n"))  # as it goes over SMTP
    [file] = [part for part in sent.walk() if part.get_filename()]
    return file.get_payload(decode=True)  # type: ignore[return-value]


def the_entry(message: Any) -> tuple[str, Any]:
    """The method and the one entry of a mail."""
    calendar = Calendar.from_ical(message.attachments[0].content)
    [event] = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event


# --- In mails ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("calendar-entry")
def test_a_seat_is_a_request_that_is_accepted_already_from_the_summit_to_that_person_alone() -> None:
    make.registration(
        make.session(title="Puces"), make.attendee('Ada "Countess" Lovelace, née Byron', email="ada@example.org")
    )

    [message] = sent()

    method, event = the_entry(message)
    assert method == "REQUEST" and event["STATUS"] == "CONFIRMED"
    assert event["ATTENDEE"] == "mailto:ada@example.org"
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED" and event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert event["ATTENDEE"].params["CN"] == "Ada ’Countess’ Lovelace, née Byron"
    assert event["ORGANIZER"] == f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"


@pytest.mark.proves("calendar-entry")
def test_mail_programs_are_told_the_method_in_the_part_and_in_the_file() -> None:
    make.registration()

    [message] = sent()

    parts = [
        part
        for part in message_from_bytes(message.message().as_bytes()).walk()
        if part.get_content_type() == "text/calendar"
    ]
    assert [(part.get_param("method"), part.get_content_charset(), part.get_filename()) for part in parts] == [
        ("REQUEST", "utf-8", None),
        ("REQUEST", "utf-8", "session.ics"),
    ]
    assert parts[0].get_payload(decode=True) == parts[1].get_payload(decode=True)


@pytest.mark.proves("calendar-entry")
def test_a_moved_seat_is_the_same_entry_with_the_next_number_and_a_cancelled_one_the_number_after() -> None:
    session = make.session(starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC))
    registration = make.registration(session)
    [first] = sent()
    make.moved(session, hours=1)
    changes.tell_settled(timezone.now() + changes.LONGEST_SETTLING)
    [second] = sent()
    booking.cancel(session, registration.attendee, actor=registration.attendee.user)
    [third] = sent()

    found = [the_entry(message) for message in (first, second, third)]

    assert [method for method, _event in found] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {event["UID"] for _method, event in found} == {found[0][1]["UID"]}
    assert [int(event["SEQUENCE"]) for _method, event in found] == [0, 1, 2]
    assert [event["DTSTART"].to_ical() for _method, event in found] == [
        b"20270208T143000",
        b"20270208T153000",
        b"20270208T153000",
    ]
    assert [str(event["STATUS"]) for _method, event in found] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize("sign", ["\r\n", "\r", "\n", "\u2028", "\x85"])
def test_no_line_break_in_a_title_makes_a_property(sign: str) -> None:
    session = make.session(title=f"Talk{sign}ATTENDEE:mailto:evil@example.org")
    feed = the_feed(make.registration(session).attendee)

    [message] = sent()

    for text in (message.attachments[0].content, ask(feed).content.decode()):
        [event] = entries(text)
        assert "evil" in event["SUMMARY"]
        assert "evil" not in str(event.get("ATTENDEE", ""))
        assert not [line for line in text.splitlines() if line.startswith("ATTENDEE:mailto:evil")]


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize(
    "title",
    [
        "المسؤولية، العدالة؛ الذكاء الاصطناعي: " * 4,
        "בינה מלאכותית, אחריות; צדק \\ אמון: " * 4,
        "Quinze, vingt ; trente \\ quarante \\n cinquante : " * 3,
        "می‌خواهم نیم‌فاصله بماند " * 6,
        "🧑🏽‍🔬👩‍👩‍👧‍👦" * 12,
    ],
)
def test_a_long_title_of_any_alphabet_comes_back_from_lines_that_split_no_character(title: str) -> None:
    session = make.session(title=title.strip())
    feed = the_feed(make.registration(session).attendee, alarm_minutes=15)

    [message] = sent()

    for text in (on_the_wire(message), ask(feed).content):
        lines = text.split(b"\r\n")
        assert max(map(len, lines)) <= 75 and b"\n" not in b"".join(lines)
        assert all(line.decode() for line in lines[:-1]) and lines[-1] == b""
        [event] = entries(text)
        assert str(event["SUMMARY"]) == title.strip()
    assert str(event.walk("VALARM")[0]["DESCRIPTION"]) == title.strip()


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize(
    ("zone", "starts_at", "wall"),
    [
        ("Europe/Paris", datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "2027-03-28 03:30"),
        ("Europe/Paris", datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "2027-10-31 02:30"),
        ("Europe/Paris", datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "2027-10-31 01:30"),  # 02:30 again: in UTC
        ("Africa/Casablanca", datetime(2027, 2, 20, 14, tzinfo=UTC), "2027-02-20 14:00"),  # in Ramadan
        ("Africa/Casablanca", datetime(2027, 4, 20, 14, tzinfo=UTC), "2027-04-20 15:00"),
        ("America/Sao_Paulo", datetime(2027, 1, 20, 14, tzinfo=UTC), "2027-01-20 11:00"),
        ("Asia/Tehran", datetime(2027, 7, 20, 14, tzinfo=UTC), "2027-07-20 17:30"),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 14, 30, tzinfo=UTC), "2027-04-04 01:30"),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, 30, tzinfo=UTC), "2027-04-04 02:00"),
        ("Europe/Dublin", datetime(2027, 7, 20, 14, tzinfo=UTC), "2027-07-20 15:00"),
        ("Etc/UTC", datetime(2027, 7, 20, 14, tzinfo=UTC), "2027-07-20 14:00"),
    ],
)
def test_a_program_that_believes_the_calendar_alone_finds_the_moment(zone: str, starts_at: datetime, wall: str) -> None:
    room = make.room(venue=make.venue(timezone=zone))
    feed = the_feed(make.registration(make.session(room=room, starts_at=starts_at)).attendee)
    [message] = sent()

    for text in (on_the_wire(message), ask(feed).content):
        calendar = Calendar.from_ical(text)
        parts = [part.name for part in calendar.subcomponents]
        assert parts == sorted(parts, reverse=True), "zones stand before the entries that name them"
        zones = {str(part["TZID"]): part.to_tz(lookup_tzid=False) for part in calendar.walk("VTIMEZONE")}
        [event] = calendar.walk("VEVENT")
        for name, at in (("DTSTART", starts_at), ("DTEND", starts_at + timedelta(hours=1))):
            named = event[name].params.get("TZID")
            assert event[name].dt.replace(tzinfo=zones[named] if named else UTC).astimezone(UTC) == at
        assert f"{event['DTSTART'].dt:%Y-%m-%d %H:%M}" == wall


@pytest.mark.proves("calendar-entry")
def test_an_entry_says_what_programs_ask_for() -> None:
    session = make.session()
    ada = make.registration(session).attendee
    feed = the_feed(ada)
    [message] = sent()
    make.moved(session, hours=1)

    before, after = Calendar.from_ical(message.attachments[0].content), Calendar.from_ical(ask(feed).content)

    assert (before["METHOD"], after["METHOD"]) == ("REQUEST", "PUBLISH")
    for calendar in (before, after):
        assert (calendar["VERSION"], calendar["PRODID"]) == ("2.0", "-//Summit//Seats//EN")
        [event] = calendar.walk("VEVENT")
        assert event["ORGANIZER"] == f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
        assert event["DTSTAMP"].to_ical() == event["LAST-MODIFIED"].to_ical()
        assert event["DTSTAMP"].to_ical().endswith(b"Z")
    [old], [new] = before.walk("VEVENT"), after.walk("VEVENT")
    assert (old["UID"], old["SEQUENCE"]) == (new["UID"], new["SEQUENCE"] - 1)
    assert old["LAST-MODIFIED"].dt <= new["LAST-MODIFIED"].dt
    assert "ATTENDEE" in old and "ATTENDEE" not in new, "what is published asks nobody (RFC 5546 3.2.1)"


# --- The address ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("calendar-subscription")
def test_the_address_gives_the_seats_of_that_person_as_the_mails_do() -> None:
    ada = make.attendee("Ada Lovelace", language="en")
    session = make.session(title_fr="Gouvernance", title_en="Governance", starts_at=timezone.now() + timedelta(days=3))
    registration = make.registration(session, ada)
    make.registration(session, make.attendee("Grace Hopper", email="grace@example.org"))
    old = make.registration(make.session(), ada).session
    Session.objects.filter(pk=old.pk).update(
        starts_at=timezone.now() - timedelta(days=90), ends_at=timezone.now() - timedelta(days=89)
    )
    first = sent()

    answer = ask(the_feed(ada))

    text = answer.content.decode()
    [event] = entries(text)
    assert (event["SUMMARY"], event["STATUS"], event["DTSTART"].params["TZID"]) == (
        "Governance",
        "CONFIRMED",
        "Europe/Paris",
    )
    assert "BEGIN:VTIMEZONE" in text and "TZID:CET" not in text
    mine = next(
        the_entry(message)[1] for message in first if message.to == [ada.user.email] and "Governance" in message.subject
    )
    assert (event["UID"], event["SEQUENCE"], event["DTSTART"].dt) == (mine["UID"], mine["SEQUENCE"], mine["DTSTART"].dt)
    assert str(registration.uuid) in event["UID"]
    # Kept by nobody, told to no other site, and without anybody's name.
    assert answer["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert (
        "no-store" in answer["Cache-Control"]
        and "private" in answer["Cache-Control"]
        and answer["Referrer-Policy"] == "no-referrer"
    )
    assert not [word for word in ("Grace", "grace", "Ada", ada.user.email) if word in text]


@pytest.mark.proves("calendar-subscription")
def test_what_is_offered_is_tentative_and_what_one_waits_for_is_not_there() -> None:
    session = make.session(seats=1, waiting_list=Session.WaitingList.OFFER)
    holder, ada, grace = make.registration(session).attendee, make.attendee(), make.attendee()
    for who in (ada, grace):
        booking.register(booking.Ask(session, who, actor=who.user, waits=True))
    booking.cancel(session, holder, actor=holder.user)

    assert [str(event["STATUS"]) for event in entries(ask(the_feed(ada)).content)] == ["TENTATIVE"]
    assert entries(ask(the_feed(grace)).content) == []


def test_a_seat_that_is_given_back_leaves_the_calendar_and_one_that_moves_follows() -> None:
    session = make.session(starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC))
    ada = make.registration(session).attendee
    feed = the_feed(ada)
    assert [event["DTSTART"].to_ical() for event in entries(ask(feed).content)] == [b"20270208T143000"]

    make.moved(session, hours=1)
    [event] = entries(ask(feed).content)
    assert (event["DTSTART"].to_ical(), int(event["SEQUENCE"])) == (b"20270208T153000", 1)

    booking.cancel(session, ada, actor=ada.user)
    assert entries(ask(feed).content) == []


@pytest.mark.proves("calendar-subscription")
@pytest.mark.parametrize(("minutes", "trigger"), [(None, None), (15, b"-PT15M"), (24 * 60, b"-P1D")])
def test_the_alarm_is_the_one_that_was_chosen(minutes: int | None, trigger: bytes | None) -> None:
    ada = make.registration().attendee
    [event] = entries(ask(the_feed(ada, alarm_minutes=minutes)).content)

    assert [alarm["TRIGGER"].to_ical() for alarm in event.walk("VALARM")] == ([trigger] if trigger else [])


@pytest.mark.proves("calendar-subscription")
def test_an_empty_calendar_is_one_too_and_so_is_that_of_a_cancelled_session() -> None:
    session = make.session()
    feed = the_feed(make.registration(session).attendee)
    session.status = Session.Status.CANCELLED
    session.save()

    for one in (feed, the_feed()):
        calendar = Calendar.from_ical(ask(one).content)
        assert [part.name for part in calendar.subcomponents] == ["VTIMEZONE"]  # one part at least (RFC 5545 3.6)
        assert "PRODID" in calendar and "VERSION" in calendar


@pytest.mark.proves("calendar-subscription")
def test_the_address_ends_with_a_name_and_those_that_end_with_the_secret_go_on() -> None:
    feed = the_feed(make.registration().attendee)
    address = reverse("calendars:feed", args=[feed.key])

    assert address.rsplit("/", 1)[1] == "summit.ics" and feed.key in address
    assert Client().get(address).content == ask_as_before(feed).content
    assert feed.key not in ask(feed).content.decode()
    for wrong in (feed.key[:-1], feed.key + "x", "", "summit"):
        assert Client().get(f"/calendar/{wrong}/summit.ics").status_code == 404
        assert Client().get(f"/calendar/{wrong}.ics").status_code == 404
    assert Client().get(f"/calendar/{feed.key}/").status_code == 404


def test_the_name_of_a_summit_is_escaped_as_a_text_is() -> None:
    make.edition(name=r"Sommet ; IA, santé \ droit", state="open", is_current=True)

    lines = ask(the_feed()).content.decode().split("\r\n")

    for name in ("NAME", "X-WR-CALNAME"):
        assert rf"{name}:Sommet \; IA\, santé \\ droit" in lines


def test_several_zones_stand_before_all_entries() -> None:
    ada = make.attendee()
    for days, zone in enumerate(("Europe/Paris", "Asia/Kolkata", "Africa/Casablanca"), start=2):
        room = make.room(venue=make.venue(timezone=zone))
        make.registration(make.session(room=room, starts_at=timezone.now() + timedelta(days=days)), ada)

    parts = Calendar.from_ical(ask(the_feed(ada)).content).subcomponents

    assert [part.name for part in parts] == ["VTIMEZONE"] * 3 + ["VEVENT"] * 3
    assert [str(part["TZID"]) for part in parts[:3]] == ["Africa/Casablanca", "Asia/Kolkata", "Europe/Paris"]


def test_a_calendar_that_has_the_same_already_is_told_so(time_machine: Any) -> None:
    time_machine.move_to(timezone.now(), tick=False)
    feed = the_feed(make.registration().attendee)
    first = ask(feed)
    time_machine.shift(timedelta(minutes=30))

    again = Client().get(f"/calendar/{feed.key}/summit.ics", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert Client().head(f"/calendar/{feed.key}/summit.ics").status_code == 200
    assert Client().post(f"/calendar/{feed.key}/summit.ics").status_code == 405


@pytest.mark.parametrize("number", [1, 12])
def test_the_calendar_costs_five_queries_however_many_seats(number: int, django_assert_num_queries: Any) -> None:
    ada = make.attendee()
    for hour in range(number):
        make.registration(make.session(starts_at=timezone.now() + timedelta(days=2, hours=2 * hour)), ada)
    feed = the_feed(ada)

    with django_assert_num_queries(
        5
    ):  # the address, the seats, the name of the edition, their changes, the moves of their sessions
        assert len(entries(ask(feed).content)) == number


@pytest.mark.proves("calendar-subscription")
def test_a_revoked_address_and_one_of_somebody_who_may_not_sign_in_answer_like_a_made_up_one() -> None:
    ada = make.registration().attendee
    feed = the_feed(ada)
    calendar_feeds.renew(ada, actor=ada.user)
    other = the_feed(user := make.attendee())
    user.user.is_active = False
    user.user.save()
    closed = the_feed(third := make.attendee())
    calendar_feeds.close(third, actor=third.user)

    made_up = Client().get("/calendar/made-up/summit.ics")
    answers = [ask(one) for one in (feed, other, closed)] + [ask_as_before(one) for one in (feed, other, closed)]

    assert {answer.status_code for answer in answers} == {404} == {made_up.status_code}
    assert {answer.content for answer in answers} == {made_up.content}
    assert ask(CalendarFeed.objects.get(attendee=ada)).status_code == 200


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("calendar-subscription")
def test_a_person_makes_an_address_changes_it_and_switches_it_off(client: Client) -> None:
    ada = make.attendee()
    make.sign_in(client, ada)

    assert "Create the address" in client.get(PAGE).content.decode() and not CalendarFeed.objects.exists()
    client.post(PAGE, {"act": "open"})
    first = CalendarFeed.objects.get(attendee=ada).key
    page = client.get(PAGE).content.decode()
    assert (
        f'href="webcal://testserver/calendar/{first}/summit.ics"' in page
        and f'value="http://testserver/calendar/{first}/summit.ics"' in page
    )
    client.post(PAGE, {"act": "open"})
    assert CalendarFeed.objects.get(attendee=ada).key == first
    client.post(PAGE, {"act": "alarm", "minutes": "60"})
    assert CalendarFeed.objects.get(attendee=ada).alarm_minutes == 60
    client.post(PAGE, {"act": "renew"})
    assert CalendarFeed.objects.get(attendee=ada).key != first
    client.post(PAGE, {"act": "close"})
    client.post(PAGE, {"act": "close"})
    assert not CalendarFeed.objects.exists()
    assert [row.history_type for row in CalendarFeed.history.order_by("history_id")] == ["+", "~", "~", "-"]
    assert "token" not in {field.name for field in CalendarFeed.history.model._meta.get_fields()}


@pytest.mark.parametrize(
    "sent_fields",
    [
        {},
        {"act": "?"},
        {"act": "alarm", "minutes": "7"},
        {"act": "alarm", "minutes": "١٥"},
        {"act": "alarm", "minutes": "x"},
    ],
)
def test_anything_else_changes_nothing(client: Client, sent_fields: dict[str, str]) -> None:
    ada = make.attendee()
    feed = the_feed(ada, alarm_minutes=15)
    make.sign_in(client, ada)

    assert client.post(PAGE, sent_fields).status_code == 422

    assert CalendarFeed.objects.get().key == feed.key and CalendarFeed.objects.get().alarm_minutes == 15


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    assert client.get(PAGE).status_code == 302 and client.post(PAGE, {"act": "open"}).status_code == 302
    assert not CalendarFeed.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_at_once_make_one_address() -> None:
    ada = make.attendee()

    made = all_at_once([partial(calendar_feeds.open_feed, ada, actor=ada.user)] * 20)

    assert {feed.key for feed in made} == {CalendarFeed.objects.get().key}
