"""Cohorts’ members, invitations and limits in the administration."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from programme.models import Event, Session
from registrations.domain import booking
from registrations.models import Cohort, Invitation, Limit, Membership
from tests import make
from tests.registrations.test_admin import session_form
from tests.registrations.test_cohorts import seat_from

pytestmark = pytest.mark.django_db
MEMBERS = "/admin/registrations/membership/"
INVITATIONS = "/admin/registrations/invitation/"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def cohort_form(cohort: Cohort, *, add: Any = (), take_out: Any = (), **changes: Any) -> dict[str, Any]:
    members = list(cohort.memberships.order_by("attendee__name", "pk"))
    data = {
        "name_fr": cohort.name_fr,
        "name_en": cohort.name_en,
        "institution": cohort.institution_id,
        "slug": cohort.slug,
        "size": cohort.size,
        "weight": cohort.weight,
        "allotments-TOTAL_FORMS": 0,
        "allotments-INITIAL_FORMS": 0,
        "memberships-TOTAL_FORMS": len(members) + len(add),
        "memberships-INITIAL_FORMS": len(members),
    }
    for number, member in enumerate(members):
        data |= {f"memberships-{number}-id": member.pk, f"memberships-{number}-cohort": cohort.pk}
        if member.attendee in take_out:
            data[f"memberships-{number}-DELETE"] = "on"
    for number, attendee in enumerate(add, start=len(members)):
        data |= {f"memberships-{number}-cohort": cohort.pk, f"memberships-{number}-attendee": attendee.pk}
    return data | changes


def save(client: Client, cohort: Cohort, **changes: Any) -> Any:
    return client.post(f"/admin/registrations/cohort/{cohort.pk}/change/", cohort_form(cohort, **changes))


def test_a_cohorts_people_are_added_and_taken_out_on_its_page(organiser: Client) -> None:
    cohort, old, new = make.cohort(size=1), make.attendee("Ada"), make.attendee("Grace")
    make.membership(cohort, old)

    answer = save(organiser, cohort, add=[new], take_out=[old])

    assert answer.status_code == 302
    assert list(cohort.members.all()) == [new]
    assert {trace.history_user.is_superuser for trace in Membership.history.all()[:2]} == {True}


def test_a_cohorts_hours_and_weight_are_written_on_its_page(organiser: Client) -> None:
    cohort = make.cohort()
    hours = {"starts_at_0": "10/02/2027", "starts_at_1": "14:00", "ends_at_0": "10/02/2027", "ends_at_1": "18:00"}

    assert save(organiser, cohort, weight=2, **hours).status_code == 302
    half = save(organiser, cohort, **hours | {"ends_at_0": "", "ends_at_1": ""})

    cohort.refresh_from_db()
    assert (cohort.weight, cohort.ends_at - cohort.starts_at) == (2, timedelta(hours=4))
    assert half.context["adminform"].form.errors.keys() == {"ends_at"}


def test_a_cohort_that_is_complete_says_so_above_its_people(organiser: Client) -> None:
    cohort = make.cohort(size=2)
    make.membership(cohort)

    answer = save(organiser, cohort, add=[make.attendee(), make.attendee()])

    assert "son effectif est de 2" in answer.content.decode()
    assert cohort.memberships.count() == 1


def test_a_larger_cohort_takes_more_people_at_once(organiser: Client) -> None:
    cohort = make.cohort(size=1)
    make.membership(cohort)

    save(organiser, cohort, add=[make.attendee(), make.attendee()], size=3)

    assert cohort.memberships.count() == 3


def test_nobody_is_taken_out_with_a_seat_of_the_cohort(organiser: Client) -> None:
    cohort, who = make.cohort(), make.attendee("Ada")
    make.membership(cohort, who)
    seat_from(cohort, who, title="Forum")

    on_the_page = save(organiser, cohort, take_out=[who]).content.decode()
    in_the_list = organiser.post(
        MEMBERS, {"action": "take_out", "_selected_action": cohort.memberships.get().pk, "index": "0"}, follow=True
    ).content.decode()

    assert "annulez-la d’abord" in on_the_page
    assert "annulez-la d’abord" in in_the_list
    assert list(cohort.members.all()) == [who]


def test_a_size_below_the_members_is_an_error_beside_the_field(organiser: Client) -> None:
    cohort = make.cohort(size=3)
    for _ in range(2):
        make.membership(cohort)

    answer = save(organiser, cohort, size=1)

    assert answer.context["adminform"].form.errors.keys() == {"size"}


def test_a_member_is_not_changed_into_somebody_else(organiser: Client) -> None:
    cohort, who, other = make.cohort(), make.attendee(), make.attendee()
    membership = make.membership(cohort, who)

    save(organiser, cohort, **{"memberships-0-attendee": other.pk})
    page = organiser.post(f"{MEMBERS}{membership.pk}/change/", {"cohort": cohort.pk, "attendee": other.pk})

    assert page.status_code == 403
    assert list(cohort.members.all()) == [who]


def test_a_crowd_has_a_list_of_its_own(organiser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registrations.admin.cohorts.ON_ONE_PAGE", 1)
    cohort = make.cohort(size=10)
    first, second = make.membership(cohort), make.membership(cohort)
    make.membership()

    page = organiser.get(f"/admin/registrations/cohort/{cohort.pk}/change/").content.decode()
    answer = organiser.post(f"{MEMBERS}add/", {"cohort": cohort.pk, "attendee": make.attendee().pk})
    listed = organiser.get(f"{MEMBERS}?cohort__id__exact={cohort.pk}").context["cl"].result_count
    organiser.post(MEMBERS, {"action": "take_out", "_selected_action": [first.pk, second.pk], "index": "0"})

    assert "memberships-0" not in page
    assert f'"{MEMBERS}?cohort__id__exact={cohort.pk}">2<' in page
    assert answer.status_code == 302
    assert listed == 3
    assert cohort.memberships.count() == 1


def test_a_complete_cohort_is_an_error_of_the_form(organiser: Client) -> None:
    cohort = make.membership(make.cohort(size=1)).cohort

    answer = organiser.post(f"{MEMBERS}add/", {"cohort": cohort.pk, "attendee": make.attendee().pk})

    assert "son effectif est de 1" in answer.content.decode()
    assert cohort.memberships.count() == 1


def test_who_may_only_look_takes_nobody_out(client: Client) -> None:
    membership, staff = make.membership(), make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_membership"))

    make.sign_in(client, staff).post(MEMBERS, {"action": "take_out", "_selected_action": membership.pk, "index": "0"})

    assert Membership.objects.exists()


@pytest.mark.parametrize("people", [1, 3])
def test_a_cohorts_page_takes_the_same_queries_whatever_its_people(
    organiser: Client, people: int, django_assert_num_queries: Any
) -> None:
    cohort = make.cohort()
    for _ in range(people):
        make.membership(cohort)
    url = f"/admin/registrations/cohort/{cohort.pk}/change/"
    organiser.get(url)

    with django_assert_num_queries(11):
        organiser.get(url)


# --- Invitations ------------------------------------------------------------------------------------------------------


def invite(client: Client, session: Session, *emails: str) -> Any:
    data = session_form(session) | {"invitations-TOTAL_FORMS": len(emails), "invitations-INITIAL_FORMS": 0}
    for number, email in enumerate(emails):
        data |= {f"invitations-{number}-session": session.pk, f"invitations-{number}-email": email}
    return client.post(f"/admin/programme/session/{session.pk}/change/", data)


def test_people_are_invited_on_the_page_of_a_session_by_invitation(organiser: Client) -> None:
    session = make.session(access=Session.Access.INVITATION)

    answer = invite(organiser, session, " Ada@Example.org ", "grace@example.org")

    assert answer.status_code == 302
    assert [invitation.email for invitation in session.invitations.all()] == ["ada@example.org", "grace@example.org"]
    assert session.invitations.first().history.get().history_user.is_superuser
    who = make.attendee(email="ada@example.org")
    assert booking.register(booking.Ask(session, who, actor=who.user)).status == "confirmed"


def test_nobody_is_invited_twice(organiser: Client) -> None:
    session = make.session(access=Session.Access.INVITATION)
    make.invitation(session, "ada@example.org")

    again = organiser.post(f"{INVITATIONS}add/", {"session": session.pk, "email": "ADA@example.org"})
    both = invite(organiser, session, "grace@example.org", "Grace@example.org")
    elsewhere = organiser.post(f"{INVITATIONS}add/", {"session": make.session().pk, "email": "ada@example.org"})

    assert again.context["adminform"].form.errors == {"email": ["Cette personne est déjà invitée."]}
    assert "Cette personne est déjà invitée" in both.content.decode()
    assert elsewhere.status_code == 302
    assert session.invitations.count() == 1


@pytest.mark.parametrize(("access", "rows"), [("invitation", True), ("registration", False)])
def test_only_a_session_by_invitation_asks_for_addresses(organiser: Client, access: str, rows: bool) -> None:
    session = make.session(access=access)
    make.invitation(session)

    page = organiser.get(f"/admin/programme/session/{session.pk}/change/").content.decode()

    assert ("invitations-TOTAL_FORMS" in page) == rows
    assert (f"{INVITATIONS}?session__id__exact={session.pk}" in page) == rows


def test_many_invitations_have_a_list_of_their_own(organiser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registrations.admin.extend_programme_admin.ON_ONE_PAGE", 1)
    session = make.session(access=Session.Access.INVITATION)
    for _ in range(2):
        make.invitation(session)
    make.invitation()

    page = organiser.get(f"/admin/programme/session/{session.pk}/change/").content.decode()
    listed = organiser.get(f"{INVITATIONS}?session__id__exact={session.pk}").context["cl"].result_count

    assert "invitations-TOTAL_FORMS" not in page
    assert listed == 2


def test_an_invitation_is_taken_back_by_deleting_it(organiser: Client) -> None:
    invitation = make.invitation()

    assert organiser.post(f"{INVITATIONS}{invitation.pk}/change/", {"email": "other@example.org"}).status_code == 403
    organiser.post(f"{INVITATIONS}{invitation.pk}/delete/", {"post": "yes"})

    assert not Invitation.objects.exists()
    assert Invitation.history.filter(history_type="-").count() == 1


# --- Limits -----------------------------------------------------------------------------------------------------------


def event_form(event: Event, *limits: dict[str, Any]) -> dict[str, Any]:
    data = {
        "title_fr": event.title_fr,
        "title_en": event.title_en,
        "kind": event.kind,
        "starts_on": "04/02/2027",
        "ends_on": "10/02/2027",
        "date_precision": "day",
        "slug": event.slug,
        "clash_policy": "swap",
        "limits-INITIAL_FORMS": event.limits.count(),
    }
    kept = [{"id": limit.pk, "kind": limit.kind, "at_most": limit.at_most} for limit in event.limits.order_by("kind")]
    data["limits-TOTAL_FORMS"] = len(kept) + len(limits)
    for number, limit in enumerate([*kept, *limits]):
        data |= {f"limits-{number}-{name}": value for name, value in ({"event": event.pk} | limit).items()}
    return data


def test_the_limits_and_the_clashes_of_an_event_are_settled_on_its_page(organiser: Client) -> None:
    event = make.event()
    url = f"/admin/programme/event/{event.pk}/change/"

    saved = organiser.post(url, event_form(event, {"kind": "", "at_most": 5}, {"kind": "workshop", "at_most": 3}))
    none = organiser.post(url, event_form(event, {"kind": "panel", "at_most": 0}))
    again = organiser.post(url, event_form(event, {"kind": "workshop", "at_most": 1}))

    assert saved.status_code == 302
    assert (none.status_code, again.status_code) == (200, 200)
    event.refresh_from_db()
    assert event.clash_policy == "swap"
    assert list(Limit.objects.values_list("kind", "at_most")) == [("", 5), ("workshop", 3)]
