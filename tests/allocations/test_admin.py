"""What organisers do with allocations: prepare, simulate, compare, read why, put into force
(docs/rules.md#allocation)."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from allocations.domain import allocation as allocating
from allocations.models import Allocation, AllocationRun
from outbox.models import Message
from registrations.domain import invariants
from registrations.models import Registration
from tests import make
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db

ALLOCATIONS = "/admin/allocations/allocation/"
RUNS = "/admin/allocations/allocationrun/"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


@pytest.fixture
def closed() -> Allocation:
    """An allocation whose wishes have closed: three people want the one seat of a session, one of them another one
    too."""
    one, two = (
        make.session(seats=1, title="Éthique"),
        make.session(title="Sobriété", starts_at=timezone.now() + timedelta(days=9)),
    )
    allocation = make.allocation(one, two, title="Ateliers du mardi")
    for name in ("Ada Lovelace", "Bob Bell", "Cyd Chan"):
        allocating.express(allocation, make.attendee(name), [one, two] if name.startswith("Ada") else [one])
    Allocation.objects.update(closes_at=timezone.now() - timedelta(hours=1))
    allocation.refresh_from_db()
    return allocation


def act(client: Client, where: str, action: str, *objects: Any, **fields: Any) -> Any:
    return client.post(
        where, {"action": action, "_selected_action": [obj.pk for obj in objects], "index": "0"} | fields, follow=True
    )


def page_of(client: Client, run: AllocationRun, **query: str) -> str:
    return client.get(reverse("admin:allocations_allocationrun_change", args=[run.pk]), query).content.decode()


def fields(**changed: Any) -> dict[str, Any]:
    now = timezone.localtime()
    given = {
        "title_fr": "Ateliers",
        "title_en": "Workshops",
        "slug": "ateliers",
        "opens_at": now,
        "closes_at": now + timedelta(days=3),
        "wishes_at_most": "8",
        "seats_at_most": "3",
    } | changed
    for name in ("opens_at", "closes_at"):
        moment = given.pop(name)
        given |= (
            {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M}"}
            if isinstance(moment, datetime)
            else {f"{name}_0": moment}
        )
    return given


# --- Preparing --------------------------------------------------------------------------------------------------------


def test_an_organiser_prepares_an_allocation_and_its_history_says_who(organiser: Client) -> None:
    sessions = [make.session(), make.session()]

    answer = organiser.post(f"{ALLOCATIONS}add/", fields(sessions=[one.pk for one in sessions]))

    assert answer.status_code == 302, answer.content.decode()
    allocation = Allocation.objects.get()
    assert set(allocation.sessions.all()) == set(sessions)
    assert allocation.history.get().history_user.is_superuser


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"closes_at": timezone.now() - timedelta(days=9)}, "se terminent après avoir commencé"),
        ({"wishes_at_most": "0"}, ""),
        ({"seats_at_most": "٣"}, ""),
        ({"sessions": ["x"]}, ""),
        ({"sessions": ["99999999999999999999999"]}, ""),
        ({"sessions": ["\x00"]}, ""),
        ({"sessions": []}, ""),
        ({"opens_at": "\x00"}, ""),
        ({"slug": "x" * 300}, ""),
    ],
)
def test_what_makes_no_sense_is_an_error_beside_its_field(
    organiser: Client, changed: dict[str, Any], sentence: str
) -> None:
    answer = organiser.post(f"{ALLOCATIONS}add/", fields(**{"sessions": [make.session().pk]} | changed))

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert sentence in words(answer.content.decode())
    assert Allocation.objects.count() == 0


def test_a_session_that_is_open_to_all_has_nothing_to_give_out(organiser: Client) -> None:
    public = make.session(access="public", title="Concert")

    answer = organiser.post(f"{ALLOCATIONS}add/", fields(sessions=[public.pk]))

    assert "« Concert » est en accès libre" in words(answer.content.decode())
    assert Allocation.objects.count() == 0


def test_an_allocation_with_wishes_is_not_deleted_and_one_in_force_is_only_read(
    organiser: Client, closed: Allocation
) -> None:
    assert organiser.post(f"{ALLOCATIONS}{closed.pk}/delete/", {"post": "yes"}).status_code == 403
    allocating.commit(make.simulation(closed), actor=make.organiser())
    no_runs = {"runs-TOTAL_FORMS": "0", "runs-INITIAL_FORMS": "0"}

    answer = organiser.post(
        f"{ALLOCATIONS}{closed.pk}/change/", fields(seats_at_most="1", slug="autre", sessions=[], **no_runs)
    )

    closed.refresh_from_db()
    assert answer.status_code == 302, words(answer.content.decode())
    assert (closed.seats_at_most, closed.sessions.count()) == (3, 2)
    assert closed.slug != "autre"
    assert closed.title_fr == "Ateliers", "only its title can still be put right"


def test_the_list_says_where_each_allocation_stands(organiser: Client, closed: Allocation) -> None:
    make.allocation(make.session())
    soon = timezone.now() + timedelta(days=1)
    make.allocation(make.session(), opens_at=soon, closes_at=soon + timedelta(days=1))
    done = make.allocation(make.session(), closes_at=timezone.now() - timedelta(minutes=1))
    allocating.commit(make.simulation(done), actor=make.organiser())

    page = words(organiser.get(ALLOCATIONS).content.decode())

    for state in ("ouverte", "pas encore ouverte", "à attribuer", "attribuée"):
        assert state in page


# --- Simulating -------------------------------------------------------------------------------------------------------


def test_an_organiser_simulates_as_often_as_they_like_and_each_run_is_kept(
    organiser: Client, closed: Allocation
) -> None:
    asked = act(organiser, ALLOCATIONS, "simulate", closed)
    assert "Souhaits : 4. Personnes : 3. Sessions : 2." in words(asked.content.decode())
    assert AllocationRun.objects.count() == 0

    for seed in ("", "7 12 23"):
        answer = act(organiser, ALLOCATIONS, "simulate", closed, confirm="1", seed=seed)
        assert "Ceci est une simulation" in words(answer.content.decode())

    runs = AllocationRun.objects.order_by("pk")
    assert len({run.seed for run in runs}) == 2
    assert runs[1].seed == "7 12 23"
    assert all(run.created_by.is_superuser for run in runs)
    assert Registration.objects.count() == Message.objects.count() == 0


@pytest.mark.parametrize("seed", ["x" * 65, "a\x00b", "a\nb"])
def test_a_seed_that_could_not_be_shown_is_refused(organiser: Client, closed: Allocation, seed: str) -> None:
    answer = act(organiser, ALLOCATIONS, "simulate", closed, confirm="1", seed=seed)

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert AllocationRun.objects.count() == 0


def test_one_is_warned_of_sessions_where_people_can_register_meanwhile(organiser: Client, closed: Allocation) -> None:
    one = closed.sessions.get(title_fr="Éthique")
    one.registration_opens_at = timezone.now() + timedelta(days=1)
    one.save()
    held = act(organiser, ALLOCATIONS, "simulate", closed).content.decode()
    closed.holds_seats = False
    closed.save()

    page = act(organiser, ALLOCATIONS, "simulate", closed).content.decode()

    assert "on peut s’inscrire entre-temps" not in words(held)
    assert "on peut s’inscrire entre-temps" in words(page)
    assert "Sobriété" in page
    assert "Éthique" not in page.partition("<summary>")[2].partition("</ul>")[0]


@pytest.mark.parametrize("action", ["simulate", "put_into_force"])
def test_an_act_is_for_one_at_a_time(organiser: Client, closed: Allocation, action: str) -> None:
    where, objects = ALLOCATIONS, [closed, make.allocation(make.session())]
    if action == "put_into_force":
        where, objects = RUNS, [make.simulation(closed, seed) for seed in "ab"]

    answer = act(organiser, where, action, *objects, confirm="1")

    assert "Choisissez une seule" in words(answer.content.decode())
    assert not AllocationRun.objects.filter(committed_at__isnull=False).exists()


# --- Reading a run ----------------------------------------------------------------------------------------------------


def test_a_run_shows_its_figures_each_session_and_the_other_runs_beside_it(
    organiser: Client, closed: Allocation
) -> None:
    runs = [make.simulation(closed, seed) for seed in "ab"]

    page = words(page_of(organiser, runs[0]))

    figures = runs[0].results["figures"]
    assert f"{figures['people']} personnes" in page
    assert f"{figures['nothing']} sans place" in page
    assert "33 % (1) ont leur 1er souhait" in page
    assert page.index("Éthique") < page.index("Sobriété"), "the most wanted first"
    for run in runs:
        assert reverse("admin:allocations_allocationrun_change", args=[run.pk]) in page_of(organiser, runs[0])
    assert f"replay_allocation {runs[0].uuid}" in page


def test_one_looks_somebody_up_and_reads_why(organiser: Client, closed: Allocation) -> None:
    run = make.simulation(closed)
    [ada] = [person for person in run.inputs["people"] if len(run.inputs["people"][person]["wishes"]) == 2]

    for asked in ("lovelace", ada):
        page = words(page_of(organiser, run, q=asked))
        assert "Ada Lovelace" in page
        assert "Bob Bell" not in page
        assert "accordé" in page
    assert "Aucun participant ne porte ce nom." in words(page_of(organiser, run, q="Zoé"))
    for odd in ("\x00", "a99999999999999999999", "%", "x" * 5000, "a²"):
        assert organiser.get(f"{RUNS}{run.pk}/change/", {"q": odd}).status_code in (200, 400)


@pytest.mark.parametrize("number", [1, 9])
def test_a_run_takes_the_same_queries_for_one_session_and_for_nine(
    organiser: Client, django_assert_num_queries: Any, number: int
) -> None:
    sessions = [make.session(starts_at=timezone.now() + timedelta(days=2 + n)) for n in range(number)]
    allocation = make.allocation(*sessions)
    for n in range(number):
        allocating.express(allocation, make.attendee(f"Ada {n}"), sessions[:8])
    runs = [make.simulation(allocation, str(n)) for n in range(number)]
    page_of(organiser, runs[0])  # content types are kept from here on

    with django_assert_num_queries(11):
        page_of(organiser, runs[0], q="Ada")


def test_a_run_is_downloaded_as_the_file_that_repeats_it(
    organiser: Client, closed: Allocation, tmp_path: Any, capsys: Any
) -> None:
    run = make.simulation(closed)

    answer = organiser.get(reverse("admin:allocations_allocationrun_download", args=[run.pk]))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="{closed.slug}-{run.uuid}.json"'
    assert "Lovelace" not in answer.content.decode(), "people are under a number"
    assert "@" not in answer.content.decode()
    (tmp_path / "run.json").write_bytes(answer.content)
    call_command("replay_allocation", str(tmp_path / "run.json"))
    assert json.loads(capsys.readouterr().out)["same"] is True
    for unknown in ("999", "x", "9" * 30):
        assert organiser.get(f"{RUNS}{unknown}/download/").status_code == 404


@pytest.mark.proves("allocation-replay")
def test_a_run_is_never_changed_added_or_deleted_by_hand(organiser: Client, closed: Allocation) -> None:
    run = make.simulation(closed)

    assert organiser.get(f"{RUNS}add/").status_code == 403
    assert organiser.post(f"{RUNS}{run.pk}/change/", {"seed": "mine"}).status_code == 403
    assert organiser.post(f"{RUNS}{run.pk}/delete/", {"post": "yes"}).status_code == 403
    act(organiser, RUNS, "delete_selected", run, post="yes")

    assert AllocationRun.objects.get().seed == "seed"


# --- Putting into force -----------------------------------------------------------------------------------------------


def test_putting_into_force_asks_first_and_then_gives_the_seats_once(organiser: Client, closed: Allocation) -> None:
    run = make.simulation(closed)
    assert "Appliquer…" in page_of(organiser, run)

    asked = act(organiser, RUNS, "put_into_force", run, _back="1")
    assert "Places attribuées d’un coup : 2. Personnes prévenues par courriel" in words(asked.content.decode())
    assert Registration.objects.count() == 0

    for _ in range(2):
        answer = act(organiser, RUNS, "put_into_force", run, confirm="1", _back="1")
        assert answer.request["PATH_INFO"] == f"{RUNS}{run.pk}/change/"
        assert "2 places sont attribuées, et chaque personne est prévenue" in words(answer.content.decode())

    assert Registration.objects.confirmed().count() == 2
    assert Message.objects.filter(kind="allocations.allocated").count() == 3
    assert invariants.check(timezone.now())["breaches"] == []
    assert "Appliquer…" not in page_of(organiser, run)
    assert "Simuler…" not in organiser.get(f"{ALLOCATIONS}{closed.pk}/change/").content.decode()


def test_a_refusal_is_a_sentence_and_nothing_is_given(organiser: Client, closed: Allocation) -> None:
    run = make.simulation(closed)
    make.registration(closed.sessions.get(title_fr="Sobriété"), let_in=True)

    answer = act(organiser, RUNS, "put_into_force", run, confirm="1")

    assert "refaites une simulation" in words(answer.content.decode())
    assert Registration.objects.count() == 1


def test_a_simulation_is_offered_for_putting_into_force_once_wishes_have_closed(organiser: Client) -> None:
    run = make.simulation()

    assert "Appliquer…" not in page_of(organiser, run)
    answer = act(organiser, RUNS, "put_into_force", run, confirm="1")
    assert "Les souhaits peuvent encore changer" in words(answer.content.decode())


# --- Who may ----------------------------------------------------------------------------------------------------------


def staff(*rights: str) -> Client:
    user = make.user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="allocations", codename__in=rights))
    return make.sign_in(Client(), user)


def test_each_act_needs_its_own_right(closed: Allocation) -> None:
    run = make.simulation(closed)
    stranger, reader = staff(), staff("view_allocation", "view_allocationrun")

    assert stranger.get(ALLOCATIONS).status_code == stranger.get(f"{RUNS}{run.pk}/change/").status_code == 403
    assert stranger.get(reverse("admin:allocations_allocationrun_download", args=[run.pk])).status_code == 403
    assert reader.get(f"{RUNS}{run.pk}/change/").status_code == 200
    act(reader, ALLOCATIONS, "simulate", closed, confirm="1")
    act(reader, RUNS, "put_into_force", run, confirm="1")
    assert AllocationRun.objects.count() == 1
    assert Registration.objects.count() == 0

    act(
        staff("view_allocation", "add_allocationrun", "view_allocationrun"),
        ALLOCATIONS,
        "simulate",
        closed,
        confirm="1",
    )
    act(staff("view_allocationrun", "change_allocationrun"), RUNS, "put_into_force", run, confirm="1")

    assert AllocationRun.objects.count() == 2
    assert Registration.objects.count() == 2
