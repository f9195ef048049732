"""The next edition: what it begins with, how far it moves, and what stops it."""

import re
import signal
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from notices.models import ReminderRule
from programme.domain import editions, next_edition, publication, retention
from programme.models import Day, Duty, Edition, Event, Participation, Session, Track
from programme.signals import edition_copied
from registrations.domain import pools
from registrations.domain.invariants import check
from registrations.models import Cohort, Limit, Membership, SeatPool
from tests import make
from tests.processes import environment, run_python

pytestmark = pytest.mark.django_db
pages = pytest.mark.runs_once("pages and dates, which no database counts")
PARIS = "Europe/Paris"
MODELS = (Edition, Day, Track, Event, Session, Limit, Cohort, SeatPool, ReminderRule)


@pytest.fixture
def source() -> Edition:
    """An edition with something of each kind, and people."""
    source = make.edition(
        slug="paris-2027",
        name_fr="Sommet 2027",
        name_en="Summit 2027",
        state=Edition.State.OPEN,
        is_current=True,
        starts_on=date(2027, 2, 4),
        ends_on=date(2027, 2, 10),
        accent="#AA3300",
        contact="bonjour@example.org",
        city="Paris",
    )
    for n in (4, 10):
        make.day(date(2027, 2, n), edition=source, label=f"Jour {n}")
    track = make.track(edition=source, slug="science", name="Science", colour="#112233")
    forum = make.event(edition=source, slug="forum", title="Forum", starts_on=date(2027, 2, 10), venue=make.venue())
    make.event(edition=source, slug="road", kind=Event.Kind.ROAD_TO_THE_SUMMIT, starts_on=date(2026, 5, 4))
    Limit.objects.create(event=forum, kind="panel", at_most=2)
    session = make.session(
        event=forum,
        track=track,
        slug="ethique",
        seats=50,
        starts_at=datetime(2027, 2, 10, 9, tzinfo=UTC),
        registration_opens_at=datetime(2027, 1, 4, 8, tzinfo=UTC),
        draw_at=datetime(2027, 2, 1, 8, tzinfo=UTC),
        waiting_list="draw",
    )
    make.participation(session=session)
    Duty.objects.create(session=session, user=make.user())
    cohort = make.cohort(
        edition=source,
        slug="promo",
        size=12,
        weight=3,
        starts_at=datetime(2027, 2, 10, 8, tzinfo=UTC),
        ends_at=datetime(2027, 2, 10, 12, tzinfo=UTC),
    )
    make.membership(cohort)
    pools.allot(session, cohort, 20, release_at=datetime(2027, 2, 9, 17, tzinfo=UTC))
    make.registration(session, let_in=True)
    ReminderRule.objects.create(event=forum, at_time=time(17))
    ReminderRule.objects.create(session=session, timing="before", minutes=90)
    return source


def start(source: Edition, **changes: Any) -> Edition:
    asked: dict[str, Any] = {
        "slug": "lyon-2028",
        "names": {"fr": "Sommet 2028", "en": "Summit 2028"},
        "first_day": date(2028, 2, 3),
        "with_sessions": True,
        "actor": None,
    }
    return next_edition.start_next(source, **asked | changes)


def counts() -> list[int]:
    return [model._default_manager.count() for model in MODELS] + [model.history.count() for model in MODELS]  # type: ignore[attr-defined]


def refused(source: Edition, **changes: Any) -> dict[str, list[str]]:
    """What is said of each field; nothing was written."""
    before = counts()
    with override("en"), pytest.raises(ValidationError) as caught:
        start(source, **changes)
    assert counts() == before
    with override("en"):
        return caught.value.message_dict


# --- What it begins with ----------------------------------------------------------------------------------------------


@pytest.mark.proves("edition-next")
def test_it_begins_with_what_the_edition_has_moved_and_without_its_people(source: Edition) -> None:
    actor = make.organiser()
    people = Membership.objects.count(), Participation.objects.count(), Duty.objects.count()

    new = start(source, actor=actor)

    assert (new.state, new.is_current) == (Edition.State.PREPARATION, False)
    assert (new.starts_on, new.ends_on) == (date(2028, 2, 3), date(2028, 2, 9))
    assert (new.name_fr, new.name_en, new.accent, new.timezone, new.contact, new.city_fr) == (  # type: ignore[attr-defined]
        "Sommet 2028", "Summit 2028", "#AA3300", PARIS, "bonjour@example.org", "Paris",
    )  # fmt: skip
    assert list(new.days.values_list("date", "label_fr")) == [
        (date(2028, 2, 3), "Jour 4"),
        (date(2028, 2, 9), "Jour 10"),
    ]
    [track], [event] = new.tracks.all(), new.events.all()
    assert (track.slug, track.name, track.colour) == ("science", "Science", "#112233")
    before = Event.objects.get(slug="forum")
    assert (event.slug, event.title, event.starts_on, event.venue) == (
        "forum-lyon-2028", "Forum", date(2028, 2, 9), before.venue,
    )  # fmt: skip
    assert [(limit.kind, limit.at_most) for limit in event.limits.all()] == [("panel", 2)]
    assert [rule.at_time for rule in event.reminder_rules.all()] == [time(17)]
    [cohort] = new.cohorts.all()
    assert (cohort.slug, cohort.size, cohort.weight, cohort.starts_at) == (
        "promo-lyon-2028", 12, 3, datetime(2028, 2, 9, 8, tzinfo=UTC),
    )  # fmt: skip
    assert (Membership.objects.count(), Participation.objects.count(), Duty.objects.count()) == people
    for row in (new, track, event, cohort):
        assert [line.history_user for line in row.history.all()] == [actor]
    assert {edition.slug for edition in Edition.objects.filter(is_current=True)} == {"paris-2027"}


@pytest.mark.proves("edition-next")
def test_sessions_come_along_as_drafts_at_the_same_hours(source: Edition) -> None:
    before = Session.objects.get(slug="ethique")

    [session] = Session.objects.of(start(source))

    assert (session.slug, session.status, session.track.edition.slug) == ("ethique-lyon-2028", "draft", "lyon-2028")
    assert (session.room, session.capacity, session.access, session.waiting_list) == (
        before.room, 50, "registration", "draw",
    )  # fmt: skip
    assert session.starts_at == datetime(2028, 2, 9, 9, tzinfo=UTC)
    assert session.registration_opens_at == datetime(2028, 1, 3, 8, tzinfo=UTC)
    assert session.draw_at == datetime(2028, 1, 31, 8, tzinfo=UTC)
    assert sorted((pool.seats, pool.taken, pool.closed, pool.release_at) for pool in session.pools.all()) == [
        (20, 0, True, datetime(2028, 2, 8, 17, tzinfo=UTC)),
        (30, 0, True, None),
    ]
    assert session.pools.get(seats=20).cohort.slug == "promo-lyon-2028"
    assert [rule.minutes for rule in session.reminder_rules.all()] == [90]
    assert session.place == before.place
    assert session.search.startswith("seance")
    session.full_clean(exclude=["languages"])
    check(timezone.now())


def test_without_sessions_nothing_of_theirs_comes_along(source: Edition) -> None:
    new = start(source, with_sessions=False)

    assert not Session.objects.of(new).exists()
    assert SeatPool.objects.filter(cohort__edition=new).count() == 0
    assert ReminderRule.objects.filter(event__edition=new).count() == 1
    assert ReminderRule.objects.count() == 3


def test_a_copied_session_takes_seats_once_it_is_published_in_the_current_edition(source: Edition) -> None:
    new, actor = start(source), make.organiser()
    publication.cancel(Session.objects.of(source), actor)
    editions.archive(source, actor=actor)
    Edition.objects.filter(pk=new.pk).update(**make.LEGAL_FACTS)  # its statement about accessibility is made anew
    editions.open_edition(new, actor=actor)
    editions.make_current(new, actor=actor)
    [session] = Session.objects.of(new)

    publication.publish([session], actor)

    assert {pool.closed for pool in session.pools.all()} == {False}
    check(timezone.now())


def test_what_did_not_take_place_is_not_copied(source: Edition) -> None:
    publication.cancel(Session.objects.of(source), make.organiser())

    new = start(source)

    assert not Session.objects.of(new).exists()
    assert ReminderRule.objects.filter(session__event__edition=new).count() == 0


def test_an_empty_edition_moves_from_its_own_first_day() -> None:
    source = make.edition(starts_on=date(2027, 2, 4), ends_on=date(2027, 2, 10))

    new = start(source)

    assert (new.starts_on, new.ends_on, new.events.count()) == (date(2028, 2, 3), date(2028, 2, 9), 0)


@pages
@pytest.mark.parametrize(
    ("precision", "first", "last", "moved"),
    [
        ("day", date(2027, 2, 1), date(2027, 2, 28), (date(2028, 1, 31), date(2028, 2, 27))),
        ("month", date(2027, 2, 1), date(2027, 2, 28), (date(2028, 2, 1), date(2028, 2, 28))),
        ("year", date(2027, 1, 1), date(2027, 12, 31), (date(2028, 1, 1), date(2028, 12, 31))),
    ],
)
def test_what_names_a_month_or_a_year_goes_on_naming_one(
    precision: str, first: date, last: date, moved: tuple[date, date]
) -> None:
    source = make.edition(starts_on=date(2027, 2, 4), ends_on=date(2027, 2, 10))
    make.event(edition=source, starts_on=first, ends_on=last, date_precision=precision)

    [event] = start(source).events.all()

    assert (event.starts_on, event.ends_on) == moved


# --- Slugs ------------------------------------------------------------------------------------------------------------


@pages
def test_slugs_stay_unique_and_carry_the_last_edition_alone(source: Edition) -> None:
    second = start(source)
    third = start(second, slug="2029", first_day=date(2029, 2, 1), names={"fr": "T", "en": "T"})

    assert Session.objects.of(third).get().slug == "ethique-2029"
    make.event(slug="forum-2030")
    fourth = start(third, slug="2030", first_day=date(2030, 2, 1), names={"fr": "Q", "en": "Q"})
    assert [event.slug for event in fourth.events.all()] == ["forum-2030-2"]


@pages
def test_a_long_slug_is_cut_between_words() -> None:
    source = make.edition(slug="paris")
    long = "gouvernance-internationale-de-l-intelligence-artificielle-ouverte-et-responsable"
    make.event(edition=source, slug=long[:80])
    make.event(edition=source, slug="x" * 80)
    make.cohort(edition=source, slug=("promo-" * 10)[:60])

    new = start(source, slug="un-sommet-dont-le-nom-est-vraiment-tres-long-a-lyon-en-2028")

    slugs = [*new.events.values_list("slug", flat=True), *new.cohorts.values_list("slug", flat=True)]
    assert sorted(slugs) == [
        "gouvernance-internationale-de-l-un-sommet-dont-le-nom-est-vraiment-tres",
        "promo-promo-promo-promo-promo-un-sommet-dont-le-nom-est",
        f"{'x' * 40}-un-sommet-dont-le-nom-est-vraiment-tres",
    ]
    assert max(map(len, slugs)) <= 80


# --- Hours ------------------------------------------------------------------------------------------------------------


@pages
@pytest.mark.parametrize(
    ("day", "begins", "ends", "moved"),
    [
        # The source is on a Saturday in winter; its copy on the Sunday in March on which 2:00 becomes 3:00.
        (date(2027, 3, 28), time(10), time(11), ("08:00", "09:00")),
        (date(2027, 3, 28), time(1, 30), time(2, 30), ("00:30", "01:30")),
        (date(2027, 3, 28), time(2, 30), time(3, 15), ("01:30", "02:15")),
        # ... and on the one in October on which 3:00 becomes 2:00.
        (date(2027, 10, 31), time(10), time(11), ("09:00", "10:00")),
        (date(2027, 10, 31), time(2, 15), time(2, 45), ("00:15", "00:45")),
    ],
)
def test_hours_on_the_clocks_of_the_venue_stay(day: date, begins: time, ends: time, moved: tuple[str, str]) -> None:
    first = date(2026, 2, 7)
    source = make.edition(starts_on=first, ends_on=first)
    room = make.room()
    starts_at, ends_at = (datetime.combine(first, at, room.venue.zone).astimezone(UTC) for at in (begins, ends))
    make.session(
        event=make.event(edition=source),
        room=room,
        starts_at=starts_at,
        minutes=(ends_at - starts_at).seconds // 60,
        registration_opens_at=starts_at - timedelta(minutes=15),
    )

    session = Session.objects.of(start(source, first_day=day)).get()

    assert tuple(f"{at.astimezone(UTC):%H:%M}" for at in (session.starts_at, session.ends_at)) == moved
    assert session.registration_opens_at is not None
    assert session.registration_opens_at < session.starts_at < session.ends_at


# --- What stops it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"slug": "paris-2027"}, "slug", "Edition with this Slug already exists."),
        ({"slug": ""}, "slug", "This field cannot be blank."),
        ({"slug": "a b"}, "slug", "valid “slug”"),
        ({"names": {"fr": "Sommet", "en": " "}}, "name_en", "This field cannot be blank."),
        ({"names": {"en": "Summit"}}, "name_fr", "This field cannot be blank."),
        ({"first_day": date(2828, 2, 3)}, "first_day", "2828 cannot be right"),
        ({"first_day": date(1, 1, 1)}, "first_day", "1 cannot be right"),
        ({"first_day": date(9999, 12, 31)}, "first_day", "9999 cannot be right"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    source: Edition, changes: dict[str, Any], field: str, sentence: str
) -> None:
    assert {name: sentence in said for name, [said] in refused(source, **changes).items()} == {field: True}


def test_a_day_that_the_clocks_skip_is_refused(source: Edition) -> None:
    Edition.objects.filter(pk=source.pk).update(timezone="Pacific/Apia")

    assert refused(source, first_day=date(2011, 12, 30)) == {
        "first_day": ["Friday 30\xa0December 2011 does not exist in that time zone."]
    }


def test_twice_with_the_same_slug_makes_one(source: Edition) -> None:
    start(source, with_sessions=False)

    assert list(refused(source, with_sessions=False)) == ["slug"]
    assert Edition.objects.count() == 2


@pytest.mark.on_both("a constraint of PostgreSQL looks too")
def test_two_editions_never_have_a_room_at_the_same_time(source: Edition) -> None:
    before = Session.objects.get(slug="ethique")

    said = refused(source, first_day=date(2027, 2, 4))["first_day"]

    assert len(said) == 1
    assert f"“{before.title}”, moved to" in said[0]
    assert f"the room “{before.room.name}” at the same time as “{before.title}” of “Summit 2027”" in said[0]
    assert start(source, first_day=date(2027, 2, 5)).starts_on == date(2027, 2, 5)  # an hour of another day is free


def test_a_copy_that_fails_half_way_leaves_nothing(source: Edition) -> None:
    def stumble(**kwargs: Any) -> None:
        raise ZeroDivisionError

    before = counts()
    edition_copied.connect(stumble)
    try:
        with pytest.raises(ZeroDivisionError):
            start(source)
    finally:
        edition_copied.disconnect(stumble)

    assert counts() == before


def test_data_about_people_is_kept_as_long_and_on_the_same_legal_basis(source: Edition) -> None:
    source.legal_basis = "contract"
    source.save()
    retention.choose(source, {"came": 90, "access_needs": 10}, actor=None)

    new = start(source)

    assert new.legal_basis == "contract"
    assert retention.policy(new) == retention.policy(source)
    assert dict(new.retention_rules.values_list("kind", "days")) == {"came": 90, "access_needs": 10}


@pages
@pytest.mark.parametrize("number", [3, 20])
def test_it_takes_the_same_queries_however_many_there_are(
    source: Edition, number: int, django_assert_num_queries: Any
) -> None:
    forum, track = Event.objects.get(slug="forum"), Track.objects.get(slug="science")
    cohort = make.cohort(edition=source)
    for _n in range(number):
        session = make.session(event=forum, track=track)
        pools.allot(session, cohort, 5)
        make.event(edition=source)
        make.cohort(edition=source)

    with django_assert_num_queries(39):
        new = start(source)

    assert Session.objects.of(new).count() == number + 1


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def address(source: Edition) -> str:
    return f"/en/admin/programme/edition/{source.pk}/next/"


def form(**changes: Any) -> dict[str, Any]:
    data = {"name_fr": "Sommet 2028", "name_en": "Summit 2028", "slug": "lyon-2028", "first_day": "2028-02-03"}
    return data | changes


@pages
def test_the_page_says_what_is_copied_and_suggests_the_same_weekday_a_year_later(
    organiser: Client, source: Edition
) -> None:
    response = organiser.get(address(source))

    html = response.content.decode()
    figures = re.findall(r'<b class="numeral">(\d+)</b> ([\w ]+?)\s*</li>', html)
    assert figures == [
        ("1", "track"), ("2", "days"), ("1", "event"), ("1", "reminder of an event"), ("1", "limit per person"),
        ("1", "cohort without members"), ("1", "session"), ("1", "reminder of a session"), ("1", "allotment of seats"),
    ]  # fmt: skip
    assert response.context["form"].initial == {
        "name_fr": "Sommet 2028", "name_en": "Summit 2028", "slug": "paris-2028", "first_day": date(2028, 2, 3),
    }  # fmt: skip
    assert 'value="2028-02-03"' in html
    assert "from Thursday 3\xa0February 2028 to Wednesday 9\xa0February 2028" in html
    assert f'href="{address(source)}"' in organiser.get(address(source).replace("next", "change")).content.decode()


@pages
def test_the_page_makes_it_and_leads_to_it(organiser: Client, source: Edition) -> None:
    response = organiser.post(address(source), form(with_sessions="on"), follow=True)

    new = Edition.objects.get(slug="lyon-2028")
    assert response.redirect_chain == [(f"/en/admin/programme/edition/{new.pk}/change/", 302)]
    html = response.content.decode()
    assert "“Summit 2028” starts with a copy of “Summit 2027”." in html
    assert f'href="/en/admin/programme/session/?edition={new.pk}"' in html
    assert new.history.get().history_user is not None
    again = organiser.post(address(source), form())
    assert again.status_code == 422
    assert list(again.context["form"].errors) == ["slug"]


@pages
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name_en": ""}, "name_en"),
        ({"name_fr": " "}, "name_fr"),
        ({"slug": "é è"}, "slug"),
        ({"slug": "x" * 61}, "slug"),
        ({"first_day": ""}, "first_day"),
        ({"first_day": "2028-02-31"}, "first_day"),
        ({"first_day": "9999-01-01"}, "first_day"),
        ({"first_day": "2027-02-04", "with_sessions": "on"}, "first_day"),
    ],
)
def test_mistakes_stand_beside_their_fields(
    organiser: Client, source: Edition, changes: dict[str, str], field: str
) -> None:
    response = organiser.post(address(source), form(**changes))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    html = response.content.decode()
    assert f'aria-describedby="{"id_first_day_helptext " if field == "first_day" else ""}' in html
    assert 'value="lyon-2028"' in html or field == "slug"
    assert Edition.objects.count() == 1


@pages
def test_who_may_not_add_editions_starts_none(client: Client, source: Edition) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_edition", "change_edition"]))
    make.sign_in(client, staff)

    assert client.get(address(source)).status_code == 403
    assert client.post(address(source), form()).status_code == 403
    assert "/next/" not in client.get(address(source).replace("next", "change")).content.decode()
    assert Edition.objects.count() == 1


@pages
def test_an_edition_that_is_not_there_has_no_next_one(organiser: Client) -> None:
    assert organiser.get("/en/admin/programme/edition/4711/next/").status_code == 404


@pages
@pytest.mark.parametrize("number", [1, 4])
def test_the_page_takes_the_same_queries_whatever_there_is(
    organiser: Client, source: Edition, number: int, django_assert_num_queries: Any
) -> None:
    for _n in range(number):
        make.session(event=make.event(edition=source))
        make.cohort(edition=source)
    organiser.get(address(source))

    with django_assert_num_queries(15):
        organiser.get(address(source))


# --- Killed -----------------------------------------------------------------------------------------------------------

COPY_AND_DIE = """
import datetime, os, signal
from programme.domain import next_edition
from programme.models import Edition
from programme.signals import edition_copied

edition_copied.connect(lambda **kwargs: os.kill(os.getpid(), signal.SIGKILL), weak=False)
next_edition.start_next(
    Edition.objects.get(), slug="next", names={"fr": "Suivant", "en": "Next"}, first_day=datetime.date(2028, 2, 3),
    with_sessions=True, actor=None,
)
"""


@pytest.mark.proves("edition-next")
@pytest.mark.django_db(transaction=True)
def test_a_copy_that_is_killed_half_way_leaves_nothing(tmp_path: Any, source: Edition) -> None:
    before = counts()

    died = run_python(COPY_AND_DIE, environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0"))

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert counts() == before
    assert start(source).slug == "lyon-2028"
