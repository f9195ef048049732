""" "Why does this person have no seat?": each conclusion, made by the rules that give the seats, and none that they
would contradict."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Attendee
from programme.models import Duty, Event, Session
from registrations.domain import booking, pools, waitlist
from registrations.domain.booking import SeatRefused
from registrations.domain.explain import explain
from registrations.domain.ways_in import OverLimit
from registrations.models import Invitation, Limit, Membership, Registration
from tests import make

pytestmark = pytest.mark.django_db


def why(session: Session, attendee: Attendee) -> str:
    return explain(session, attendee, timezone.now())[-1].sentence


def stopped_by(session: Session, attendee: Attendee) -> list[str]:
    return [step.rule for step in explain(session, attendee, timezone.now())[:-1] if not step.holds]


def wait(session: Session, who: Attendee | None = None) -> Registration:
    who = who or make.attendee()
    registration = booking.register(booking.Ask(session, who, actor=who.user, waits=True, despite=True))
    assert registration.status == "waiting"
    return registration


def full(**fields: Any) -> Session:
    session = make.session(seats=1, **fields)
    make.registration(session)
    return session


def strict() -> Event:
    return make.event(clash_policy=Event.ClashPolicy.REFUSE)


# --- Nobody asked -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("why-no-seat")
@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        {"status": "cancelled"},
        {"starts_at": timezone.now() - timedelta(minutes=5)},
        {"starts_at": timezone.now() - timedelta(days=5)},
        {"registration_closes_at": timezone.now() - timedelta(days=1)},
        {"registration_opens_at": timezone.now() + timedelta(days=1)},
    ],
    ids=["draft", "cancelled", "started", "over", "closed", "not yet"],
)
def test_a_closed_door_is_the_reason(fields: dict[str, Any]) -> None:
    session, ada = make.session(**fields), make.attendee()

    steps = explain(session, ada, timezone.now())

    assert [step.rule for step in steps] == ["door", "registration", "conclusion"]
    assert steps[0].sentence == steps[-1].sentence
    with pytest.raises(SeatRefused) as refused:
        booking.register(booking.Ask(session, ada, actor=ada.user))
    assert str(refused.value) == why(session, ada)


@pytest.mark.parametrize("access", [Session.Access.INVITATION, Session.Access.COHORT])
def test_who_may_not_come_is_told_the_access(access: str) -> None:
    session, ada = make.session(access=access), make.attendee()

    assert stopped_by(session, ada)[0] == "access"
    with pytest.raises(SeatRefused) as refused:
        booking.register(booking.Ask(session, ada, actor=ada.user))
    assert str(refused.value) == why(session, ada)


def test_who_is_invited_may_come() -> None:
    session, ada = make.session(access=Session.Access.INVITATION), make.attendee()
    Invitation.objects.create(session=session, email=ada.user.email)

    assert stopped_by(session, ada) == ["registration"]
    assert "rien ne s’y oppose" in why(session, ada).lower()
    booking.register(booking.Ask(session, ada, actor=ada.user))


def test_a_session_open_to_all_needs_no_seat() -> None:
    assert (
        why(make.session(access=Session.Access.PUBLIC), make.attendee())
        == "Entrée libre\xa0: aucune inscription n’est nécessaire."
    )


def test_who_never_asked_is_told_that_nothing_stands_in_the_way() -> None:
    session, ada = make.session(), make.attendee("Ada")

    assert stopped_by(session, ada) == ["registration"]
    assert why(session, ada) == "Rien ne s’y oppose\xa0: Ada peut prendre une place."


def test_who_may_ask_the_organisers_is_told_so() -> None:
    assert "demander une place aux organisateurs" in why(make.session(access=Session.Access.APPROVAL), make.attendee())


def test_a_full_session_says_whether_it_has_a_waiting_list() -> None:
    assert "n’est pas sur la liste d’attente" in why(full(), make.attendee())
    assert "sans liste d’attente" in why(full(waiting_list="none"), make.attendee())


def test_where_organisers_choose_a_free_seat_is_not_for_newcomers_while_somebody_waits() -> None:
    session = full(waiting_list="by_hand")
    wait(session)
    booking.cancel(session, Registration.objects.confirmed().get().attendee, actor=make.user())
    assert make.pool(session).left == 1

    assert "n’est pas sur la liste d’attente" in why(session, make.attendee())


@pytest.mark.proves("why-no-seat")
def test_a_clash_that_the_event_refuses_is_the_reason() -> None:
    ada, event = make.attendee(), strict()
    make.registration(make.session(title="Éthique"), ada)
    session = make.session(event=event)

    assert stopped_by(session, ada) == ["registration", "clash"]
    assert "n’admet aucun conflit" in why(session, ada)
    assert "Éthique" in next(step.sentence for step in explain(session, ada, timezone.now()) if step.rule == "clash")


def test_a_clash_that_may_be_swapped_says_so() -> None:
    ada, event = make.attendee(), make.event(clash_policy=Event.ClashPolicy.SWAP)
    make.registration(make.session(), ada)

    assert "page de la session le propose" in why(make.session(event=event), ada)


def test_a_clash_that_people_may_choose_stops_nothing() -> None:
    ada = make.attendee()
    make.registration(make.session(title="Éthique"), ada)
    session = make.session()
    Duty.objects.create(session=make.session(title="Accueil"), user=ada.user)

    assert stopped_by(session, ada) == ["registration"]
    sentence = next(step.sentence for step in explain(session, ada, timezone.now()) if step.rule == "clash")
    assert "Éthique" in sentence
    assert "Accueil" in sentence


@pytest.mark.proves("why-no-seat")
def test_a_limit_of_the_event_is_the_reason() -> None:
    ada, event = make.attendee(), make.event()
    Limit.objects.create(event=event, at_most=1)
    make.registration(make.session(event=event), ada)
    session = make.session(event=event, starts_at=timezone.now() + timedelta(days=9))

    assert stopped_by(session, ada) == ["registration", "limit"]
    with pytest.raises(OverLimit) as refused:
        booking.register(booking.Ask(session, ada, actor=ada.user))
    assert refused.value.rule == why(session, ada)
    assert "libérez" in str(refused.value) and "libérez" not in why(session, ada)


def test_seats_that_are_kept_for_others_are_named() -> None:
    session, cohort = make.session(seats=2), make.cohort(name="Promotion Cnam")
    pools.allot(session, cohort, 1)
    make.registration(session)
    ada = make.attendee()

    seats = next(step for step in explain(session, ada, timezone.now()) if step.rule == "seats")

    assert not seats.holds
    assert "Promotion Cnam" in seats.sentence


# --- They have something ----------------------------------------------------------------------------------------------


def test_who_has_a_seat_is_told_so() -> None:
    registration = make.registration()

    steps = explain(registration.session, registration.attendee, timezone.now())

    assert [(step.rule, step.holds) for step in steps] == [("registration", True), ("conclusion", True)]


def test_who_gave_the_seat_back_is_told_so() -> None:
    registration = make.registration()
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    steps = explain(registration.session, registration.attendee, timezone.now())

    told = next(step.sentence for step in steps if step.rule == "registration")
    assert str(Registration.Ending.BY_PERSON.label) in told


def test_who_asked_waits_for_the_organisers() -> None:
    session, ada = make.session(access=Session.Access.APPROVAL), make.attendee()
    booking.register(booking.Ask(session, ada, actor=ada.user, reason="Pour ma thèse"))

    assert why(session, ada) == "Les organisateurs doivent se prononcer sur la demande."


def test_who_is_offered_a_seat_has_to_answer_in_time() -> None:
    session = full(waiting_list="offer")
    ada = wait(session).attendee
    booking.cancel(session, Registration.objects.confirmed().get().attendee, actor=make.user())

    assert "doit répondre" in why(session, ada)
    later = Registration.objects.get(attendee=ada).offer_expires_at
    assert "n’a pas reçu de réponse à temps" in explain(session, ada, later)[-1].sentence


# --- They wait --------------------------------------------------------------------------------------------------------


@pytest.mark.proves("why-no-seat")
def test_who_waits_is_told_the_place_and_who_is_next() -> None:
    session = full()
    first, second = wait(session, make.attendee("Berthe")), wait(session, make.attendee("Chloé"))

    assert why(session, second.attendee).startswith("Rang 2 sur la liste")
    assert why(session, second.attendee).endswith("La prochaine va à Berthe.")
    assert why(session, first.attendee).endswith("La prochaine va à Berthe.")
    booking.cancel(session, Registration.objects.confirmed().get().attendee, actor=make.user())
    first.refresh_from_db()
    assert first.status == "confirmed", "the trace told the truth"


@pytest.mark.proves("why-no-seat")
def test_whoever_a_clash_passes_over_is_told_and_the_next_one_named() -> None:
    session = full(event=strict())
    ada, berthe = make.attendee("Ada"), make.attendee("Berthe")
    first = wait(session, ada)
    wait(session, berthe)
    make.registration(make.session(title="Éthique"), ada)

    assert stopped_by(session, ada) == ["clash", "seats"]
    assert "Passe son tour" in why(session, ada)
    assert why(session, berthe).endswith("La prochaine va à Berthe.")
    booking.cancel(session, Registration.objects.confirmed().get(session=session).attendee, actor=make.user())
    first.refresh_from_db()
    assert first.status == "waiting", "the trace told the truth"


def test_a_member_of_a_cohort_may_be_next_before_those_ahead() -> None:
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    seated, ada = make.attendee(), make.attendee("Ada")
    for member in (seated, ada):
        Membership.objects.create(cohort=cohort, attendee=member)
    booking.register(booking.Ask(session, seated, actor=seated.user))
    make.registration(session)
    wait(session, make.attendee("Berthe"))
    wait(session, ada)

    assert why(session, ada).startswith("Rang 2")
    booking.cancel(session, seated, actor=make.user())
    assert Registration.objects.get(attendee=ada).status == "confirmed"


def test_who_is_in_no_cohort_waits_for_nothing_there() -> None:
    session, cohort = make.session(seats=2, access=Session.Access.COHORT), make.cohort()
    pools.allot(session, cohort, 2)
    ada = make.attendee()
    Registration.objects.create(session=session, attendee=ada, status="waiting", waiting_at=timezone.now())

    assert stopped_by(session, ada)[0] == "access"
    assert why(session, ada).endswith("Aucune place n’est destinée à Ada Lovelace.")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"waiting_list": "by_hand"}, "Les organisateurs choisissent"),
        ({"waiting_list": "draw", "draw_at": timezone.now() + timedelta(days=1)}, "Tirage au sort"),
    ],
)
def test_a_waiting_list_that_does_not_move_by_itself_says_so(fields: dict[str, Any], sentence: str) -> None:
    session = full(**fields)
    ada = wait(session).attendee

    assert sentence in why(session, ada)
    assert "waitlist" in stopped_by(session, ada)


@pytest.mark.proves("why-no-seat")
def test_people_who_wait_together_are_told_that_they_need_seats_for_all() -> None:
    session = make.session(seats=2)
    seated = [make.registration(session) for _ in range(2)]
    ada, berthe = wait(session, make.attendee("Ada")), wait(session, make.attendee("Berthe"))
    party = waitlist.start_party(ada, actor=ada.attendee.user)
    waitlist.join_party(berthe, party.code, actor=berthe.attendee.user, at=timezone.now())
    booking.cancel(session, seated[0].attendee, actor=make.user())

    assert "party" in stopped_by(session, ada.attendee)
    assert why(session, ada.attendee).endswith("La prochaine va à Ada.")
    assert make.pool(session).left == 1
    booking.cancel(session, seated[1].attendee, actor=make.user())
    assert Registration.objects.confirmed().count() == 2


def test_a_group_one_of_whom_is_kept_out_is_passed_over() -> None:
    session = make.session(seats=2, event=strict())
    for _ in range(2):
        make.registration(session)
    ada, berthe = wait(session), wait(session)
    party = waitlist.start_party(ada, actor=ada.attendee.user)
    waitlist.join_party(berthe, party.code, actor=berthe.attendee.user, at=timezone.now())
    make.registration(make.session(), berthe.attendee)

    assert "party" in stopped_by(session, ada.attendee)
    assert "du groupe" in why(session, ada.attendee)


@pytest.mark.parametrize("people", [1, 5])
def test_the_trace_costs_the_same_for_a_long_waiting_list(people: int, django_assert_num_queries: Any) -> None:
    session = full(event=strict())
    last = [wait(session) for _ in range(people)][-1]
    session = Session.objects.with_place().get(pk=session.pk)
    attendee = Attendee.objects.select_related("user").get(pk=last.attendee_id)

    with django_assert_num_queries(12):
        explain(session, attendee, timezone.now())
