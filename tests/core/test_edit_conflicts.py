"""Two organisers at one form. Nobody overwrites what they have not seen, and nobody's typing is lost."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts.models import Attendee
from partners.models import SignIn
from programme.domain.publication import publish
from programme.models import Participation, Session
from registrations.domain import pools
from registrations.models import SeatPool
from tests import make
from tests.crowd import all_at_once
from tests.html import sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> Client:
    return make.sign_in(Client(), make.organiser("Anna"))


@pytest.fixture
def bruno() -> Client:
    return make.sign_in(Client(), make.organiser("Bruno"))


def url(session: Session) -> str:
    return f"/admin/programme/session/{session.pk}/change/"


def opened(client: Client, address: str, part: str = "session_form") -> dict[str, Any]:
    return sent(client.get(address).content, part)


@pytest.mark.proves("no-lost-edits")
def test_a_form_that_was_open_while_somebody_else_saved_shows_both_versions(anna: Client, bruno: Client) -> None:
    session, other = make.session(title="Avant"), make.room(name="Grande nef")
    hers, his = opened(anna, url(session)), opened(bruno, url(session))

    assert anna.post(url(session), hers | {"room": other.pk}).status_code == 302
    answer = bruno.post(url(session), his | {"title_fr": "Après"})

    assert answer.status_code == 409
    session.refresh_from_db()
    assert (session.room, session.title_fr) == (other, "Avant")
    [difference] = answer.context["conflict"].differences
    assert (difference.now, difference.mine, difference.who) == (str(other), "", str(hers_name()))
    merged = sent(answer.content, "session_form")
    assert (merged["room"], merged["title_fr"]) == ([str(other.pk)], ["Après"])

    assert bruno.post(url(session), merged).status_code == 302
    session.refresh_from_db()
    assert (session.room, session.title_fr) == (other, "Après")


def hers_name() -> str:
    return Attendee.objects.get(name="Anna").user.email


@pytest.mark.proves("no-lost-edits")
def test_where_both_wrote_the_same_field_the_reader_decides(anna: Client, bruno: Client) -> None:
    session = make.session(title="Avant", seats=10, starts_at=datetime(2027, 2, 10, 13, tzinfo=UTC))
    his = opened(bruno, url(session))
    begins = session.local_starts_at.replace(hour=6)
    hers = opened(anna, url(session)) | {"title_fr": "D’Anna", "starts_at_1": "06:00", "ends_at_1": "23:00"}

    assert anna.post(url(session), hers).status_code == 302
    answer = bruno.post(url(session), his | {"title_fr": "De Bruno", "title_en": "Bruno’s", "capacity": 20})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Rien n’est encore enregistré" in page
    shown = {
        difference.label: (difference.before, difference.now, difference.mine)
        for difference in answer.context["conflict"].differences
    }
    assert ("Avant", "D’Anna", "De Bruno") in shown.values()
    assert len(shown) == 3
    merged = sent(page, "session_form")
    assert (merged["title_fr"], merged["starts_at_1"], merged["capacity"]) == (["De Bruno"], ["06:00"], ["20"])
    assert bruno.post(url(session), merged).status_code == 302
    session.refresh_from_db()
    assert (session.title_fr, session.title_en, session.capacity, session.local_starts_at) == (
        "De Bruno",
        "Bruno’s",
        20,
        begins,
    )


def test_a_third_save_while_the_reader_decides_asks_again(anna: Client, bruno: Client) -> None:
    session = make.session(title="Avant")
    his = opened(bruno, url(session))
    anna.post(url(session), opened(anna, url(session)) | {"title_fr": "Un"})
    merged = sent(bruno.post(url(session), his | {"title_fr": "De Bruno"}).content, "session_form")
    anna.post(url(session), opened(anna, url(session)) | {"title_fr": "Deux"})

    answer = bruno.post(url(session), merged)

    assert answer.status_code == 409
    assert [(one.before, one.now) for one in answer.context["conflict"].differences] == [("Un", "Deux")]


def test_the_same_form_sent_twice_is_no_conflict_and_leaves_one_line(anna: Client) -> None:
    session = make.session(title="Avant")
    form = opened(anna, url(session)) | {"title_fr": "Après"}

    answers = [anna.post(url(session), form).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert session.history.count() == 2


def test_what_the_form_does_not_hold_is_no_conflict(anna: Client, bruno: Client) -> None:
    session = make.session(title="Avant", status="draft")
    his = opened(bruno, url(session))
    publish([session], make.user())

    assert bruno.post(url(session), his | {"title_fr": "Après"}).status_code == 302
    session.refresh_from_db()
    assert (session.title_fr, session.status) == ("Après", "published")


def test_a_mistake_in_the_form_keeps_the_version_that_it_was_drawn_from(anna: Client, bruno: Client) -> None:
    session = make.session(title="Avant")
    his = opened(bruno, url(session))
    again = sent(bruno.post(url(session), his | {"capacity": "x"}).content, "session_form")
    anna.post(url(session), opened(anna, url(session)) | {"title_fr": "D’Anna"})

    assert bruno.post(url(session), again | {"capacity": 5}).status_code == 409


@pytest.mark.proves("no-lost-edits")
def test_rows_below_the_form_are_kept_apart_too(anna: Client, bruno: Client) -> None:
    session = make.session()
    parts = [make.participation(session=session, note=note) for note in ("un", "deux")]
    hers, his = opened(anna, url(session)), opened(bruno, url(session))

    assert anna.post(url(session), hers | {"participations-0-note": "d’Anna"}).status_code == 302
    answer = bruno.post(url(session), his | {"participations-1-note": "de Bruno"})

    assert answer.status_code == 409
    assert [(one.before, one.now, one.mine) for one in answer.context["conflict"].differences] == [("un", "d’Anna", "")]
    assert bruno.post(url(session), sent(answer.content, "session_form")).status_code == 302
    assert set(Participation.objects.filter(pk__in=[part.pk for part in parts]).values_list("note", flat=True)) == {
        "d’Anna",
        "de Bruno",
    }


def test_a_row_that_somebody_deleted_is_told_and_no_crash(anna: Client, bruno: Client) -> None:
    session = make.session()
    make.participation(session=session, note="un")
    hers, his = opened(anna, url(session)), opened(bruno, url(session))
    anna.post(url(session), hers | {"participations-0-DELETE": "on"})

    answer = bruno.post(url(session), his | {"title_fr": "Après"})

    assert answer.status_code == 409
    assert "<b>supprimé</b>" in answer.content.decode()
    assert (
        bruno.post(url(session), sent(answer.content, "session_form") | {"participations-0-DELETE": "on"}).status_code
        == 302
    )
    session.refresh_from_db()
    assert session.title_fr == "Après"


def test_a_row_that_somebody_added_stays(anna: Client, bruno: Client) -> None:
    session, speaker = make.session(), make.speaker()
    hers, his = opened(anna, url(session)), opened(bruno, url(session))
    row = {"participations-0-speaker": speaker.pk, "participations-0-role": "speaker", "participations-0-position": 0}
    row |= {"participations-0-session": session.pk, "participations-TOTAL_FORMS": 1}
    assert anna.post(url(session), hers | row).status_code == 302

    assert bruno.post(url(session), his | {"title_fr": "Après"}).status_code == 302
    assert Participation.objects.get().speaker == speaker


def test_every_record_is_kept_so(anna: Client, bruno: Client) -> None:
    person, room = make.attendee("Ada"), make.room(allows_several_sessions=True, capacity=7)
    session, cohort = make.session(seats=10), make.cohort()
    pool = pools.allot(session, cohort, 2)
    cases: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        (
            f"/admin/accounts/attendee/{person.pk}/change/",
            "attendee_form",
            {"name": "D’Anna"},
            {"organisation": "Cnam"},
        ),
        (f"/admin/venues/room/{room.pk}/change/", "room_form", {"capacity": 8}, {"name_fr": "Nef"}),
        (
            f"/admin/registrations/cohort/{cohort.pk}/change/",
            "cohort_form",
            {"allotments-0-seats": 4},
            {"name_fr": "Promo"},
        ),
        (f"/admin/registrations/seatpool/{pool.pk}/change/", "seatpool_form", {"seats": 5}, {"source": "fichier"}),
    ]
    for address, part, by_her, by_him in cases:
        hers, his = opened(anna, address, part), opened(bruno, address, part)
        assert anna.post(address, hers | by_her).status_code == 302, address
        answer = bruno.post(address, his | by_him)
        assert answer.status_code == 409, address
        assert bruno.post(address, sent(answer.content, part)).status_code == 302, address
    person.refresh_from_db()
    room.refresh_from_db()
    assert (person.name, person.organisation, room.capacity, room.name) == ("D’Anna", "Cnam", 8, "Nef")
    assert room.allows_several_sessions
    assert (SeatPool.objects.get(pk=pool.pk).seats, SeatPool.objects.get(pk=pool.pk).source) == (5, "fichier")


def test_what_the_history_leaves_out_is_not_overwritten_unseen_either(anna: Client, bruno: Client) -> None:
    sign_in = SignIn.objects.create(institution=make.institution(), domains="x.fr", server_url="https://x.fr")
    address = f"/admin/partners/signin/{sign_in.pk}/change/"
    hers, his = opened(anna, address, "signin_form"), opened(bruno, address, "signin_form")

    assert anna.post(address, hers | {"secret": "Sésame", "client_id": "a"}).status_code == 302
    assert bruno.post(address, his | {"domains": "y.fr"}).status_code == 409
    sign_in.refresh_from_db()
    assert (sign_in.secret, sign_in.domains) == ("Sésame", "x.fr")


@pytest.mark.parametrize("drawn", ["", "0", "x", "-", "99999999999999999999", "1-2-3-4-5-6", "²-³", "\x00"])
def test_a_forged_version_changes_nothing_about_the_rules(anna: Client, drawn: str) -> None:
    session = make.session()
    make.participation(session=session)

    answer = anna.post(
        url(session), opened(anna, url(session)) | {"_version": drawn, "title_fr": "Après", "capacity": 0}
    )

    assert answer.status_code in (200, 400)
    assert "<script>" not in answer.content.decode()


def test_who_may_only_look_saves_nothing(client: Client, anna: Client) -> None:
    session, form = make.session(title="Avant"), opened(anna, url(make.session()))

    assert (
        make.sign_in(client, make.user(is_staff=True)).post(url(session), form | {"title_fr": "Après"}).status_code
        == 403
    )


@pytest.mark.proves("no-lost-edits")
@pytest.mark.django_db(transaction=True)
def test_two_who_save_at_the_same_instant_take_turns() -> None:
    session = make.session(title="Avant")
    clients = [make.sign_in(Client(), make.organiser(name)) for name in ("Anna", "Bruno", "Chloé", "David")]
    forms = [opened(client, url(session)) | {"title_fr": f"Titre {n}"} for n, client in enumerate(clients)]

    answers = all_at_once(
        [partial(client.post, url(session), form) for client, form in zip(clients, forms, strict=True)]
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409, 409, 409]
    assert session.history.count() == 2
