"""What changes behind a session's back, its room, its venue, the address, the time zone, reaches whoever has a seat in
it, once, whatever way it was changed (docs/rules.md#changes)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from notices.domain import changes
from notices.models import Change
from outbox.models import Message
from programme.models import Session
from registrations.domain import calendars
from registrations.models import Registration
from tests import make
from tests.notices.test_changes import deliver, entries, tell
from tests.registrations.pages import words
from venues.models import Room, Venue

pytestmark = pytest.mark.django_db


@pytest.fixture
def nef() -> Room:
    palais = make.venue(slug="palais", name="Grand Palais", address="7 avenue Eisenhower", city="Paris")
    make.venue(slug="bercy", name="Bercy Arena", address="8 boulevard de Bercy", city="Paris")
    make.venue(slug="tokyo", name="Forum", address="1 Marunouchi", city="Tokyo", country="JP", timezone="Asia/Tokyo")
    return make.room(slug="nef", name="Nef", venue=palais, capacity=500)


@pytest.fixture
def seat(nef: Room) -> Registration:
    start = (timezone.now() + timedelta(days=10)).replace(hour=9, minute=0, second=0, microsecond=0)
    return make.registration(make.session(room=nef, title="Plénière", starts_at=start), make.attendee("Ada"))


def sequence(seat: Registration) -> int:
    fresh = Registration.objects.select_related("session__room__venue").get(pk=seat.pk)
    return calendars.versions([fresh])[fresh.pk].sequence


def by_model(**fields: Any) -> Callable[[Any], None]:
    def change(row: Any) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()

    return change


def bercy(room: Room) -> None:
    room.venue = Venue.objects.get(slug="bercy")
    room.save()


def by_form(room: Room) -> None:
    fields = {"venue": Venue.objects.get(slug="bercy").pk, "name_fr": room.name, "slug": room.slug, "capacity": 500}
    page = make.sign_in(Client(), make.organiser()).post(f"/admin/venues/room/{room.pk}/change/", fields)
    assert page.status_code == 302


def by_sheet(room: Room) -> None:
    browser = make.sign_in(Client(), make.organiser())
    data = f"slug,name,venue,capacity\n{room.slug},{room.name},bercy,500\n".encode()
    file = SimpleUploadedFile("rooms.csv", data)
    asked = browser.post("/admin/venues/room/import/", {"import_file": file, "format": "0", "resource": "0"})
    form = asked.context["confirm_form"]
    done = browser.post("/admin/venues/room/process_import/", form.initial | {"resource": "0"})
    assert done.status_code == 302


@pytest.mark.proves("place-changes-told")
@pytest.mark.parametrize("door", [bercy, by_form, by_sheet], ids=lambda door: door.__name__)
def test_a_room_that_moves_to_another_venue_is_told_once_with_the_new_place(seat, nef, door):
    before = sequence(seat)

    door(nef)

    assert Change.objects.filter(session=seat.session, told_at=None).count() == 1
    assert (tell(), tell()) == (1, 0)
    [message] = deliver()
    assert "Bercy Arena, Nef" in words(message.body)
    assert "Grand Palais, Nef" in words(message.body)  # where it was
    [entry] = entries(message)
    assert "Bercy Arena" in str(entry["LOCATION"])
    assert int(entry["SEQUENCE"]) == sequence(seat) == before + 1


@pytest.mark.proves("place-changes-told")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"address": "3 avenue Eisenhower"}, True),
        ({"city": "Saint-Denis"}, True),
        ({"timezone": "Asia/Tokyo"}, True),
        ({"name": "Grand Palais rénové"}, False),
        ({"name_en": "Renewed Great Palace"}, False),
        ({"accessibility_fr": "De plain-pied."}, None),
        ({"security_minutes": 20}, None),
        ({"latitude": 48.86, "longitude": 2.31}, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_people_find_a_venue_by_is_told_and_a_name_only_goes_into_calendars(seat, nef, fields, told):
    before = sequence(seat)

    by_model(**fields)(nef.venue)

    assert tell() == int(bool(told))
    assert sequence(seat) == before + (told is not None)
    assert len(deliver()) == int(bool(told))


@pytest.mark.parametrize("name", ["name", "name_en", "title_fr", "slug"])
def test_another_name_or_address_of_its_page_raises_the_sequence_and_sends_nothing(seat, nef, name):
    before = sequence(seat)

    by_model(**{name: "autre"})(nef if name.startswith("name") else Session.objects.get(pk=seat.session_id))

    assert (sequence(seat), tell()) == (before + 1, 0)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_old_address_of_a_page_leads_to_the_new_one(client, seat, nef, prefix):
    session, speaker = seat.session, make.speaker(slug="ada", name="Ada")
    make.participation(session=session, speaker=speaker)
    draft = make.session(slug="secret", status="draft")
    for row in (session, speaker, session.event, nef.venue, draft):
        page = {"Session": "sessions", "Speaker": "speakers", "Event": "events", "Venue": "venues"}[type(row).__name__]
        old = row.slug
        by_model(slug=f"{old}-2")(row)
        by_model(slug=f"{old}-3")(row)

        for slug in (old, f"{old}-2"):
            response = client.get(f"{prefix}/{page}/{slug}/")
            assert (response.status_code, response.headers.get("Location")) == (
                (404, None) if row == draft else (302, f"{prefix}/{page}/{old}-3/")
            )
    assert client.get(f"{prefix}/sessions/never/").status_code == 404


@pytest.mark.proves("place-changes-told")
def test_in_another_time_zone_the_hours_on_the_clocks_stay_unless_somebody_says_otherwise(seat, nef):
    session = Session.objects.get(pk=seat.session_id)
    hour = session.local_starts_at.replace(tzinfo=None)
    instant = session.starts_at

    by_model(timezone="Asia/Tokyo")(nef.venue)

    session = Session.objects.select_related("room__venue").get(pk=session.pk)
    assert (session.local_starts_at.replace(tzinfo=None), session.starts_at < instant) == (hour, True)
    venue = Venue.objects.get(pk=nef.venue_id)
    venue.keeps_hours = False
    moment = session.starts_at
    by_model(timezone="Europe/Paris")(venue)
    session = Session.objects.select_related("room__venue").get(pk=session.pk)
    assert session.starts_at == moment


def test_two_sessions_of_a_room_follow_each_other_into_another_zone(nef):
    first = datetime(2027, 3, 1, 9, tzinfo=UTC)
    sessions = [make.session(room=nef, starts_at=first + timedelta(hours=n), minutes=60) for n in range(9)]

    by_model(timezone="America/New_York")(nef.venue)

    moved = Session.objects.filter(pk__in=[session.pk for session in sessions]).select_related("room__venue")
    assert [session.local_starts_at.hour for session in moved.order_by("starts_at")] == list(range(10, 19))


def test_what_is_over_or_comes_back_is_told_to_nobody(seat, nef):
    past = make.session(room=nef, starts_at=timezone.now() - timedelta(days=3))
    palais = nef.venue

    bercy(nef)
    nef.venue = palais
    nef.save()

    assert not Change.objects.exists()
    assert past.history.count() == 1
    assert (tell(), Message.objects.filter(kind="notices.changes").count()) == (0, 0)


def test_moving_twice_is_told_once_from_where_it_was_first(seat, nef):
    bercy(nef)
    by_model(address="10 boulevard de Bercy")(Venue.objects.get(slug="bercy"))

    assert tell() == 1
    [message] = deliver()
    assert "10 boulevard de Bercy" in message.alternatives[0][0]
    assert "Grand Palais, Nef" in words(message.body)


class TestBeforeItIsSaved:
    """The form says whom it concerns, and is saved when it comes back."""

    @pytest.fixture
    def browser(self) -> Client:
        return make.sign_in(Client(), make.organiser())

    def fields(self, room: Room) -> dict[str, Any]:
        return {"venue": Venue.objects.get(slug="bercy").pk, "name_fr": room.name, "slug": room.slug, "capacity": 500}

    @pytest.mark.proves("place-changes-told")
    def test_the_form_says_how_many_people_and_who_clashes_and_when_mails_leave(self, browser, seat, nef):
        other = make.session(starts_at=seat.session.ends_at + timedelta(minutes=5), room=make.room(venue=nef.venue))
        make.registration(other, seat.attendee)
        make.registration(seat.session)
        address = f"/admin/venues/room/{nef.pk}/change/"
        version = re.search(r'name="_version" value="([^"]+)"', browser.get(address).content.decode())[1]

        asked = browser.post(address, self.fields(nef) | {"_version": version})

        said = words(asked.content.decode())
        assert "2 personnes seront prévenues par courriel." in said
        assert "1 d’entre elles serait attendue ailleurs" in said
        assert "cinq minutes après la dernière modification" in said
        nef.refresh_from_db()
        assert (nef.venue.slug, Change.objects.count(), seat.session.history.count()) == ("palais", 0, 1)

        mark = re.search(r'name="_seen" value="([^"]+)"', asked.content.decode())[1]
        make.registration(seat.session)  # somebody comes meanwhile: what was read is no longer true
        again = browser.post(address, self.fields(nef) | {"_version": version, "_seen": mark})
        assert "3 personnes" in words(again.content.decode())
        mark = re.search(r'name="_seen" value="([^"]+)"', again.content.decode())[1]
        done = browser.post(address, self.fields(nef) | {"_version": version, "_seen": mark})

        assert done.status_code == 302
        assert Change.objects.filter(told_at=None).count() == 1

    def test_a_quiet_window_is_named_and_what_concerns_nobody_is_saved_at_once(self, browser, seat, nef):
        changes.open_window(None, actor=make.organiser())
        address = f"/admin/venues/room/{nef.pk}/change/"
        version = re.search(r'name="_version" value="([^"]+)"', browser.get(address).content.decode())[1]

        asked = browser.post(address, self.fields(nef) | {"_version": version})
        assert "fenêtre de silence" in words(asked.content.decode())
        named = self.fields(nef) | {"_version": version, "venue": nef.venue_id, "name_fr": "Grande nef"}
        assert browser.post(address, named).status_code == 302

    def test_a_venue_asks_whether_hours_stay(self, browser, seat, nef):
        address = f"/admin/venues/venue/{nef.venue_id}/change/"
        page = browser.get(address).content.decode()
        assert 'name="keeps_hours"' in page and "Garder les heures" in page
