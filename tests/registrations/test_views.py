"""The pages of a seat: box, rows, "my programme" (docs/rules.md#seats)."""

import time
import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, ways_in
from registrations.models import Registration
from tests import make

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: what they answer is decided in Python, by rules that run on both"),
]


def url(name: str, session: Session) -> str:
    return reverse(f"registrations:{name}", args=[session.slug])


def box(client: Client, session: Session) -> str:
    return client.get(url("seat", session), headers={"HX-Request": "true", "HX-Target": "seat-box"}).content.decode()


def press(client: Client, session: Session, act: str = "register", seen: str = "", *, htmx: bool = False, **fields):
    headers = {"HX-Request": "true", "HX-Target": "seat-box"} if htmx else {}
    return client.post(url(act, session), {"seen": seen, "next": url("seat", session)} | fields, headers=headers)


@pytest.fixture
def ada(client: Client):
    ada = make.attendee()
    make.sign_in(client, ada)
    return ada


def test_register_takes_a_seat_and_says_so(client, ada):
    session = make.session(seats=2)

    response = press(client, session, htmx=True)

    assert response.status_code == 200
    assert "Votre place est confirmée" in response.content.decode()
    assert make.pool(session).taken == 1
    assert Registration.objects.get().attendee == ada


def test_register_without_javascript_lands_on_the_seat_page(client, ada):
    session = make.session()

    response = press(client, session)

    assert (response.status_code, response.url) == (302, url("seat", session))
    assert "Votre place est confirmée" in client.get(response.url).content.decode()


@pytest.mark.proves("idempotent-requests")
def test_a_double_click_and_a_replayed_post_change_nothing(client, ada):
    """The same form sent again, at once or later, is the same seat and one mail."""
    session = make.session()

    answers = [press(client, session, htmx=True).content for _ in range(3)]

    assert "Votre place est confirmée" in answers[-1].decode()
    assert (Registration.objects.count(), make.pool(session).taken, Message.objects.count()) == (1, 1, 1)


@pytest.mark.proves("idempotent-requests")
def test_an_old_form_after_a_cancellation_asks_again(client, ada):
    """The form drawn before the first registration does not register again silently."""
    session = make.session()
    press(client, session)
    press(client, session, "cancel")

    response = press(client, session, seen="", htmx=True)

    assert "Vous avez libéré cette place entre-temps" in response.content.decode()
    assert Registration.objects.live().count() == 0
    fresh = booking.stamp(Registration.objects.get())
    assert fresh in response.content.decode()
    press(client, session, seen=fresh)
    assert Registration.objects.live().count() == 1


def test_cancel_asks_first_and_a_get_changes_nothing(client, ada):
    session = make.session()
    press(client, session)

    response = client.get(url("cancel", session))

    assert "Libérer" in response.content.decode()
    assert Registration.objects.live().count() == 1


def test_cancel_gives_the_seat_back_once(client, ada):
    session = make.session()
    press(client, session)

    for _ in range(2):
        response = press(client, session, "cancel", htmx=True)

    assert "Votre place est libérée" in response.content.decode()
    assert make.pool(session).taken == 0
    assert Message.objects.filter(kind="registrations.cancelled").count() == 1


def test_full_means_full(client, ada):
    session = make.session(seats=1)
    session.waiting_list = Session.WaitingList.NONE
    session.save()
    make.registration(session)

    response = press(client, session, htmx=True)

    assert "complète" in response.content.decode()
    assert make.pool(session).taken == 1


@pytest.mark.proves("access-in-words")
@pytest.mark.parametrize("access", [Session.Access.PUBLIC, Session.Access.INVITATION, Session.Access.COHORT])
def test_other_accesses_say_how_one_gets_in(client, ada, access):
    session = make.session(access=access)

    response = press(client, session, htmx=True)

    assert str(ways_in.refusal(session, timezone.now())) in response.content.decode().replace("&#x27;", "'")
    assert Registration.objects.count() == 0


def test_a_session_that_has_started_takes_nobody(client, ada):
    session = make.session(starts_at=timezone.now() - timedelta(minutes=5))

    press(client, session)

    assert Registration.objects.count() == 0


@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_stranger_signs_in_first_and_comes_back_to_the_seat(client):
    session = make.session()

    page = box(client, session)
    response = press(client, session)

    assert f"next={url('seat', session)}".replace("/", "%2F") in page
    assert response.status_code == 302
    assert response.url == f"{reverse('account_login')}?{urlencode({'next': url('seat', session)})}"


def test_a_press_after_the_session_ran_out_sends_the_whole_page_to_the_door(client):
    session = make.session()

    response = press(client, session, htmx=True)

    assert response["HX-Redirect"] == f"{reverse('account_login')}?{urlencode({'next': url('seat', session)})}"


def test_an_account_without_a_name_gives_it_first(client):
    session = make.session()
    make.sign_in(client, make.user())

    response = press(client, session)

    assert response.url.startswith(reverse("accounts:welcome"))
    assert url("seat", session).replace("/", "%2F") in response.url


@pytest.mark.proves("drafts-hidden")
@pytest.mark.parametrize("name", ["seat", "register", "cancel"])
def test_a_draft_is_not_found(client, ada, name):
    session = make.session(status=Session.Status.DRAFT)

    response = client.post(url(name, session)) if name != "seat" else client.get(url(name, session))

    assert response.status_code == 404


def test_a_forged_field_changes_nothing(client, ada):
    """Only the session of the address and the person of the cookie count."""
    mallory = make.attendee()
    session = make.session()

    client.post(url("register", session), {"attendee": mallory.pk, "status": "waiting", "pool": 7, "seen": ""})

    registration = Registration.objects.get()
    assert (registration.attendee, registration.status) == (ada, "confirmed")


@pytest.mark.proves("typed-text-kept")
@pytest.mark.parametrize("seen", ["\0", "é" * 10_000, "%ED%A0%80", "\u202e", "' OR 1=1"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_odd_bytes_in_the_form_never_crash(client, ada, seen):
    session = make.session()

    assert press(client, session, seen=seen).status_code == 302
    assert press(client, session, "cancel", seen=seen).status_code == 302


@pytest.mark.proves("no-cached-personal-pages")
def test_seat_answers_are_private(client, ada):
    response = client.get(url("seat", make.session()), headers={"HX-Request": "true", "HX-Target": "seat-box"})

    assert response["Cache-Control"] == "private, no-store"
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_seats_of_a_day_cost_the_same_queries(client, ada, django_assert_num_queries, number):
    sessions = [make.session() for _ in range(1 + number)]
    make.registration(sessions[0], ada)

    # web session with account and attendee, zones, sessions, pools, lines, what is given out, who I am, what is mine,
    # limits, venues, ways
    with django_assert_num_queries(11):
        page = client.get(reverse("registrations:seats"), {"day": f"{sessions[0].day:%Y-%m-%d}"}).content.decode()

    assert page.count("hx-swap-oob") == 1 + number
    assert "Votre place" in page


def test_the_seats_of_an_event_or_of_a_speaker_come_for_all_their_days(client, ada):
    event, speaker = make.event(slug="forum"), make.speaker(slug="lovelace")
    one = make.session(event=event)
    two = make.session(event=event, starts_at=one.starts_at + timedelta(days=1))
    elsewhere = make.session()
    for session in (two, elsewhere):
        make.participation(session=session, speaker=speaker)
    make.registration(two, ada)

    def slugs(**asked):
        page = client.get(reverse("registrations:seats"), asked).content.decode()
        assert ("Votre place" in page) == (two.slug in page)
        return {session.slug for session in (one, two, elsewhere) if f'id="seat-{session.slug}"' in page}

    assert slugs(event="forum") == {one.slug, two.slug}
    assert slugs(speaker="lovelace") == {two.slug, elsewhere.slug}
    assert slugs(event="forum", speaker="lovelace") == {two.slug}
    assert slugs(event="forum", day=f"{one.day:%Y-%m-%d}") == {one.slug}
    assert slugs() == slugs(event="unknown") == slugs(track=one.track.slug) == set()
    client.logout()
    strangers = client.get(reverse("registrations:seats"), {"event": "forum"}).content.decode()
    assert strangers.count("hx-swap-oob") == 2 and "Votre place" not in strangers


@pytest.mark.parametrize("day", ["", "hier", "9999-99-99", "9999-12-31", "0001-01-01", "\0", "2027-02-04' --"])
@pytest.mark.on_both("odd days: each database has other ends of the calendar")
def test_an_odd_day_has_no_seats(client, day):
    response = client.get(reverse("registrations:seats"), {"day": day})

    assert response.status_code == (400 if day == "\0" else 200)


@pytest.fixture
def keeps_pages(settings):
    settings.PUBLIC_CACHE_SECONDS = 60


def seats_of_the_day(client, session, **query):
    return client.get(reverse("registrations:seats"), {"day": f"{session.day:%Y-%m-%d}", **query})


def test_a_row_of_the_programme_lets_an_attendee_register_at_once_and_shows_a_stranger_the_way(client, ada):
    session = make.session()

    assert "hx-post" not in seats_of_the_day(Client(), session).content.decode()
    assert f'hx-post="{url("register", session)}"' in seats_of_the_day(client, session).content.decode()


@pytest.mark.on_both("runs a statement that no other test runs")
def test_only_rows_that_have_something_to_tell_are_sent(client, ada):
    session = make.session(access=Session.Access.PUBLIC)
    invited = make.session()
    make.registration(invited, ada)
    Session.objects.filter(pk=invited.pk).update(access=Session.Access.INVITATION)

    page = seats_of_the_day(client, session).content.decode()

    assert f'id="seat-{session.slug}"' not in page
    assert f'id="seat-{invited.slug}"' in page


def test_strangers_of_one_moment_share_one_drawing_of_the_seats(keeps_pages, django_assert_num_queries):
    session = make.session()
    first = seats_of_the_day(Client(), session)

    with django_assert_num_queries(0):
        assert seats_of_the_day(Client(), session).content == first.content
    assert first["Cache-Control"] == "private, no-store"
    english = Client().get("/en" + reverse("registrations:seats"), {"day": f"{session.day:%Y-%m-%d}"})
    assert english.content != first.content


def test_what_strangers_share_never_holds_somebodys_seat(keeps_pages, client, ada):
    session = make.session()
    make.registration(session, ada)

    assert "Votre place" in seats_of_the_day(client, session).content.decode()
    assert "Votre place" not in seats_of_the_day(Client(), session).content.decode()
    assert "Votre place" in seats_of_the_day(client, session).content.decode()


@pytest.mark.proves("public-cache")
def test_strangers_see_a_seat_that_was_taken_within_seconds(keeps_pages, monkeypatch):
    monkeypatch.setattr("registrations.views.STRANGERS_SECONDS", 0.05)
    session = make.session(seats=1)
    assert "Complet" not in seats_of_the_day(Client(), session).content.decode()

    make.registration(session)
    time.sleep(0.1)

    assert "Complet" in seats_of_the_day(Client(), session).content.decode()


@pytest.mark.on_both("runs a statement that no other test runs")
def test_made_up_days_and_filters_fill_no_cache(keeps_pages):
    session = make.session()

    Client().get(reverse("registrations:seats"), {"day": "2031-01-01"})
    seats_of_the_day(Client(), session, track="made-up")

    assert not caches["pages"]._cache


def test_one_registration_costs_nine_queries(client, ada, django_assert_num_queries):
    session = make.session()

    # web session with account and attendee, session with pools, lock, what is mine; seat, registration, history, mail,
    # key of the form
    with django_assert_num_queries(9 + 2):  # and the savepoint that stands for BEGIN and COMMIT here
        press(client, session, htmx=True, key=str(uuid.uuid4()))


def test_a_place_on_the_waiting_list_costs_one_query_more(client, ada, django_assert_num_queries):
    session = make.session(seats=1)
    make.registration(session)

    # web session with account and attendee, session with pools, lock, what is mine; lock the pools, registration,
    # history, mail, key, place
    with django_assert_num_queries(10 + 2):
        press(client, session, htmx=True, key=str(uuid.uuid4()))

    assert Registration.objects.get(attendee=ada).status == "waiting"


def test_to_learn_that_a_session_is_full_costs_three_queries(client, ada, django_assert_num_queries):
    session = make.session(seats=1, waiting_list="none")
    make.registration(session)

    # web session with account and attendee, session with pools, what the person had here before
    with django_assert_num_queries(3):
        answer = press(client, session, htmx=True, key=str(uuid.uuid4()))

    assert "Cette session est complète." in answer.content.decode()
    assert not Registration.objects.filter(attendee=ada).exists()


def test_my_programme_is_in_order_of_time(client, ada):
    late, early, over = (
        make.session(title="Tard", starts_at=timezone.now() + timedelta(days=2)),
        make.session(title="Tôt", starts_at=timezone.now() + timedelta(days=1)),
        make.session(title="Passé", starts_at=timezone.now() + timedelta(days=3)),
    )
    for session in (late, early, over):
        make.registration(session, ada)
    Session.objects.filter(pk=over.pk).update(
        starts_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=1)
    )
    make.registration(make.session(title="De quelqu’un d’autre"))

    page = client.get(reverse("registrations:me")).content.decode()

    assert page.index("Tôt") < page.index("Tard") < page.index("Passé")
    assert "De quelqu’un d’autre" not in page
    assert page.count(reverse("registrations:cancel", args=[over.slug])) == 0


def test_my_empty_programme_says_what_to_do(client, ada):
    page = client.get(reverse("registrations:me")).content.decode()

    assert reverse("programme:programme") in page
    assert "Vous n’avez pas encore de place" in page


def test_my_programme_in_english(client, ada):
    make.registration(make.session(title_en="Chips"), ada)

    page = client.get("/en/me/").content.decode()

    assert "My programme" in page
    assert "Chips" in page


def test_my_programme_is_for_those_who_signed_in(client):
    response = client.get(reverse("registrations:me"))

    assert response.url == f"{reverse('account_login')}?next=%2Fme%2F"


@pytest.mark.parametrize(
    ("name", "method"), [("register", "get"), ("register", "put"), ("cancel", "delete"), ("seat", "post")]
)
def test_wrong_verbs_are_refused(client, ada, name, method):
    assert getattr(client, method)(url(name, make.session())).status_code == 405
