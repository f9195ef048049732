"""An import says what it means to people before it happens (docs/rules.md#import-effects)."""

import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from notices.models import Change, QuietWindow
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking
from registrations.domain.booking import Ask
from registrations.models import Registration
from tests import make
from tests.notices.test_changes import tell
from tests.sheets import confirm, upload

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.proves("import-effects"),
    pytest.mark.runs_once("what a page says: the rules behind it run on both databases elsewhere"),
]


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


@pytest.fixture
def full() -> Session:
    """In ten days, a session whose three seats are taken; one of these people has a seat elsewhere two hours later."""
    start = (timezone.now() + timedelta(days=10)).replace(hour=9, minute=0, second=0, microsecond=0)
    session = make.session(seats=3, title="Plénière", starts_at=start)
    later = make.session(title="Atelier", starts_at=start + timedelta(hours=2))
    for who in make.attendees(3):
        make.registration(session, who)
    make.registration(later, Registration.objects.filter(session=session).earliest("pk").attendee)
    Message.objects.all().delete()
    return session


def later(session: Session, hours: int = 2) -> str:
    start, end = (moment + timedelta(hours=hours) for moment in (session.local_starts_at, session.local_ends_at))
    return f"slug,start,end\n{session.slug},{start:%Y-%m-%d %H:%M},{end:%Y-%m-%d %H:%M}\n"


def said(preview: Any) -> list[str]:
    return [sentence.replace("\xa0", " ") for sentence in preview.context["preview"].effects.sentences]


def wait(session: Session, name: str) -> Registration:
    who = make.attendee(name)
    return booking.register(Ask(session, who, actor=who.user, waits=True))


def test_a_session_that_moves_says_how_many_people_are_told_who_clashes_and_when(organiser, full):
    preview = upload(organiser, later(full))

    assert said(preview) == [
        "3 personnes seront prévenues par courriel.",
        "1 d’entre elles serait attendue ailleurs à cette heure.",
        "Les courriels partent cinq minutes après la dernière modification.",
    ]
    assert "3 personnes seront" in preview.content.decode().replace("\xa0", " ")
    assert (Change.objects.count(), Message.objects.count()) == (0, 0)
    confirm(organiser, preview)
    assert Change.objects.get().session == full
    assert not QuietWindow.objects.exists()


def test_the_mails_may_wait_in_a_quiet_window_of_the_event_alone(organiser, full):
    confirm(organiser, upload(organiser, later(full)), hold="on")

    window = QuietWindow.objects.get()
    assert (window.event, window.published_at) == (full.event, None)
    assert window.history.get().history_user.is_superuser
    assert tell(timedelta(hours=1)) == 0
    preview = upload(organiser, later(full))
    assert said(preview) == []  # unchanged by now
    preview = upload(organiser, later(full, 3))
    assert "Les courriels attendent la publication de la fenêtre de silence." in said(preview)
    assert not preview.context["preview"].effects.can_wait


def test_what_is_near_waits_in_no_window(organiser, full):
    Session.objects.filter(pk=full.pk).update(
        starts_at=timezone.now() + timedelta(hours=5), ends_at=timezone.now() + timedelta(hours=6)
    )
    full.refresh_from_db()

    preview = upload(organiser, later(full, 1))
    confirm(organiser, preview, hold="on")

    assert len(said(preview)) == 2
    assert not preview.context["preview"].effects.can_wait
    assert 'name="hold"' not in preview.content.decode()
    assert not QuietWindow.objects.exists()


def moved(*sessions: Session) -> str:
    return "slug,start,end\n" + "".join(later(session).partition("\n")[2] for session in sessions)


def test_somebody_who_is_told_of_two_sessions_is_one_person_expected_elsewhere(organiser, full):
    Registration.objects.exclude(session=full).delete()
    other = make.session(title="Débat", starts_at=full.starts_at + timedelta(hours=8))
    for who in (each.attendee for each in Registration.objects.filter(session=full)[:2]):
        make.registration(other, who)
    rows = moved(full) + later(other, -6).partition("\n")[2]

    told = said(upload(organiser, rows))

    assert told[:2] == [
        "3 personnes seront prévenues par courriel.",
        "2 d’entre elles seraient attendues ailleurs à cette heure.",
    ]


def test_mails_that_wait_and_mails_that_leave_are_told_apart(organiser, full):
    make.quiet_window(full.event)
    other = make.session(title="Débat", starts_at=full.starts_at + timedelta(hours=30))
    make.registration(other)

    told = said(upload(organiser, moved(full, other)))

    assert told == [
        "4 personnes seront prévenues par courriel.",
        "1 d’entre elles serait attendue ailleurs à cette heure.",
        "3 courriels attendent la publication de la fenêtre de silence.",
        "1 courriel part cinq minutes après la dernière modification.",
    ]


def test_what_leaves_although_the_rest_may_wait_is_said(organiser, full):
    near = make.session(title="Demain", starts_at=timezone.now() + timedelta(hours=5))
    for _number in range(2):
        make.registration(near)

    preview = upload(organiser, moved(full, near))

    assert preview.context["preview"].effects.can_wait
    assert "2 courriels n’attendent dans aucune fenêtre : ils concernent les 24 prochaines heures." in said(preview)


def test_seats_that_a_sheet_adds_say_which_mails_leave_at_once(organiser, full):
    waiting = wait(full, "Zoé")
    assert waiting.status == "waiting"
    Message.objects.all().delete()

    preview = upload(organiser, f"slug,capacity\n{full.slug},4\n")

    assert said(preview) == ["1 courriel part aussitôt (« Place confirmée » : 1)."]
    assert Message.objects.count() == 0
    confirm(organiser, preview)
    assert Message.objects.count() == 1


@pytest.mark.parametrize("sheet", ["venues/room", "venues/venue"])
def test_a_sheet_of_places_says_it_too(organiser, full, sheet):
    bercy = make.venue(slug="bercy", name="Bercy")
    room = full.room
    rows = {
        "venues/room": f"slug,venue\n{room.slug},{bercy.slug}\n",
        "venues/venue": f"slug,address\n{room.venue.slug},8 boulevard de Bercy\n",
    }

    assert said(upload(organiser, rows[sheet], model=sheet))[0] == "3 personnes seront prévenues par courriel."


@pytest.mark.parametrize("column", ["title_fr", "description_fr", "languages", "source"])
def test_what_nobody_is_told_of_says_nothing(organiser, full, column):
    preview = upload(organiser, f"slug,{column}\n{full.slug},en\n")

    assert preview.context["preview"].rows
    assert said(preview) == []
    assert "effects" not in preview.content.decode()


def test_a_form_lets_the_mails_wait_too(organiser, full):
    room = full.room
    fields = {
        "venue": make.venue().pk,
        "name_fr": room.name,
        "slug": room.slug,
        "capacity": room.capacity,
        "_version": "0",
    }
    address = f"/admin/venues/room/{room.pk}/change/"
    fields["_version"] = organiser.get(address).context["version"]

    asked = organiser.post(address, fields)
    assert 'name="_hold"' in asked.content.decode()
    done = organiser.post(address, fields | {"_seen": asked.context["effects"].mark, "_hold": "1"})

    assert done.status_code == 302
    assert QuietWindow.objects.get().event == full.event


@pytest.mark.parametrize("dry", [True, False])
def test_the_command_says_it_and_writes_nothing_when_asked(dry):
    out = io.StringIO()
    call_command("load_summit", "--first-day", "2027-03-04", stdout=io.StringIO())
    free = Session.objects.filter(access="registration", pools__cohort=None, pools__taken__lt=F("pools__seats"))
    session = free.earliest("starts_at")
    make.registration(session, make.attendee("Camille"))
    before: datetime = session.starts_at

    call_command("load_summit", "--first-day", "2027-03-11", *(["--dry-run"] if dry else []), stdout=out)

    session.refresh_from_db()
    assert session.starts_at - before == timedelta(days=0 if dry else 7)
    assert "1 person will be told by email." in out.getvalue()
    assert ("Nothing was written." in out.getvalue()) is dry
    assert re.search(r"\d+ changes", out.getvalue())
