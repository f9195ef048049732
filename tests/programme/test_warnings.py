"""What organisers should look at in the programme: found once, shown in forms, previews, at publication and on the
organisers' home (docs/rules.md#programme-warnings)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from core.templatetags.when import long_day
from programme.domain.warnings import ProgrammeWarning, _checks, warnings
from programme.models import Session
from registrations.models import SeatPool
from tests import make
from tests.sheets import upload

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.proves("programme-warnings"),
    pytest.mark.runs_once("sentences about rows: the queries are plain, and the pages are tried on both elsewhere"),
]
WHEN = (timezone.now() + timedelta(days=30)).astimezone(UTC).replace(hour=9, minute=0, second=0, microsecond=0)


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def session(hours: float = 0, **fields: Any) -> Session:
    """A session that gives no cause to look at it."""
    on = WHEN + timedelta(hours=hours)
    event = fields.pop("event", None) or make.event(
        starts_on=on.date() - timedelta(days=3), ends_on=on.date() + timedelta(days=3)
    )
    return make.session(event=event, starts_at=on, kind="ceremony", **fields)


def codes(*sessions: Session) -> list[str]:
    return [warning.code for warning in warnings([each.pk for each in sessions] or None)]


def test_a_good_session_and_an_empty_programme_say_nothing() -> None:
    assert warnings() == []
    assert codes(session()) == []


# --- Somebody in two places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "found"), [(0, 1), (0.5, 1), (-0.5, 1), (1, 1), (1.5, 1), (2, 0), (-2, 0), (24, 0)], ids=str
)
def test_a_speaker_in_two_places_or_too_far_is_one_warning(hours: float, found: int) -> None:
    """Half an hour of travel; sessions of an hour."""
    here, there = make.venue(name="Ici"), make.venue(name="Là")
    make.travel_time(origin=here, destination=there, minutes=50)
    one = session(room=make.room(venue=here))
    other = session(hours, room=make.room(venue=there))
    ada = make.speaker(name="Ada")
    for each in (one, other):
        make.participation(session=each, speaker=ada)

    assert codes(one, other) == ["elsewhere"] * found
    assert codes(one) == codes(other) == ["elsewhere"] * found
    if found:
        assert "Ada" in str(warnings([one.pk])[0])


def test_in_one_venue_the_next_session_may_follow_at_once() -> None:
    venue, ada = make.venue(), make.speaker()
    for hours in (0, 1):
        make.participation(session=session(hours, room=make.room(venue=venue)), speaker=ada)

    assert codes() == []


@pytest.mark.parametrize("how", ["duty and speech", "two duties", "two speakers of one account"])
def test_a_duty_counts_as_a_speech_does(how: str) -> None:
    user, one, other = make.user(), session(), session(0.5)
    if how == "two duties":
        one.duties.create(user=user)
    else:
        make.participation(session=one, speaker=make.speaker(user=user))
    other.duties.create(user=user)

    assert codes() == ["elsewhere"]
    assert codes(one) == codes(other) == ["elsewhere"]


@pytest.mark.parametrize("change", ["cancelled", "over", "exhibition", "exhibitor", "nobody of both"])
def test_who_need_not_be_there_is_in_no_two_places(change: str) -> None:
    ada, one, other = make.speaker(), session(), session(0.5)
    make.participation(session=one, speaker=ada)
    make.participation(
        session=other,
        speaker=make.speaker() if change == "nobody of both" else ada,
        role="exhibitor" if change == "exhibitor" else "speaker",
    )
    match change:
        case "cancelled":
            Session.objects.filter(pk=other.pk).update(status="cancelled")
        case "exhibition":
            Session.objects.filter(pk=other.pk).update(kind="exhibition")
        case "over":
            for each in (one, other):
                past = each.starts_at - timedelta(days=90)
                Session.objects.filter(pk=each.pk).update(starts_at=past, ends_at=past + timedelta(hours=1))

    assert "elsewhere" not in codes()


# --- Dates, rooms, speakers, translations -----------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "found"), [(0, False), (1, False), (2, True), (-1, True)])
def test_a_session_outside_its_event_is_a_warning(days: int, found: bool) -> None:
    event = make.event(starts_on=WHEN.date(), ends_on=WHEN.date() + timedelta(days=1))

    assert codes(session(24 * days, event=event)) == (["day"] if found else [])


def test_an_event_known_to_the_month_only_has_no_days_to_be_outside_of() -> None:
    event = make.event(starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 31), date_precision="month")

    assert codes(session(event=event)) == []


def test_a_session_on_no_day_of_its_edition_is_a_warning() -> None:
    good, bad = session(), session(24 * 100)
    make.day(WHEN.date())
    make.day(bad.day, edition=make.edition())  # another one's

    [warning] = warnings([good.pk, bad.pk])

    assert (warning.code, warning.session) == ("day", bad)


def test_a_session_that_goes_on_into_a_day_that_is_none_is_a_warning() -> None:
    make.day(WHEN.date())
    long = session()
    Session.objects.filter(pk=long.pk).update(ends_at=WHEN + timedelta(hours=20))

    assert codes(long) == ["day"]
    Session.objects.filter(pk=long.pk).update(ends_at=WHEN.replace(hour=23))  # midnight in Paris
    assert codes(long) == []


@pytest.mark.parametrize(("days", "missing"), [((0, 1), None), ((0,), 1), ((1,), 0), ((0, 2), 1), ((5,), 0)])
def test_the_first_day_that_is_missing_is_named(days: tuple[int, ...], missing: int | None) -> None:
    long = session()
    Session.objects.filter(pk=long.pk).update(ends_at=WHEN + timedelta(days=1 if missing is None else 2))
    for number in days:
        make.day(WHEN.date() + timedelta(days=number))

    found = [str(warning) for warning in warnings([long.pk])]

    assert len(found) == (missing is not None)
    if missing is not None:
        assert long_day(WHEN.date() + timedelta(days=missing)) in found[0]


def test_what_leads_to_the_summit_has_days_of_its_own() -> None:
    make.day(WHEN.date() + timedelta(days=5))
    event = make.event(starts_on=WHEN.date(), ends_on=WHEN.date(), kind="road_to_the_summit")

    assert codes(session(event=event)) == []
    assert codes(session(24, event=event)) == ["day"]


def test_a_session_of_ages_breaks_no_page(organiser: Client) -> None:
    make.day(WHEN.date())
    long = session()
    Session.objects.filter(pk=long.pk).update(ends_at=datetime(9999, 12, 31, 22, 30, tzinfo=UTC))

    assert codes(long) == ["day"]
    for page in ("", "programme/session/warnings/", f"programme/session/{long.pk}/change/"):
        assert organiser.get(f"/admin/{page}").status_code == 200


def test_a_check_that_breaks_costs_its_sentences_and_no_page(organiser, monkeypatch, caplog) -> None:
    def broken(rows: Any) -> Any:
        raise OverflowError

    unsure = bad()
    monkeypatch.setitem(_checks, "day", broken)

    assert codes(unsure) == ["unconfirmed"]
    assert "“day”" in caplog.text
    assert organiser.get("/admin/").status_code == 200


@pytest.mark.parametrize("name", ["starts_at", "ends_at", "registration_opens_at", "draw_at"])
@pytest.mark.parametrize("year", [1, 1899, 2200, 9999])
def test_a_year_that_cannot_be_meant_is_refused(name: str, year: int) -> None:
    far = session()
    setattr(far, name, datetime(year, 7, 1, tzinfo=UTC))

    with pytest.raises(ValidationError) as error:
        far.full_clean()

    assert list(error.value.message_dict) == [name]


def test_a_day_that_moves_tells_of_the_sessions_that_it_leaves(organiser: Client) -> None:
    left, day = session(), make.day(WHEN.date())
    other = WHEN.date() + timedelta(days=3)
    fields = {"label_fr": "J", "label_en": "D", "timezone": "Europe/Paris", "date": other.isoformat()}

    done = organiser.post(f"/admin/programme/day/{day.pk}/change/", fields, follow=True)

    assert [left.title in str(message) for message in done.context["messages"]].count(True) == 1


def test_a_room_or_a_venue_to_be_confirmed_is_a_warning() -> None:
    one, other = session(), session(5)
    one.room.to_be_confirmed = other.room.venue.to_be_confirmed = True
    one.room.save()
    other.room.venue.save()

    assert codes(one, other) == ["unconfirmed", "unconfirmed"]


def test_more_seats_than_the_room_and_more_people_are_warnings() -> None:
    planned = session(seats=10, over_capacity_reason="Debout", room=make.room(capacity=10))
    hall = make.room(capacity=100, allows_several_sessions=True)
    one, other, later = (session(hours, seats=80, room=hall) for hours in (0, 0.5, 3))
    Session.objects.filter(pk=planned.pk).update(capacity=20)
    for each in (one, other, later):
        SeatPool.objects.filter(session=each, cohort=None).update(taken=60)

    assert codes(planned) == ["crowded"]
    assert "Debout" in str(warnings([planned.pk])[0])
    assert codes(one, other, later) == ["sold"]
    assert warnings([other.pk])[0].session == other


@pytest.mark.parametrize(
    ("kind", "found"), [("panel", True), ("keynote", True), ("dinner", False), ("exhibition", False)]
)
def test_a_stage_without_a_speaker_is_a_warning(kind: str, found: bool) -> None:
    empty = session()
    Session.objects.filter(pk=empty.pk).update(kind=kind)

    assert codes(empty) == (["speaker"] if found else [])
    make.participation(session=empty)
    assert codes(empty) == []


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"title_en": ""}, 1),
        ({"title_en": None}, 1),
        ({"title_en": "  "}, 1),
        ({"description_fr": "Un texte", "description_en": ""}, 1),
        ({"description_fr": "", "description_en": "A text"}, 1),
        ({"description_fr": "Un", "description_en": "One"}, 0),
        ({"title_en": "", "description_fr": "Un texte"}, 2),
    ],
)
def test_a_text_in_one_language_is_a_warning(fields: dict[str, Any], number: int) -> None:
    bare = session()
    Session.objects.filter(pk=bare.pk).update(**fields)

    assert codes(bare) == ["translation"] * number


def test_the_engine_takes_the_same_queries_for_one_session_and_for_many(django_assert_num_queries: Any) -> None:
    for number in range(3):
        make.participation(session=session(number / 4), speaker=make.speaker())
    ada = make.speaker()
    for number in range(3):
        make.participation(session=session(number / 4), speaker=ada)
    pks = list(Session.objects.values_list("pk", flat=True))

    with django_assert_num_queries(5):
        assert warnings(pks[:1]) == []
    with django_assert_num_queries(5):
        assert len(warnings(pks)) == 3


# --- Where they are shown ---------------------------------------------------------------------------------------------


def bad() -> Session:
    unsure = session()
    unsure.room.to_be_confirmed = True
    unsure.room.save()
    return unsure


def test_the_home_counts_what_its_page_lists(organiser: Client) -> None:
    bad()
    make.session(status="draft", starts_at=WHEN + timedelta(hours=5), event=bad().event)

    home = organiser.get("/admin/")
    [figure] = [figure for figure in home.context["figures"] if "warnings" in figure["url"]]
    page = organiser.get(figure["url"])

    listed = [warning for _label, found in page.context["groups"] for warning in found]
    assert figure["number"] == len(listed) == page.context["number"] == len(warnings())
    assert all(isinstance(warning, ProgrammeWarning) for warning in listed)
    for warning in listed:
        assert f"/admin/programme/session/{warning.session.pk}/change/" in page.content.decode()


def test_the_page_of_warnings_is_for_those_who_may_see_sessions(client: Client) -> None:
    assert make.sign_in(client, make.user(is_staff=True)).get("/admin/programme/session/warnings/").status_code == 403


def test_an_empty_page_says_that_all_is_well(organiser: Client) -> None:
    assert "Rien à regarder" in organiser.get("/admin/programme/session/warnings/").content.decode()


def test_the_form_of_a_session_shows_them_and_saving_says_them(organiser: Client) -> None:
    unsure = bad()
    address = f"/admin/programme/session/{unsure.pk}/change/"

    page = organiser.get(address)
    assert "à confirmer" in page.content.decode().partition('class="warnings"')[2].partition("</details>")[0]
    form = page.context["adminform"].form
    fields = {name: value for name in form.fields if (value := form[name].value()) not in (None, False)}
    for name in ("starts_at", "ends_at"):
        fields[f"{name}_0"], fields[f"{name}_1"] = f"{fields[name]:%Y-%m-%d}", f"{fields.pop(name):%H:%M}"
    fields |= {
        f"{prefix}-{name}_FORMS": 0 for prefix in ("participations", "duties", "pools") for name in ("TOTAL", "INITIAL")
    }
    done = organiser.post(address, fields | {"title_fr": "Autre"}, follow=True)

    assert any("à confirmer" in str(message) for message in done.context["messages"])


def test_a_speaker_who_is_given_a_second_part_at_the_same_time_is_told_about(organiser: Client) -> None:
    ada, one, other = make.speaker(name="Ada", slug="ada"), session(), session(0.5)
    part = make.participation(session=one, speaker=ada)
    rows = {
        "participations-TOTAL_FORMS": 2,
        "participations-INITIAL_FORMS": 1,
        "participations-0-id": part.pk,
        "participations-0-speaker": ada.pk,
        "participations-0-session": one.pk,
        "participations-0-role": "speaker",
        "participations-0-position": 0,
        "participations-1-speaker": ada.pk,
        "participations-1-session": other.pk,
        "participations-1-role": "speaker",
        "participations-1-position": 0,
    }

    done = organiser.post(
        f"/admin/programme/speaker/{ada.pk}/change/", {"name": "Ada", "slug": "ada"} | rows, follow=True
    )

    assert any("On attend Ada" in str(message) for message in done.context["messages"])


def test_an_import_says_what_to_look_at_of_what_it_touches(organiser: Client) -> None:
    untouched, moved = bad(), session(10)
    make.participation(session=moved, speaker=(ada := make.speaker(name="Ada")))
    make.participation(session=(other := session(30)), speaker=ada)
    at = f"{other.local_starts_at:%Y-%m-%d %H:%M},{other.local_ends_at:%Y-%m-%d %H:%M}"

    preview = upload(organiser, f"slug,start,end\n{moved.slug},{at}\n")

    [sentence] = preview.context["preview"].warnings
    assert "Ada" in sentence
    assert moved.title in sentence
    assert untouched.title not in preview.content.decode().partition('class="warnings"')[2].partition("</details>")[0]
    room = untouched.room
    preview = upload(organiser, f"slug,to_be_confirmed\n{session(50).room.slug},oui\n", model="venues/room")
    assert len(preview.context["preview"].warnings) == 1
    assert (
        not upload(organiser, f"slug,capacity\n{room.slug},{room.capacity}\n", model="venues/room")
        .context["preview"]
        .warnings
    )


def test_publication_shows_them_first_and_does_it_when_told(organiser: Client) -> None:
    unsure, fine = bad(), session(5)
    Session.objects.update(status="draft")
    data = {"action": "publish", "_selected_action": [unsure.pk, fine.pk], "index": "0"}

    asked = organiser.post("/admin/programme/session/", data)
    assert set(Session.objects.values_list("status", flat=True)) == {"draft"}
    assert "à confirmer" in asked.content.decode()
    organiser.post("/admin/programme/session/", data | {"confirm": "1"})

    assert set(Session.objects.values_list("status", flat=True)) == {"published"}


def test_publication_of_what_is_well_asks_nothing(organiser: Client) -> None:
    fine = session()
    Session.objects.update(status="draft")

    organiser.post("/admin/programme/session/", {"action": "publish", "_selected_action": fine.pk, "index": "0"})

    fine.refresh_from_db()
    assert fine.status == "published"


def test_moments_are_judged_by_the_clock_of_the_venue() -> None:
    kolkata = make.room(venue=make.venue(timezone="Asia/Kolkata"))
    late = datetime.combine(WHEN.date(), datetime.min.time(), UTC) + timedelta(hours=20)  # the next day there
    event = make.event(starts_on=WHEN.date(), ends_on=WHEN.date())

    assert codes(make.session(event=event, room=kolkata, starts_at=late, kind="dinner")) == ["day"]
