from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, pools
from registrations.models import Cohort, Limit, Registration, SeatPool
from tests import make

pytestmark = pytest.mark.django_db
LIST = "/admin/registrations/registration/"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def cancel(client: Client, *registrations: Registration, **extra: Any) -> Any:
    chosen = [registration.pk for registration in registrations]
    return client.post(LIST, {"action": "cancel_seats", "_selected_action": chosen, "index": "0"} | extra)


@pytest.mark.proves("organisers-same-rule", "organisers-bound-by-rules")
def test_an_organiser_registers_someone_by_the_rule_of_everybody(organiser: Client) -> None:
    session, person = make.session(seats=2), make.attendee()

    answer = organiser.post(f"{LIST}add/", {"attendee": person.pk, "session": session.pk})

    assert answer.status_code == 302
    registration = Registration.objects.get()
    assert (registration.status, registration.pool) == ("confirmed", make.pool(session))
    assert make.pool(session).taken == 1
    assert registration.history.get().history_user.is_superuser
    assert Message.objects.get().kind == "registrations.confirmed"


def test_what_keeps_somebody_out_is_said_to_the_organiser_and_not_to_the_person(organiser: Client) -> None:
    ada, event = make.attendee(), make.event(clash_policy="refuse")
    Limit.objects.create(event=event, at_most=1)
    held = make.session(title="Éthique", event=event)
    make.registration(held, ada)
    later = held.starts_at + timedelta(days=1)
    clashing, beyond = make.session(event=event), make.session(event=event, starts_at=later)

    said = {
        session: organiser.post(f"{LIST}add/", {"attendee": ada.pk, "session": session.pk}).content.decode()
        for session in (clashing, beyond)
    }

    assert "On attend Ada Lovelace ailleurs" in said[clashing] and "Éthique" in said[clashing]
    assert "permet 1 place par personne." in said[beyond].replace("\xa0", " ")
    assert not any("Vous avez" in page or "libérez" in page for page in said.values())


def test_a_registration_that_has_ended_says_since_when(organiser: Client) -> None:
    registration = make.registration()
    booking.cancel(registration.session, registration.attendee, actor=make.user())

    assert "Terminée le" in organiser.get(f"{LIST}{registration.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"seats": 1}, "complète"),
        ({"status": Session.Status.DRAFT}, "ouvert"),
        ({"starts_at": timezone.now() - timedelta(days=1)}, "terminée"),
    ],
)
def test_a_refusal_is_an_error_of_the_form(organiser: Client, fields: dict[str, Any], sentence: str) -> None:
    session, person = make.session(**fields), make.attendee()
    if "seats" in fields:
        make.registration(session)
    before = Registration.objects.count()

    answer = organiser.post(f"{LIST}add/", {"attendee": person.pk, "session": session.pk})

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert Registration.objects.count() == before


@pytest.mark.proves("organisers-let-in")
@pytest.mark.parametrize("access", [Session.Access.INVITATION, Session.Access.APPROVAL, Session.Access.COHORT])
def test_an_organiser_lets_somebody_in_whatever_the_access(organiser: Client, access: str) -> None:
    session, person = make.session(access=access), make.attendee()

    organiser.post(f"{LIST}add/", {"attendee": person.pk, "session": session.pk})

    assert Registration.objects.get().status == "confirmed"


def test_someone_registered_already_is_told_so(organiser: Client) -> None:
    registration = make.registration()

    answer = organiser.post(f"{LIST}add/", {"attendee": registration.attendee_id, "session": registration.session_id})

    assert "a déjà une inscription" in answer.content.decode()
    assert Registration.objects.count() == 1


def test_cancelling_asks_first_and_says_that_there_is_no_way_back(organiser: Client) -> None:
    registration = make.registration()

    page = cancel(organiser, registration).content.decode()

    assert "Cette action est définitive" in page
    assert registration.attendee.name in page
    assert Registration.objects.get().status == "confirmed"


def test_cancelling_gives_the_seats_back_through_the_domain(organiser: Client) -> None:
    session = make.session(seats=5)
    registrations = [make.registration(session) for _ in range(3)]

    answer = cancel(organiser, *registrations[:2], confirm="1")

    assert answer.status_code == 302
    assert make.pool(session).taken == 1
    assert Registration.objects.filter(status="cancelled", pool=None).count() == 2
    assert Message.objects.filter(kind="registrations.cancelled").count() == 2
    assert registrations[0].history.first().history_user.is_superuser


def test_cancelling_twice_changes_nothing(organiser: Client) -> None:
    registration = make.registration()

    for _ in range(2):
        cancel(organiser, registration, confirm="1")

    assert make.pool(registration.session).taken == 0
    assert Message.objects.filter(kind="registrations.cancelled").count() == 1


def test_who_may_only_look_cancels_nothing(client: Client) -> None:
    registration = make.registration()
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_registration"))
    make.sign_in(client, staff)

    assert "cancel_seats" not in client.get(LIST).content.decode()
    cancel(client, registration, confirm="1")

    assert Registration.objects.get().status == "confirmed"


@pytest.mark.proves("organisers-bound-by-rules")
@pytest.mark.parametrize("page", ["change", "delete"])
def test_a_registration_is_neither_edited_nor_deleted(organiser: Client, page: str) -> None:
    registration = make.registration()

    answer = organiser.post(f"{LIST}{registration.pk}/{page}/", {"status": "waiting", "pool": "", "post": "yes"})

    assert answer.status_code == 403
    assert Registration.objects.get().status == "confirmed"


def session_form(session: Session, **changes: Any) -> dict[str, Any]:
    begins, ends = session.local_starts_at, session.local_ends_at
    data = {
        "title_fr": session.title_fr,
        "title_en": session.title_en or "",
        "event": session.event_id,
        "track": session.track_id,
        "kind": session.kind,
        "room": session.room_id,
        "starts_at_0": f"{begins:%d/%m/%Y}",
        "starts_at_1": f"{begins:%H:%M}",
        "ends_at_0": f"{ends:%d/%m/%Y}",
        "ends_at_1": f"{ends:%H:%M}",
        "access": session.access,
        "capacity": session.capacity,
        "slug": session.slug,
        "waiting_list": session.waiting_list,
        "offer_hours": 24,
        "participations-TOTAL_FORMS": 0,
        "participations-INITIAL_FORMS": 0,
        "duties-TOTAL_FORMS": 0,
        "duties-INITIAL_FORMS": 0,
        "pools-TOTAL_FORMS": 1,
        "pools-INITIAL_FORMS": 1,
    }
    return data | changes


@pytest.mark.proves("organisers-bound-by-rules")
def test_saving_a_session_never_writes_the_count_that_the_form_was_opened_with(organiser: Client) -> None:
    session = make.session(seats=10)
    url = f"/admin/programme/session/{session.pk}/change/"
    organiser.get(url)
    make.registration(session)
    forged = {
        "pools-0-id": make.pool(session).pk,
        "pools-0-taken": 0,
        "pools-0-seats": 99,
        "status": "cancelled",
        "shares_room": "on",
    }

    answer = organiser.post(url, session_form(session, title_fr="Autre titre", **forged))

    assert answer.status_code == 302
    pool = make.pool(session)
    session.refresh_from_db()
    assert (session.title_fr, session.status, session.shares_room) == ("Autre titre", "published", False)
    assert (pool.seats, pool.taken) == (10, 1)


def test_the_capacity_moves_the_general_pool_and_never_below_what_is_taken(organiser: Client) -> None:
    session = make.session(seats=10)
    url = f"/admin/programme/session/{session.pk}/change/"
    for _ in range(3):
        make.registration(session)

    organiser.post(url, session_form(session, capacity=5))
    assert make.pool(session).seats == 5

    answer = organiser.post(url, session_form(session, capacity=2))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"capacity"}
    assert make.pool(session).seats == 5


def test_a_session_that_somebody_fills_while_it_is_saved_answers_with_a_sentence(
    organiser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make.session(seats=10)
    real = pools.fit_general_pool

    def late(session: Session, at: datetime, **options: Any) -> None:
        SeatPool.objects.filter(session=session).update(taken=9)  # between the form's check and the save
        real(session, at, **options)

    monkeypatch.setattr(pools, "fit_general_pool", late)

    answer = organiser.post(
        f"/admin/programme/session/{session.pk}/change/", session_form(session, capacity=5), follow=True
    )

    assert "Rien n’a été enregistré" in answer.content.decode()
    session.refresh_from_db()
    assert session.capacity == 10


def test_the_list_of_sessions_says_how_full_each_is(organiser: Client) -> None:
    full, empty = make.session(seats=1, title="Pleine"), make.session(seats=7, title="Vide")
    make.registration(full)

    page = organiser.get("/admin/programme/session/").content.decode()
    only_full = organiser.get("/admin/programme/session/?filling=full").content.decode()

    assert "1 / 1" in page
    assert "0 / 7" in page
    assert full.title in only_full
    assert empty.title not in only_full


def test_an_allotment_is_kept_out_of_the_general_pool(organiser: Client) -> None:
    session, cohort = make.session(seats=10), make.cohort()
    url = "/admin/registrations/seatpool/"

    organiser.post(f"{url}add/", {"session": session.pk, "cohort": cohort.pk, "seats": 4})

    pool = SeatPool.objects.get(cohort=cohort)
    assert (pool.seats, make.pool(session).seats) == (4, 6)
    assert pool.history.get().history_user.is_superuser

    organiser.post(f"{url}{pool.pk}/change/", {"seats": 7, "taken": 3, "session": 1, "cohort": 1})

    pool.refresh_from_db()
    assert (pool.seats, pool.taken, make.pool(session).seats) == (7, 0, 3)


@pytest.mark.parametrize("seats", [11, 10])
def test_an_allotment_that_does_not_fit_is_refused(organiser: Client, seats: int) -> None:
    session, cohort = make.session(seats=10), make.cohort()
    make.registration(session)

    answer = organiser.post(
        "/admin/registrations/seatpool/add/", {"session": session.pk, "cohort": cohort.pk, "seats": seats}
    )

    assert answer.status_code == 200
    assert "seats" in answer.context["adminform"].form.errors
    assert not SeatPool.objects.filter(cohort=cohort).exists()


def test_an_allotment_never_goes_below_what_is_taken() -> None:
    session, cohort = make.session(seats=10), make.cohort()
    pool = pools.allot(session, cohort, 5)
    SeatPool.objects.filter(pk=pool.pk).update(taken=3)

    with pytest.raises(ValidationError, match="3"):
        pools.allot(session, cohort, 2)


def test_the_general_pool_is_only_read(organiser: Client) -> None:
    pool = make.pool(make.session(seats=10))

    assert organiser.get(f"/admin/registrations/seatpool/{pool.pk}/change/").status_code == 200
    assert organiser.post(f"/admin/registrations/seatpool/{pool.pk}/change/", {"seats": 99}).status_code == 403


def test_the_allotments_of_a_cohort_are_written_through_the_domain(organiser: Client) -> None:
    cohort, session, other = make.cohort(), make.session(seats=10), make.session(seats=10)
    pool = pools.allot(session, cohort, 2)
    rows: dict[str, Any] = {"allotments-TOTAL_FORMS": 2, "allotments-INITIAL_FORMS": 1}
    rows |= {
        "allotments-0-id": pool.pk,
        "allotments-0-cohort": cohort.pk,
        "allotments-0-session": session.pk,
        "allotments-0-seats": 6,
    }
    rows |= {"allotments-1-cohort": cohort.pk, "allotments-1-session": other.pk, "allotments-1-seats": 3}
    data = {
        "name_fr": cohort.name_fr,
        "institution": cohort.institution_id,
        "slug": cohort.slug,
        "size": 20,
        "weight": 1,
    } | rows
    data |= {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}

    answer = organiser.post(f"/admin/registrations/cohort/{cohort.pk}/change/", data)

    assert answer.status_code == 302
    assert (make.pool(session).seats, make.pool(other).seats) == (4, 7)
    assert Cohort.objects.get(pk=cohort.pk).allotments.count() == 2


@pytest.mark.proves("drafts-hidden")
def test_a_session_that_people_come_to_cannot_go_back_to_draft(organiser: Client) -> None:
    session = make.registration().session
    list_url = "/admin/programme/session/"

    page = organiser.post(
        list_url, {"action": "unpublish", "_selected_action": session.pk, "index": "0"}, follow=True
    ).content.decode()

    session.refresh_from_db()
    assert session.status == "published"
    assert "1 personne y est inscrite" in page


def test_the_database_still_has_the_last_word() -> None:
    registration = make.registration()

    with pytest.raises(IntegrityError):
        Registration.objects.filter(pk=registration.pk).update(pool=None)


def test_an_attendees_page_lists_their_seats(organiser: Client) -> None:
    registration = make.registration(make.session(title="Éthique"))
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    page = organiser.get(f"/admin/accounts/attendee/{registration.attendee_id}/change/").content.decode()

    assert "Éthique" in page
    assert "Annulée" in page
