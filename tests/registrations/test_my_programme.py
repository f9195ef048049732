""" "My programme": what is offered, what one has, waits for and has asked for, and where it clashes
(docs/rules.md#seats)."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from programme.models import Event, Session
from registrations.domain import booking, pools
from registrations.models import Invitation, Registration
from tests import make
from tests.registrations.pages import Form, form, send, url, words
from tests.registrations.test_seat_pages import REASON, ask, full, give_back, status_of
from venues.models import TravelTime

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: the order of the list and its words are made in Python"),
]

ME = reverse("registrations:me")
NOON = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=7)


@pytest.fixture
def ada(client):
    ada = make.attendee()
    make.sign_in(client, ada)
    return ada


def me(client):
    return client.get(ME).content.decode()


def offered_to(who, **fields):
    session = full(waiting_list=Session.WaitingList.OFFER, **fields)
    ask(session, who)
    give_back(session)
    return session


@pytest.mark.proves("my-programme-order")
def test_offers_come_first_then_seats_then_waiting_lists_then_requests_then_the_past(client, ada):
    past = make.session(title="Passé")
    ask(past, ada)
    Session.objects.filter(pk=past.pk).update(starts_at=NOON - timedelta(days=9), ends_at=NOON - timedelta(days=8))
    asked = make.session(title="Demandé", access=Session.Access.APPROVAL, starts_at=NOON)
    ask(asked, ada, reason=REASON)
    ask(full(title="Attendu", waiting=2, starts_at=NOON + timedelta(days=1)), ada)
    ask(make.session(title="Réservé", starts_at=NOON + timedelta(days=2)), ada)
    offered_to(ada, title="Proposé", starts_at=NOON + timedelta(days=3))
    page = words(me(client))

    places = [page.index(title) for title in ("Proposé", "Réservé", "Attendu", "Demandé", "1 session passée", "Passé")]
    assert places == sorted(places)
    assert "Une place vous est proposée" in page and "Place proposée jusqu’au " in page and "encore 23 h 59" in page
    assert "En attente · rang 3" in page
    assert "Demande transmise" in page


@pytest.mark.proves("my-programme-order")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_two_seats_too_far_apart_are_marked_between_their_rows(client, ada):
    first, second = (
        make.session(title="Matin", starts_at=NOON),
        make.session(title="Après", starts_at=NOON + timedelta(minutes=90)),
    )
    TravelTime.objects.create(origin=first.room.venue, destination=second.room.venue, minutes=35)
    ask(first, ada)
    ask(second, ada)
    page = words(me(client))

    assert (
        page.index("Matin") < page.index("Comptez 35 min de trajet : vous arriveriez en retard.") < page.rindex("Après")
    )
    assert page.count("vous arriveriez en retard") == 1, "each clash is told once"


@pytest.mark.proves("my-programme-order")
def test_what_one_waits_for_tells_of_the_seat_that_it_clashes_with(client, ada):
    ask(make.session(title="Puces", starts_at=NOON), ada)
    ask(full(title="Gouvernance", starts_at=NOON), ada)
    page = words(me(client))

    assert page.count("Vous avez une place dans « Puces » au même moment.") == 1
    assert "Vous attendez une place dans « Gouvernance »" not in page
    assert page.index("Listes d’attente") < page.index("Vous avez une place dans « Puces »")


def test_a_speech_is_told_beside_the_seat_that_it_clashes_with(client, ada):
    make.participation(session=make.session(title="Plénière", starts_at=NOON), speaker=make.speaker(user=ada.user))
    ask(make.session(starts_at=NOON), ada)

    assert "Vous intervenez dans « Plénière » au même moment." in words(me(client))


def test_whoever_is_passed_over_reads_it_in_the_list(client, ada):
    ask(full(starts_at=NOON, event=make.event(clash_policy=Event.ClashPolicy.REFUSE)), ada)
    ask(make.session(starts_at=NOON), ada)

    assert "une place qui se libère passe à la personne suivante" in words(me(client))


def test_a_request_that_was_not_granted_stays_with_its_answer_until_the_session(client, ada):
    session = make.session(title="Table ronde", access=Session.Access.APPROVAL)
    booking.decide(ask(session, ada, reason=REASON), grant=False, answer="Plus de place.", actor=make.organiser())

    page = words(me(client))
    assert "Table ronde" in page and "Plus de place." in page and "Demande non retenue" in page
    Session.objects.filter(pk=session.pk).update(starts_at=timezone.now())
    assert "Table ronde" not in words(me(client))


def test_what_was_given_up_is_gone(client, ada):
    session = make.session(title="Puces")
    ask(session, ada)
    booking.cancel(session, ada, actor=ada.user)

    assert "Puces" not in me(client)


@pytest.mark.proves("my-programme-order")
def test_a_seat_is_given_back_from_the_list_and_the_list_comes_back(client, ada):
    """With a script and without: the person stays where they were."""
    session = make.session(title="Puces")
    ask(session, ada)
    question = client.get(
        url("cancel", session), {"next": ME}, headers={"HX-Request": "true", "HX-Target": f"seat-{session.slug}"}
    )
    drawn = form(question.content.decode(), "Libérer – Puces")
    assert 'hx-target="#mine"' in question.content.decode()
    assert drawn.fields["next"] == [ME]

    answer = send(client, drawn, target="mine")

    assert (answer.status_code, answer.url) == (302, ME)
    assert "Votre place est libérée." in words(me(client))
    assert status_of(session, ada) == "by_person"
    ask(session, ada)
    whole = client.get(url("cancel", session), {"next": ME}).content.decode()
    assert send(client, form(whole, "Libérer ma place"), target="").url == ME


def test_an_offer_is_accepted_from_the_list(client, ada):
    session = offered_to(ada)
    drawn = form(me(client), f"Accepter – {session.title}")

    assert send(client, drawn, target="mine").url == ME
    assert status_of(session, ada) == "confirmed"
    assert "Votre place est confirmée" in words(me(client))


def test_one_is_sent_on_to_the_list_and_nowhere_else(client, ada):
    session = make.session()
    ask(session, ada)

    for elsewhere in ("https://example.org/", "//example.org", "/venues/", "javascript:alert(1)"):
        page = client.get(url("cancel", session), {"next": elsewhere}).content.decode()
        assert form(page, "Libérer ma place").fields["next"] == [url("seat", session)]
        drawn = Form(url("register", session), {"seen": "", "next": elsewhere})
        assert send(client, drawn, target="").url in (url("seat", session), "/venues/")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long_it_is(client, ada, django_assert_num_queries, rows):
    for n in range(rows):
        ask(make.session(starts_at=NOON + timedelta(days=n)), ada)
        ask(full(starts_at=NOON + timedelta(days=n, hours=2)), ada)
        offered_to(ada, starts_at=NOON + timedelta(days=n, hours=4))

    # web session with account and attendee, sessions, pools, lines, what is given out, what is live, what is mine,
    # places, limits, venues, ways, what takes wishes
    with django_assert_num_queries(14):
        page = me(client)

    assert page.count('class="row"') == 3 * rows
    assert Registration.objects.live().filter(attendee=ada).count() == 3 * rows


@pytest.mark.proves("my-programme-order")
def test_seats_that_are_kept_for_somebody_stand_before_their_own(client, ada):
    cohort = make.cohort(name="Promotion Cnam")
    make.membership(cohort, ada)
    kept, full_up, _other = (
        make.session(title="Gardé"),
        make.session(title="Épuisé", seats=1),
        make.session(title="Autre"),
    )
    for session, seats in ((kept, 5), (full_up, 1)):
        pools.allot(session, cohort, seats)
    friend = make.attendee()
    make.membership(cohort, friend)
    ask(full_up, friend)
    invited = make.session(title="Invité", access=Session.Access.INVITATION)
    Invitation.objects.create(session=invited, email=ada.user.email)
    over = make.session(title="Fini", access=Session.Access.INVITATION, starts_at=NOON - timedelta(days=30))
    Invitation.objects.create(session=over, email=ada.user.email)

    page = words(me(client))

    assert "Des places vous sont réservées dans 2 sessions" in page
    assert "Gardé" in page and "Invité" in page
    for title in ("Épuisé", "Autre", "Fini", "Vous n’avez pas encore de place."):
        assert title not in page
    # Taken from there, it is theirs, and the others stay.
    answer = send(client, form(me(client), "Réserver – Gardé"), target="mine")
    assert answer.status_code == 302
    page = words(me(client))
    assert "Une place vous est réservée" in page
    assert page.index("Invité") < page.index("Gardé")
