"""The organisers' pages about lines, requests, capacity and cancelled sessions: right, refused where they must be, at a
constant cost."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import Attendee, User
from outbox.models import Message
from programme.models import Event, Session
from registrations.domain import booking, pools, waitlist
from registrations.models import Draw, Membership, Registration
from tests import make
from tests.html import sent

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages of the administration: the domain behind them runs on both"),
]
LIST = "/admin/registrations/registration/"
HOSTILE = "<b>Zoé</b>&\"'"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def staff(client: Client, *codenames: str) -> Client:
    who = make.user(is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return make.sign_in(client, who)


def page(session: Session, name: str, query: str = "") -> str:
    return f"/admin/programme/session/{session.pk}/{name}/{query}"


def full(seats: int = 1, **fields: Any) -> Session:
    session = make.session(seats=seats, **fields)
    for _ in range(seats):
        make.registration(session)
    return session


def wait(session: Session, name: str = "Ada Lovelace", who: Attendee | None = None) -> Registration:
    who = who or make.attendee(name)
    registration = booking.register(
        booking.Ask(session, who, actor=who.user, waits=True, despite=True, reason="Pour ma thèse")
    )
    assert registration.status == "waiting"
    return registration


def free_a_seat(session: Session) -> None:
    booking.cancel(session, Registration.objects.confirmed().filter(session=session)[0].attendee, actor=make.user())


def act(client: Client, session: Session, action: str, *people: Registration, **extra: Any) -> Any:
    return client.post(
        page(session, "waitlist"),
        {"action": action, "_selected_action": [one.pk for one in people]} | extra,
        follow=True,
    )


def status(registration: Registration) -> str:
    return Registration.objects.get(pk=registration.pk).status


def last_actor(thing: Any) -> User | None:
    return thing.history.order_by("-history_id").first().history_user


# --- The line ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("waitlist-admin")
def test_the_waiting_list_shows_who_waits_in_order_and_why_some_are_passed_over(organiser: Client) -> None:
    session = full(event=make.event(clash_policy=Event.ClashPolicy.REFUSE), title="Éthique")
    cohort = make.cohort(name="Promotion Cnam")
    first, second, third = wait(session, "Ada"), wait(session, HOSTILE), wait(session, "Chloé")
    make.registration(make.session(title="Ailleurs"), first.attendee)
    Membership.objects.create(cohort=cohort, attendee=second.attendee)
    waitlist.set_priority(third, 5, actor=make.user())

    answer = organiser.get(page(session, "waitlist"))

    rows = answer.context["rows"]
    assert [(row["place"], str(row["registration"].attendee)) for row in rows] == [
        (1, "Chloé"),
        (2, "Ada"),
        (3, HOSTILE),
    ]
    assert "Ailleurs" in rows[1]["kept_back"]
    assert rows[2]["cohorts"] == ["Promotion Cnam"]
    text = answer.content.decode()
    assert "<b>Zoé" not in text
    assert "première personne de la liste" in text
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert not re.search(r"""<[^>]+\s(style|on\w+)=|<style|<script>""", text)


def test_the_waiting_list_says_that_free_seats_are_for_others(organiser: Client) -> None:
    session = make.session(seats=2)
    pools.allot(session, make.cohort(), 1)
    make.registration(session)
    wait(session)

    assert (
        organiser.get(page(session, "waitlist")).context["rows"][0]["kept_back"]
        == "Les places libres sont réservées à d’autres."
    )


def test_an_empty_waiting_list_says_so(organiser: Client) -> None:
    assert "Personne n’attend." in organiser.get(page(make.session(), "waitlist")).content.decode()


@pytest.mark.parametrize("people", [1, 5])
@pytest.mark.on_both("runs a statement that no other test runs")
def test_the_waiting_list_takes_the_same_queries_for_one_and_for_five(
    organiser: Client, people: int, django_assert_num_queries: Any
) -> None:
    session = full(event=make.event(clash_policy=Event.ClashPolicy.REFUSE))
    cohort = make.cohort()
    pools.allot(session, cohort, 0)
    for n in range(people):
        registration = wait(session)
        Membership.objects.create(cohort=cohort, attendee=registration.attendee)
        make.registration(make.session(), registration.attendee)
        if n % 2:
            waitlist.start_party(registration, actor=make.user())
    organiser.get(page(session, "waitlist"))

    with django_assert_num_queries(17):
        organiser.get(page(session, "waitlist"))


@pytest.mark.on_both("a search, and odd addresses")
def test_a_long_waiting_list_has_pages_and_is_searched(organiser: Client) -> None:
    session = full()
    crowd = make.attendees(105)
    now = timezone.now()
    Registration.objects.bulk_create(
        Registration(session=session, attendee=who, status="waiting", waiting_at=now) for who in crowd
    )

    second = organiser.get(page(session, "waitlist", "?p=2"))
    found = organiser.get(page(session, "waitlist", f"?q={crowd[102].user.email}"))

    assert [row["place"] for row in second.context["rows"]] == [101, 102, 103, 104, 105]
    assert 'href="?p=1"' in second.content.decode()
    assert [row["place"] for row in found.context["rows"]] == [103]
    for odd in ["?p=x", "?p=-1", "?p=99999999999999999999", "?q=" + "a" * 5000, "?q=%25_'", "?q=%C2%B2"]:
        assert organiser.get(page(session, "waitlist", odd)).status_code == 200


@pytest.mark.proves("waitlist-admin")
def test_a_seat_is_given_to_whom_the_organisers_choose(organiser: Client) -> None:
    session = full(waiting_list="by_hand")
    first, second = wait(session, "Ada"), wait(session, "Berthe")
    free_a_seat(session)

    for _ in range(2):
        answer = act(organiser, session, "give", second)

    assert (status(first), status(second)) == ("waiting", "confirmed")
    assert last_actor(second).is_superuser
    assert make.pool(session).taken == 1
    assert Message.objects.filter(to=second.attendee.user.email, kind="registrations.confirmed").count() == 1
    assert "1 personne a une place" in answer.content.decode()


def test_a_seat_is_offered_where_seats_are_offered(organiser: Client) -> None:
    session = full(seats=2, waiting_list="by_hand")
    second = wait(session, "Berthe")
    free_a_seat(session)
    Session.objects.filter(pk=session.pk).update(waiting_list="offer")

    answer = act(organiser, session, "give", second).content.decode()

    assert status(second) == "offered"
    assert "proposée à 1 personne" in answer
    assert "Propositions en cours" in answer


@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_seat_that_does_not_exist_is_refused_with_the_name(organiser: Client) -> None:
    session = full()
    people = [wait(session, f"Personne {n}") for n in range(12)]

    answer = act(organiser, session, "give", *people).content.decode()

    assert {status(one) for one in people} == {"waiting"}
    assert "Aucune place n’est libre pour Personne 0" in answer
    assert "Et 2 autres du même genre." in answer


@pytest.mark.proves("waitlist-admin")
def test_a_priority_moves_people_and_asking_twice_moves_them_once(organiser: Client) -> None:
    session = full()
    first, second = wait(session, "Ada"), wait(session, "Berthe")

    for _ in range(2):
        act(organiser, session, "priority", second, priority="3")

    assert [row["registration"] for row in organiser.get(page(session, "waitlist")).context["rows"]] == [second, first]
    assert second.history.count() == 2
    assert last_actor(second).is_superuser


@pytest.mark.parametrize("priority", ["", "x", "100", "-100", "1.5", "٣", "9" * 400])
@pytest.mark.on_both("numbers that are too large for one database or the other")
def test_an_odd_priority_changes_nothing(organiser: Client, priority: str) -> None:
    session = full()
    waiting = wait(session)

    answer = act(organiser, session, "priority", waiting, priority=priority).content.decode()

    assert "nombre entier" in answer
    assert Registration.objects.get(pk=waiting.pk).priority == 0


def test_removing_asks_first_then_tells_the_person(organiser: Client) -> None:
    session = full()
    first, second = wait(session, "Ada"), wait(session, "Berthe")

    asked = act(organiser, session, "remove", first)
    assert "Retirer de la liste d’attente" in asked.content.decode()
    assert status(first) == "waiting"
    form = sent(asked.content, page(session, "waitlist"))
    for _ in range(2):
        answer = organiser.post(page(session, "waitlist"), form, follow=True)

    assert (status(first), status(second)) == ("cancelled", "waiting")
    assert Registration.objects.get(pk=first.pk).ending == "by_organisers"
    assert Message.objects.filter(to=first.attendee.user.email, kind="registrations.cancelled").count() == 1
    assert answer.status_code == 200


def test_whoever_got_a_seat_meanwhile_keeps_it(organiser: Client) -> None:
    """The form was drawn while they waited."""
    session = full()
    first = wait(session)
    form = sent(act(organiser, session, "remove", first).content, page(session, "waitlist"))
    free_a_seat(session)
    assert status(first) == "confirmed"

    organiser.post(page(session, "waitlist"), form)

    assert status(first) == "confirmed"


@pytest.mark.proves("waitlist-admin")
@pytest.mark.on_both("a race")
def test_a_seat_given_between_the_look_and_the_removal_is_kept() -> None:
    """Who removes somebody from the waiting list saw them wait; the seat came in the very moment between."""
    session = full()
    seen = wait(session)
    free_a_seat(session)

    ended = booking.cancel(
        session, seen.attendee, actor=make.user(), ending=Registration.Ending.BY_ORGANISERS, only=seen
    )

    assert ended is None
    assert status(seen) == "confirmed"


@pytest.mark.on_both("runs a statement that no other test runs")
def test_lots_are_drawn_once_and_the_seed_is_shown(organiser: Client) -> None:
    session = make.session(seats=1, waiting_list="draw", draw_at=timezone.now() + timedelta(days=1))
    seated = make.registration(session)
    people = [wait(session) for _ in range(3)]
    assert "Procéder au tirage maintenant" not in organiser.get(page(session, "waitlist")).content.decode()
    assert "Ce n’est pas le moment" in act(organiser, session, "draw").content.decode()
    Session.objects.filter(pk=session.pk).update(draw_at=timezone.now() - timedelta(minutes=1))
    assert "Procéder au tirage maintenant" in organiser.get(page(session, "waitlist")).content.decode()

    for _ in range(2):
        answer = act(organiser, session, "draw").content.decode()

    drawn = Draw.objects.get()
    assert drawn.seed in answer
    assert sorted(Registration.objects.filter(pk__in=[one.pk for one in people]).values_list("lot", flat=True)) == [
        1,
        2,
        3,
    ]
    assert last_actor(people[0]).is_superuser
    assert status(seated) == "confirmed"


@pytest.mark.on_both("numbers that are too large for one database or the other")
def test_forged_choices_touch_nobody_else(organiser: Client) -> None:
    session, other = full(waiting_list="by_hand"), full(waiting_list="by_hand")
    elsewhere = wait(other)
    free_a_seat(other)

    act(organiser, session, "give", elsewhere)
    for odd in ["x", "-1", "²", "99999999999999999999", ""]:
        answer = organiser.post(page(session, "waitlist"), {"action": "give", "_selected_action": odd})
        assert answer.status_code == 302
    assert (
        organiser.post(page(session, "waitlist"), {"action": "nonsense", "_selected_action": elsewhere.pk}).status_code
        == 302
    )

    assert status(elsewhere) == "waiting"


@pytest.mark.parametrize("name", ["waitlist", "capacity", "clashes"])
@pytest.mark.on_both("numbers that are too large for one database or the other")
def test_an_unknown_session_is_not_found(organiser: Client, name: str) -> None:
    assert organiser.get(f"/admin/programme/session/999999/{name}/").status_code == 404
    assert organiser.get(f"/admin/programme/session/{10**20}/{name}/").status_code == 404


@pytest.mark.parametrize(
    ("rights", "name", "answers"),
    [
        ((), "waitlist", (403, 403)),
        (("view_session", "change_session"), "waitlist", (403, 403)),
        (("view_registration",), "waitlist", (200, 403)),
        (("change_registration",), "waitlist", (200, 302)),
        (("view_registration",), "clashes", (200, 200)),
        (("view_session",), "clashes", (403, 403)),
        (("change_session",), "capacity", (403, 403)),
        (("change_registration",), "capacity", (403, 403)),
        (("change_session", "change_registration"), "capacity", (200, 200)),
    ],
)
def test_each_page_asks_for_its_rights(
    client: Client, rights: tuple[str, ...], name: str, answers: tuple[int, int]
) -> None:
    session = full(waiting_list="by_hand")
    waiting = wait(session)
    free_a_seat(session)
    staff(client, *rights)

    got = client.get(page(session, name))
    posted = client.post(page(session, name), {"action": "give", "_selected_action": waiting.pk})

    assert (got.status_code, posted.status_code) == answers
    assert (status(waiting) == "confirmed") == (answers == (200, 302))
    if answers == (200, 403):
        assert '<button type="submit" class="button default" name="action"' not in got.content.decode()


@pytest.mark.parametrize("name", ["waitlist", "capacity", "clashes"])
def test_strangers_are_sent_to_the_door(client: Client, name: str) -> None:
    assert "accounts/login" in client.get(page(make.session(), name), follow=True).request["PATH_INFO"]


def test_the_list_and_the_form_of_sessions_lead_to_the_waiting_list(organiser: Client) -> None:
    session = full()
    wait(session)

    for address in ("/admin/programme/session/", f"/admin/programme/session/{session.pk}/change/"):
        assert page(session, "waitlist") in organiser.get(address).content.decode()


# --- Why --------------------------------------------------------------------------------------------------------------


def test_why_is_answered_for_a_session_and_a_person(organiser: Client) -> None:
    session = full(title="Éthique")
    waiting = wait(session, HOSTILE)

    answer = organiser.get(f"{LIST}why/?session={session.pk}&attendee={waiting.attendee_id}")
    text = answer.content.decode()

    assert "Rang 1 sur la liste d’attente." in text
    assert "<b>Zoé" not in text
    assert [step.rule for _label, step in answer.context["trace"]] == [
        "door",
        "access",
        "registration",
        "clash",
        "limit",
        "seats",
        "waitlist",
    ]
    for address in (
        f"{LIST}{waiting.pk}/change/",
        f"/admin/accounts/attendee/{waiting.attendee_id}/change/",
        page(session, "waitlist"),
    ):
        assert f"{LIST}why/?" in organiser.get(address).content.decode(), address


@pytest.mark.on_both("a search")
def test_why_lets_one_search_for_both(organiser: Client) -> None:
    session, other = make.session(title="Éthique et droit"), make.session(title="Éthique et santé")
    ada = make.attendee("Ada")

    both = organiser.get(f"{LIST}why/?find_session=thique&find_attendee=Ada").context
    assert both["attendee"] == ada
    assert {one for one, _address in both["parts"][0]["found"]} == {session, other}
    address = next(address for one, address in both["parts"][0]["found"] if one == other)
    assert (
        organiser.get(address).context["conclusion"].sentence == "Rien ne s’y oppose\xa0: Ada peut prendre une place."
    )
    assert "Rien trouvé" in organiser.get(f"{LIST}why/?find_session=nowhere").content.decode()


@pytest.mark.parametrize(
    "query",
    ["", "?session=x", "?session=99999999999999999999&attendee=-1", "?attendee=²", "?find_attendee=" + "a" * 5000],
)
@pytest.mark.on_both("numbers that are too large for one database or the other")
def test_why_survives_odd_addresses(organiser: Client, query: str) -> None:
    assert organiser.get(f"{LIST}why/{query}").status_code == 200


@pytest.mark.on_both("runs a statement that no other test runs")
def test_why_is_for_those_who_may_see_registrations(client: Client) -> None:
    assert staff(client, "view_session", "view_attendee").get(f"{LIST}why/").status_code == 403
    assert staff(client, "view_registration").get(f"{LIST}why/").status_code == 200


# --- Requests ---------------------------------------------------------------------------------------------------------


def ask_for(session: Session, name: str = "Ada Lovelace", reason: str = "Pour ma thèse") -> Registration:
    who = make.attendee(name)
    return booking.register(booking.Ask(session, who, actor=who.user, reason=reason, waits=True))


def decide(client: Client, action: str, *requests: Registration, **extra: Any) -> Any:
    data = {"action": action, "_selected_action": [one.pk for one in requests], "index": "0"}
    return client.post(LIST, data | extra, follow=True)


@pytest.fixture
def on_request() -> Session:
    return make.session(seats=2, access=Session.Access.APPROVAL, holds_requests=False)


def test_requests_stand_in_a_list_with_their_reasons(organiser: Client, on_request: Session) -> None:
    ask_for(on_request, reason="Pour ma <b>thèse</b>")

    home = organiser.get("/admin/").content.decode()
    text = organiser.get(f"{LIST}?status__exact=pending").content.decode()

    assert "demandes à trancher" in home
    assert f"{LIST}?status__exact=pending" in home
    assert "Pour ma &lt;b&gt;thèse" in text


@pytest.mark.proves("batch-requests")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_batch_is_granted_with_a_message_and_refusals_are_told_one_by_one(
    organiser: Client, on_request: Session
) -> None:
    requests = [ask_for(on_request, f"Personne {n}") for n in range(3)]

    asked = decide(organiser, "grant", *requests).content.decode()
    assert "Pour ma thèse" in asked
    assert Registration.objects.filter(status="pending").count() == 3
    for _ in range(2):
        answer = decide(organiser, "grant", *requests, confirm="1", answer="Venez tôt.")

    assert [status(one) for one in requests] == ["confirmed", "confirmed", "pending"]
    assert Registration.objects.get(pk=requests[0].pk).answer == "Venez tôt."
    assert last_actor(requests[0]).is_superuser
    assert make.pool(on_request).taken == 2
    assert Message.objects.filter(kind="registrations.confirmed").count() == 2
    text = answer.content.decode()
    assert "2 demandes sont acceptées" in text
    assert re.search("Personne 2.*pas de place", answer.content.decode())


@pytest.mark.proves("batch-requests")
def test_declining_asks_for_a_message(organiser: Client, on_request: Session) -> None:
    request = ask_for(on_request)

    again = decide(organiser, "decline", request, confirm="1", answer=" ")
    assert status(request) == "pending"
    assert "obligatoire" in again.content.decode()
    answer = decide(organiser, "decline", request, confirm="1", answer="Réservé aux doctorants.")

    assert status(request) == "declined"
    assert "1 demande est refusée" in answer.content.decode()
    assert Message.objects.filter(kind="registrations.declined").count() == 1


@pytest.mark.parametrize("answer", ["a" * 1001, "a\x07b", "\u202eabc"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_an_odd_message_decides_nothing(organiser: Client, on_request: Session, answer: str) -> None:
    request = ask_for(on_request)

    assert decide(organiser, "grant", request, confirm="1", answer=answer).status_code in (200, 400)
    assert status(request) == "pending"


def test_a_request_that_waits_for_a_seat_can_be_decided_too(organiser: Client) -> None:
    session = make.session(seats=1, access=Session.Access.APPROVAL)
    held, waiting = ask_for(session), ask_for(session)
    assert (held.status, waiting.status) == ("pending", "waiting")

    decide(organiser, "decline", held, confirm="1", answer="Non.")
    assert status(waiting) == "pending"
    decide(organiser, "grant", waiting, confirm="1", answer="")
    assert status(waiting) == "confirmed"


def test_what_is_no_request_is_not_decided(organiser: Client) -> None:
    session = full()
    seated, waiting = Registration.objects.confirmed().get(), wait(session)

    for action in ("grant", "decline"):
        answer = decide(organiser, action, seated, waiting, confirm="1", answer="Non.")
        assert "Aucune de ces inscriptions" in answer.content.decode()
    assert (status(seated), status(waiting)) == ("confirmed", "waiting")


def test_who_may_only_look_decides_nothing(client: Client, on_request: Session) -> None:
    request = ask_for(on_request)
    staff(client, "view_registration")

    assert 'value="grant"' not in client.get(LIST).content.decode()
    decide(client, "grant", request, confirm="1", answer="")
    assert status(request) == "pending"


def test_a_request_is_decided_from_its_page(organiser: Client, on_request: Session) -> None:
    request = ask_for(on_request)
    text = organiser.get(f"{LIST}{request.pk}/change/").content.decode()
    assert "Accepter ces demandes…" in text
    assert "Pour ma thèse" in text

    answer = decide(organiser, "grant", request, confirm="1", answer="", _back="1")

    assert answer.request["PATH_INFO"] == f"{LIST}{request.pk}/change/"
    assert "Accepter ces demandes…" not in answer.content.decode()


@pytest.mark.parametrize("people", [1, 4])
def test_the_list_of_registrations_tells_places_at_a_constant_cost(
    organiser: Client, people: int, django_assert_num_queries: Any
) -> None:
    session = full(waiting_list="offer")
    for _ in range(people + 1):
        wait(session)
    free_a_seat(session)
    organiser.get(LIST)

    with django_assert_num_queries(11):
        text = organiser.get(LIST).content.decode()

    assert "rang 1 sur la liste d’attente" in text
    assert "jusqu’au" in text


# --- Fewer seats than people ------------------------------------------------------------------------------------------


def capacity_form(client: Client, session: Session, wanted: int) -> dict[str, Any]:
    return sent(client.get(page(session, "capacity", f"?capacity={wanted}")).content, page(session, "capacity"))


@pytest.mark.proves("capacity-preview")
def test_a_capacity_below_what_is_taken_leads_to_the_three_ways(organiser: Client) -> None:
    session = full(seats=3)
    address = f"/admin/programme/session/{session.pk}/change/"
    form = sent(organiser.get(address).content, "session_form") | {"capacity": "2"}

    refused = organiser.post(address, form).content.decode()

    assert f'href="{page(session, "capacity", "?capacity=2")}"' in refused
    text = organiser.get(page(session, "capacity", "?capacity=2")).content.decode()
    for words in ("Garder tout le monde", "clore les inscriptions", "1 personne passe en tête"):
        assert words in text


@pytest.mark.on_both("runs a statement that no other test runs")
def test_everybody_is_kept(organiser: Client) -> None:
    session = full(seats=3)
    Session.objects.filter(pk=session.pk).update(capacity=5)
    session.refresh_from_db()
    session.save()

    form = capacity_form(organiser, session, 2) | {"how": "keep"}
    for _ in range(2):
        organiser.post(page(session, "capacity"), form)

    session.refresh_from_db()
    assert (session.capacity, make.pool(session).seats, make.pool(session).taken) == (3, 3, 3)
    assert last_actor(session).is_superuser
    assert session.history.filter(capacity=3, history_user__isnull=False).count() == 1


def test_registration_is_closed(organiser: Client) -> None:
    session = full(seats=3)

    organiser.post(page(session, "capacity"), capacity_form(organiser, session, 2) | {"how": "close"})

    session.refresh_from_db()
    assert session.registration_closes_at <= timezone.now()
    assert (session.capacity, session.waiting_list) == (3, "by_hand")


@pytest.mark.proves("capacity-preview")
@pytest.mark.parametrize("names", [False, True], ids=["the last come", "named"])
@pytest.mark.on_both("runs a statement that no other test runs")
def test_people_move_to_the_head_of_the_waiting_list_and_those_alone_are_told(organiser: Client, names: bool) -> None:
    """Nobody registers meanwhile: 30 confirmed, 25 wanted."""
    session = full(seats=30)
    already = wait(session, "Zoé")
    seated = list(Registration.objects.confirmed().order_by("created_at", "pk"))
    going = seated[:5] if names else seated[-5:]
    form = capacity_form(organiser, session, 25) | {"how": "move", "who": "named" if names else "last"}
    form |= {"people": [one.pk for one in going]} if names else {}

    for _ in range(2):
        answer = organiser.post(page(session, "capacity"), form, follow=True)

    assert answer.status_code == 200
    session.refresh_from_db()
    assert (session.capacity, make.pool(session).taken) == (25, 25)
    assert {status(one) for one in going} == {"waiting"}
    told = Message.objects.filter(kind="registrations.moved_to_waitlist")
    assert sorted(told.values_list("to", flat=True)) == sorted(one.attendee.user.email for one in going)
    line = list(Registration.objects.waiting())
    assert set(line[:5]) == set(going)
    assert line[5] == already
    assert last_actor(going[0]).is_superuser


@pytest.mark.parametrize(
    "changes",
    [
        {"who": "named", "people": []},
        {"how": "nowhere"},
        {"how": ""},
        {"capacity": "0"},
        {"capacity": "-3"},
        {"capacity": "9" * 400},
        {"capacity": "x"},
        {"capacity": "99"},
        {"was": "2"},
        {"was": ""},
        {"who": "named", "people": ["x", "99999999999999999999"]},
    ],
)
@pytest.mark.on_both("numbers that are too large for one database or the other")
def test_an_odd_choice_changes_nothing(organiser: Client, changes: dict[str, Any]) -> None:
    session = full(seats=3)
    form = capacity_form(organiser, session, 2) | {"how": "move"}

    answer = organiser.post(page(session, "capacity"), form | changes)

    session.refresh_from_db()
    assert answer.status_code == 200
    assert session.capacity == 3
    assert Registration.objects.confirmed().count() == 3
    assert re.search("errorlist|errornote", answer.content.decode())


@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_number_that_no_longer_fits_is_asked_again(organiser: Client) -> None:
    session = full(seats=3)
    gone, *going = Registration.objects.confirmed()
    form = capacity_form(organiser, session, 1) | {"how": "move", "who": "named", "people": [one.pk for one in going]}
    booking.cancel(session, gone.attendee, actor=make.user())

    answer = organiser.post(page(session, "capacity"), form)

    assert answer.status_code == 200
    assert "Cochez exactement 1 personne" in answer.content.decode()
    assert Registration.objects.waiting().count() == 0


def test_seats_kept_for_cohorts_cannot_be_moved(organiser: Client) -> None:
    session = make.session(seats=10)
    pools.allot(session, make.cohort(), 8)
    make.registration(session)

    text = organiser.get(page(session, "capacity", "?capacity=5")).content.decode()
    answer = organiser.post(page(session, "capacity"), {"capacity": 5, "was": 10, "how": "move", "who": "last"})

    assert "trop de places sont réservées à des cohortes" in text
    assert answer.status_code == 200
    session.refresh_from_db()
    assert session.capacity == 10


def test_a_capacity_that_fits_is_lowered_without_a_choice(organiser: Client) -> None:
    session = make.session(seats=10)
    make.registration(session)

    organiser.post(page(session, "capacity"), capacity_form(organiser, session, 4))

    assert make.pool(session).seats == 4


def test_raising_the_capacity_promotes_at_once(organiser: Client) -> None:
    session = full()
    waiting = [wait(session) for _ in range(3)]
    address = f"/admin/programme/session/{session.pk}/change/"

    organiser.post(address, sent(organiser.get(address).content, "session_form") | {"capacity": "3"})

    assert [status(one) for one in waiting] == ["confirmed", "confirmed", "waiting"]


# --- A session that moves, or does not take place ---------------------------------------------------------------------


@pytest.mark.proves("session-cancelled-whole")
def test_moving_a_session_tells_how_many_are_expected_elsewhere(organiser: Client) -> None:
    session, other = (
        make.session(title="Éthique"),
        make.session(title="Ailleurs", starts_at=timezone.now().replace(microsecond=0) + timedelta(days=20)),
    )
    both = make.attendee("Ada")
    make.registration(session)
    make.registration(session, both)
    make.registration(other, both)
    address = f"/admin/programme/session/{session.pk}/change/"
    begins, ends = other.local_starts_at, other.local_ends_at
    form = sent(organiser.get(address).content, "session_form")
    form |= {
        "starts_at_0": f"{begins:%d/%m/%Y}",
        "starts_at_1": f"{begins:%H:%M}",
        "ends_at_0": f"{ends:%d/%m/%Y}",
        "ends_at_1": f"{ends:%H:%M}",
    }

    asked = organiser.post(address, form).content
    assert "1 d’entre elles serait attendue ailleurs" in asked.decode()
    text = organiser.post(address, sent(asked, "session_form"), follow=True).content.decode()

    assert "1 personne de cette session est maintenant attendue ailleurs." in text
    assert page(session, "clashes") in text
    shown = organiser.get(page(session, "clashes")).content.decode()
    assert "Ada" in shown
    assert "Ailleurs" in shown
    assert "Personne de cette session" in organiser.get(page(make.session(), "clashes")).content.decode()


@pytest.mark.parametrize("people", [1, 4])
def test_the_page_of_clashes_costs_the_same_for_one_and_for_four(
    organiser: Client, people: int, django_assert_num_queries: Any
) -> None:
    session = make.session()
    for _ in range(people):
        make.registration(make.session(), make.registration(session).attendee)
    organiser.get(page(session, "clashes"))

    with django_assert_num_queries(9):
        organiser.get(page(session, "clashes"))


@pytest.mark.proves("session-cancelled-whole")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_cancelling_a_session_says_whom_it_concerns_then_ends_everything(organiser: Client) -> None:
    session, other = full(seats=2, title="Éthique", waiting_list="offer"), full()
    people = [wait(session), wait(session)]
    free_a_seat(session)
    list_url = "/admin/programme/session/"
    data = {"action": "cancel_sessions", "_selected_action": [session.pk], "index": "0"}

    asked = organiser.post(list_url, data).content.decode()
    assert "3 personnes perdent leur place" in asked
    assert Session.objects.get(pk=session.pk).status == "published"
    for _ in range(2):
        answer = organiser.post(list_url, data | {"confirm": "1"}, follow=True)

    session.refresh_from_db()
    assert session.status == "cancelled"
    assert last_actor(session).is_superuser
    assert not session.registrations.live().exists()
    assert {last_actor(one) for one in people} == {User.objects.get(is_superuser=True)}
    assert (
        Message.objects.filter(
            kind="registrations.cancelled", to__in=[one.attendee.user.email for one in people]
        ).count()
        == 2
    )
    assert other.registrations.live().count() == 1
    assert answer.status_code == 200


@pytest.mark.proves("session-cancelled-whole")
def test_a_cancelled_session_comes_back_as_a_draft_with_nobody_in_it(organiser: Client) -> None:
    session = full()
    data = {"_selected_action": [session.pk], "index": "0"}
    organiser.post("/admin/programme/session/", data | {"action": "cancel_sessions", "confirm": "1"})

    for _ in range(2):
        organiser.post("/admin/programme/session/", data | {"action": "reinstate"})

    session.refresh_from_db()
    assert (session.status, session.registrations.live().count(), make.pool(session).taken) == ("draft", 0, 0)
    assert last_actor(session).is_superuser
    organiser.post("/admin/programme/session/", data | {"action": "publish", "confirm": "1"})
    session.refresh_from_db()
    make.registration(session)


@pytest.mark.proves("session-cancelled-whole")
@pytest.mark.on_both("a constraint that only PostgreSQL has")
def test_a_session_whose_room_is_taken_meanwhile_does_not_come_back(organiser: Client) -> None:
    room, when = (
        make.room(),
        datetime.now(tz=timezone.get_current_timezone()).replace(microsecond=0) + timedelta(days=9),
    )
    session = make.session(room=room, starts_at=when, status="cancelled")
    make.session(room=room, starts_at=when, title="La nouvelle")

    data = {"action": "reinstate", "_selected_action": [session.pk], "index": "0"}
    text = organiser.post("/admin/programme/session/", data, follow=True).content.decode()

    session.refresh_from_db()
    assert session.status == "cancelled"
    assert "La nouvelle" in text


def test_cancelling_asks_for_both_rights(client: Client) -> None:
    session = full()
    for rights in [("change_session",), ("view_session", "change_registration")]:
        staff(client, *rights).post(
            "/admin/programme/session/",
            {"action": "cancel_sessions", "_selected_action": session.pk, "index": "0", "confirm": "1"},
        )
        assert Session.objects.get(pk=session.pk).status == "published"


@pytest.mark.proves("overbooking-reason")
@pytest.mark.on_both("its reason is a row of the history")
def test_more_people_than_the_room_holds_need_a_reason_that_stays_in_the_history(organiser: Client) -> None:
    session = make.session(seats=5, room=make.room(capacity=5))
    address = f"/admin/programme/session/{session.pk}/change/"
    form = sent(organiser.get(address).content, "session_form") | {"capacity": "8"}
    session.capacity = 8

    assert "capacity" in organiser.post(address, form).context["adminform"].form.errors
    session.over_capacity_reason = "Portes ouvertes sur le hall"
    session.full_clean()
    session.save()

    assert (
        "Portes ouvertes sur le hall"
        in organiser.get(f"/admin/programme/session/{session.pk}/history/").content.decode()
    )
