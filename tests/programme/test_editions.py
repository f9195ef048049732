"""Editions: which one stands where, what may be seen of it, and what becomes of its seats (docs/rules.md#editions)."""

import re
import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone, translation

from allocations.domain import allocation as allocating
from core.identity import Nameless, current_identity
from notices.domain import inviting, reminders
from notices.models import Reminder
from outbox.domain.delivery import deliver_due
from programme.domain import accents, editions
from programme.models import Edition, Event, Session
from registrations.domain import booking, pools, waitlist
from registrations.domain.invariants import check
from registrations.domain.ways_in import SeatRefused
from registrations.models import Registration, SeatPool
from tests import make

pytestmark = pytest.mark.django_db
State = Edition.State
pages = pytest.mark.runs_once("pages, whose queries other tests ask of both databases")


@pytest.fixture
def paris() -> Edition:
    return make.current_edition()


@pytest.fixture
def lyon() -> Edition:
    """An archived edition with a session, a speaker and a day."""
    lyon = make.edition(
        slug="lyon", name="Lyon", state=State.ARCHIVED, starts_on=date(2025, 2, 3), ends_on=date(2025, 2, 4)
    )
    session_of(lyon, slug="ancienne", title="Ancienne", starts_at=timezone.now() - timedelta(days=600))
    return lyon


def session_of(edition: Edition, **fields: Any) -> Session:
    session = make.session(event=make.event(edition=edition, slug=f"event-of-{edition.slug}"), **fields)
    make.day(session.day, edition=edition)
    make.participation(session=session, speaker=make.speaker(slug=f"orateur-{edition.slug}"))
    return session


def page_of(address: str, **headers: Any) -> str:
    answer = Client().get(address, **headers)
    assert answer.status_code == 200, address
    return " ".join(answer.content.decode().split())


def links(page: str) -> set[str]:
    main = page[page.index("<main") : page.index("</main>")]
    return set(re.findall(r'href="(/[^"#?]*)', main))


# --- Which one is current ---------------------------------------------------------------------------------------------


@pages
def test_a_fresh_installation_has_none_and_says_so() -> None:
    for address in ("/", "/programme/", "/speakers/", "/editions/", "/venues/", "/en/"):
        page = page_of(address)
        assert "Summit</a>" in page
    assert "Rien n’est encore annoncé" in page_of("/")
    assert "Aucune édition n’est encore annoncée" in page_of("/editions/")
    assert current_identity() == Nameless()


@pytest.mark.proves("edition-current")
def test_two_are_never_current(paris: Edition) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make.edition(state=State.OPEN, is_current=True)
    with pytest.raises(IntegrityError), transaction.atomic():  # nor one that nobody may see
        Edition.objects.filter(pk=paris.pk).update(state=State.PREPARATION)


def test_the_first_that_is_opened_becomes_current_and_no_other() -> None:
    first, second = make.edition(), make.edition()

    assert editions.open_edition(first, actor=None) and editions.open_edition(second, actor=None)
    assert not editions.open_edition(second, actor=None)

    assert editions.current() == first
    assert Edition.objects.get(pk=second.pk).state == State.OPEN


@pytest.mark.proves("edition-current")
def test_another_takes_its_place_and_the_old_one_can_be_read(paris: Edition) -> None:
    old = session_of(paris, slug="seance", starts_at=timezone.now() - timedelta(days=3))
    new = make.edition(slug="kigali", state=State.OPEN, name="Kigali")
    coming = session_of(new, slug="a-venir")
    actor = make.organiser()

    assert editions.make_current(new, actor=actor)
    assert not editions.make_current(new, actor=actor)

    assert "Kigali" in page_of("/") and "/editions/summit/" in page_of("/")
    assert Client().get("/sessions/seance/").url == "/editions/summit/sessions/seance/"
    assert Client().get("/editions/kigali/programme/?day=2026-01-01").url == "/programme/?day=2026-01-01"
    assert page_of(f"/editions/summit/sessions/{old.slug}/")
    assert not make.pool(coming).closed and make.pool(old).closed
    assert Edition.history.filter(history_user=actor).count() == 2
    assert not check(timezone.now())["breaches"]


def test_one_in_preparation_cannot_take_the_place(paris: Edition) -> None:
    with pytest.raises(ValidationError, match="en préparation"):
        editions.make_current(make.edition(), actor=None)
    with pytest.raises(ValidationError, match="en préparation"):
        editions.archive(make.edition(), actor=None)
    assert editions.current() == paris


def test_an_open_one_can_be_hidden_again_unless_it_is_current(paris: Edition, lyon: Edition) -> None:
    other = make.edition(state=State.OPEN)

    assert editions.take_back(other, actor=None) and not editions.take_back(other, actor=None)
    for shown in (paris, lyon):
        with pytest.raises(ValidationError):
            editions.take_back(shown, actor=None)


# --- Addresses --------------------------------------------------------------------------------------------------------


@pages
@pytest.mark.proves("edition-current")
def test_nothing_of_one_in_preparation_can_be_seen(paris: Edition) -> None:
    hidden = make.edition(slug="2028")
    session = session_of(hidden, slug="secrete")
    cohort = make.cohort(edition=hidden)
    pools.allot(session, cohort, 3)

    for path in (
        "/editions/2028/",
        "/editions/2028/programme/",
        "/editions/2028/speakers/",
        "/editions/2028/sessions/secrete/",
        "/sessions/secrete/",
        "/sessions/secrete/seat/",
        "/events/event-of-2028/",
        "/speakers/orateur-2028/",
        "/editions/2028/speakers/orateur-2028/",
    ):
        assert Client().get(path).status_code == 404, path
    ada = make.sign_in(Client(), make.attendee())
    for headers in ({}, {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "seat-box"}):
        for act in ("register", "accept", "cancel", "party"):
            assert ada.post(f"/sessions/secrete/{act}/", {"reason": "…"}, **headers).status_code == 404, act
    for path in ("/", "/editions/", "/programme/", "/speakers/"):
        assert "2028" not in links(page_of(path)), path
        assert "secrete" not in page_of(path) and "orateur-2028" not in page_of(path)
    assert make.pool(session).closed

    editions.open_edition(hidden, actor=None)

    assert page_of("/editions/2028/sessions/secrete/")


@pages
@pytest.mark.proves("edition-archived")
def test_an_archived_one_is_read_below_its_own_address(paris: Edition, lyon: Edition) -> None:
    here = {
        "/editions/lyon/",
        "/editions/lyon/programme/",
        "/editions/lyon/speakers/",
        "/editions/lyon/sessions/ancienne/",
        "/editions/lyon/speakers/orateur-lyon/",
        "/editions/lyon/events/event-of-lyon/",
    }
    for address in here:
        page = page_of(address)
        assert "Cette édition est terminée." in page and "/seats/?" not in page
        outside = {link for link in links(page) if not link.startswith(("/editions/lyon/", "/venues/"))}
        assert outside <= {"/", "/editions/"}, (address, outside)
        assert page_of(f"/en{address}")
    assert links(page_of("/editions/lyon/programme/")) >= {"/editions/lyon/sessions/ancienne/"}
    assert "Ancienne" not in page_of("/programme/") and "orateur-lyon" not in page_of("/speakers/")
    assert "/editions/lyon/" in page_of("/") and "/editions/lyon/" in page_of("/editions/")


@pages
@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/sessions/ancienne/", "/editions/lyon/sessions/ancienne/"),
        ("/events/event-of-lyon/", "/editions/lyon/events/event-of-lyon/"),
        ("/speakers/orateur-lyon/", "/editions/lyon/speakers/orateur-lyon/"),
        ("/editions/autre/sessions/ancienne/", "/editions/lyon/sessions/ancienne/"),
        ("/editions/summit/", "/"),
        ("/editions/summit/speakers/", "/speakers/"),
        ("/editions/lugdunum/", "/editions/lyon/"),
        ("/editions/lugdunum/sessions/ancienne/", "/editions/lyon/sessions/ancienne/"),
        ("/en/sessions/ancienne/", "/en/editions/lyon/sessions/ancienne/"),
        ("/editions/lyon/sessions/plus-ancienne/", "/editions/lyon/sessions/ancienne/"),
        ("/sessions/plus-ancienne/", "/sessions/ancienne/"),
    ],
)
@pytest.mark.proves("edition-archived")
def test_each_page_has_one_address_and_the_others_lead_there(
    paris: Edition, lyon: Edition, asked: str, leads_to: str
) -> None:
    make.edition(slug="autre", state=State.ARCHIVED)
    for row, was in ((lyon, "lugdunum"), (Session.objects.get(slug="ancienne"), "plus-ancienne")):
        now = row.slug
        row.slug = was
        row.save()
        row.slug = now
        row.save()

    assert Client().get(asked).url == leads_to


@pages
def test_unknown_editions_and_those_kept_elsewhere_have_no_pages(paris: Edition) -> None:
    make.edition(slug="seoul", name="Séoul", state=State.ARCHIVED, link="https://seoul.example.org/")

    for path in ("/editions/nulle/", "/editions/seoul/", "/editions/seoul/programme/", "/editions/" + "x" * 300 + "/"):
        assert Client().get(path).status_code == 404
    for path in ("/", "/editions/"):
        assert 'href="https://seoul.example.org/" rel="external"' in page_of(path)


@pages
def test_a_cache_that_knows_the_old_current_one_makes_no_loop(paris: Edition, settings: Any) -> None:
    session = session_of(paris, slug="seance", starts_at=timezone.now() - timedelta(days=3))
    new = make.edition(slug="nouvelle", state=State.OPEN)
    coming = session_of(new, slug="a-venir")
    settings.PUBLIC_CACHE_SECONDS = 60
    assert editions.shown() == paris
    Edition.objects.filter(pk=paris.pk).update(is_current=False)  # as by another process
    Edition.objects.filter(pk=new.pk).update(is_current=True)

    for slug in (session.slug, coming.slug):
        assert Client().get(f"/sessions/{slug}/", follow=True).status_code == 200
    assert Client().get("/editions/nouvelle/", follow=True).status_code == 200


@pages
def test_who_spoke_in_several_has_a_page_in_each(paris: Edition, lyon: Edition) -> None:
    ada = make.speaker(slug="ada", name="Ada")
    make.participation(session=session_of(paris, title="Maintenant", slug="maintenant"), speaker=ada)
    make.participation(session=Session.objects.get(slug="ancienne"), speaker=ada)

    now, then = page_of("/speakers/ada/"), page_of("/editions/lyon/speakers/ada/")

    assert "Maintenant" in now and "Ancienne" not in now and "/editions/lyon/speakers/ada/" in links(now)
    assert "Ancienne" in then and "Maintenant" not in then and "/speakers/ada/" in links(then)


@pages
@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/", 8),
        ("/editions/", 2),
        ("/editions/lyon/", 10),
        ("/editions/lyon/programme/", 9),
        ("/editions/lyon/speakers/", 2),
        ("/editions/lyon/sessions/ancienne/", 3),
        ("/editions/lyon/speakers/orateur-lyon/", 3),
        ("/editions/lyon/events/event-of-lyon/", 4),
    ],
)
def test_a_page_takes_the_same_queries_however_many_editions(
    paris: Edition, lyon: Edition, path: str, number: int, django_assert_num_queries: Any
) -> None:
    for n in range(5):
        session_of(make.edition(slug=f"e{n}", state=State.ARCHIVED), starts_at=timezone.now() - timedelta(days=900))

    with django_assert_num_queries(number):
        page_of(path)


@pages
def test_a_link_hides_no_programme_that_is_here(paris: Edition, lyon: Edition) -> None:
    Edition.objects.filter(pk=lyon.pk).update(link="https://lyon.example.org/")

    for path in ("/editions/lyon/", "/sessions/ancienne/", "/speakers/orateur-lyon/"):
        assert Client().get(path, follow=True).status_code == 200, path
    assert "lyon.example.org" not in page_of("/editions/")


def test_of_two_that_become_current_at_once_one_is_refused(paris: Edition, monkeypatch: Any) -> None:
    one, other = make.edition(state=State.OPEN), make.edition(state=State.OPEN)

    def slow() -> Edition:
        monkeypatch.undo()
        editions.make_current(one, actor=None)  # as another process does meanwhile
        return paris

    monkeypatch.setattr(editions, "current", slow)
    with pytest.raises(ValidationError, match="vient de devenir"):
        editions.make_current(other, actor=None)
    assert editions.current() != other


# --- Seats ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("edition-archived")
@pytest.mark.parametrize("state", [State.PREPARATION, State.OPEN, State.ARCHIVED])
def test_only_the_current_edition_takes_seats(paris: Edition, state: str) -> None:
    session = session_of(make.edition(state=state), access=Session.Access.REGISTRATION)

    with pytest.raises(SeatRefused) as refused:
        make.registration(session)

    assert refused.value.code == "closed"
    assert make.pool(session).closed and not Registration.objects.exists()
    with pytest.raises(SeatRefused):  # not for organisers either
        booking.register(booking.Ask(session, make.attendee(), actor=make.organiser(), let_in=True))


@pytest.mark.proves("edition-archived")
def test_archiving_is_refused_while_seats_are_to_come_and_says_whose(paris: Edition) -> None:
    session = session_of(paris, title="Plénière")
    for n in range(5):
        make.registration(session, make.attendee(name=f"Personne {n}"))

    with pytest.raises(ValidationError) as refused:
        editions.archive(paris, actor=None)

    sentence = refused.value.messages[0]
    assert (
        "5 inscriptions" in sentence and "Personne 0" in sentence and "Plénière" in sentence and "2 autres" in sentence
    )
    assert Edition.objects.get().state == State.OPEN and not make.pool(session).closed
    other = make.edition(state=State.OPEN)
    with pytest.raises(ValidationError):
        editions.make_current(other, actor=None)

    assert editions.archive(paris, actor=None, at=session.ends_at + timedelta(seconds=1))
    assert not editions.archive(paris, actor=None)

    assert make.pool(session).closed and Edition.objects.get(pk=paris.pk).get_absolute_url() == "/"
    assert "Cette édition est terminée." in page_of("/")
    assert not check(timezone.now())["breaches"]


@pytest.mark.parametrize("status", ["waiting", "pending"])
def test_who_waits_or_asks_stands_in_the_way_too(paris: Edition, status: str) -> None:
    access = Session.Access.APPROVAL if status == "pending" else Session.Access.REGISTRATION
    session = session_of(paris, seats=1, access=access)
    if status == "waiting":
        first = make.registration(session)
    make.registration(session, make.attendee(name="Zoé"), reason="…", waits=True)
    if status == "waiting":
        Registration.objects.filter(pk=first.pk).update(status="cancelled", pool=None)
        SeatPool.objects.update(taken=0)

    with pytest.raises(ValidationError, match="Zoé"):
        editions.archive(paris, actor=None)


def test_who_has_wishes_stands_in_the_way_too(paris: Edition) -> None:
    session = session_of(paris)
    given = make.allocation(session)
    allocating.express(given, make.attendee(), [session])

    with pytest.raises(ValidationError, match=given.title):
        editions.archive(paris, actor=None)
    assert given.title in page_of("/")
    assert editions.archive(paris, actor=None, at=session.ends_at)
    assert given.title not in page_of("/")


@pytest.mark.parametrize("state", [State.PREPARATION, State.ARCHIVED])
def test_nobody_is_invited_reminded_or_drawn_in_another_edition(paris: Edition, state: str) -> None:
    now = timezone.now()
    session = session_of(
        make.edition(state=state),
        access=Session.Access.INVITATION,
        waiting_list=Session.WaitingList.DRAW,
        draw_at=now - timedelta(hours=1),
    )
    cohort = make.cohort(edition=session.event.edition)
    make.membership(cohort)
    invitation = make.invitation(session)

    assert inviting.invite_by_name([invitation]) == 0 and inviting.invite_members(cohort) == 0
    assert not inviting.is_open(invitation, now)
    make.reminder(session)
    assert not Reminder.objects.exists()
    assert waitlist.draw_due(now) == 0


def test_a_reminder_that_waits_is_not_sent_after_the_archiving(paris: Edition) -> None:
    make.reminder(session_of(paris))
    due = Reminder.objects.select_related("rule", "session__event__edition", "session__room__venue").get()
    assert reminders.is_current(due)
    editions.archive(paris, actor=None)

    due = Reminder.objects.select_related("rule", "session__event__edition", "session__room__venue").get()
    assert not reminders.is_current(due)


@pages
def test_the_page_of_a_seat_is_that_of_its_edition(paris: Edition, lyon: Edition) -> None:
    page = page_of("/sessions/ancienne/seat/")

    assert "Lyon</a>" in page and "Cette édition est terminée." in page


def test_opened_again_it_takes_seats_but_not_in_drafts_and_cancelled_sessions(paris: Edition) -> None:
    session, draft, cancelled = (make.session(event=make.event(edition=paris)) for _n in range(3))
    Session.objects.filter(pk=draft.pk).update(status="draft")
    Session.objects.filter(pk=cancelled.pk).update(status="cancelled")
    SeatPool.objects.filter(session=cancelled).update(closed=True)
    editions.archive(paris, actor=None)
    assert all(pool.closed for pool in SeatPool.objects.all())

    editions.open_edition(paris, actor=None)

    assert [make.pool(each).closed for each in (session, draft, cancelled)] == [False, True, True]
    assert not check(timezone.now())["breaches"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(6)
@pytest.mark.proves("edition-archived")
def test_nobody_slips_into_an_edition_while_it_is_archived() -> None:
    """Whoever comes first wins: either the seat is there and archiving is refused, or the other way round."""
    for _round in range(8):
        edition = make.current_edition()
        session = make.session(event=make.event(edition=edition))
        people = [make.attendee() for _n in range(3)]
        start = threading.Barrier(4)
        done: list[str] = []

        def take(who: Any, session: Session = session, start: Any = start, done: Any = done) -> None:
            start.wait()
            try:
                make.registration(session, who)
                done.append("seat")
            except SeatRefused:
                done.append("refused")
            finally:
                connection.close()

        def close(edition: Edition = edition, start: Any = start, done: Any = done) -> None:
            start.wait()
            try:
                editions.archive(edition, actor=None)
                done.append("archived")
            except ValidationError:
                done.append("kept")
            finally:
                connection.close()

        threads = [threading.Thread(target=take, args=(who,)) for who in people] + [threading.Thread(target=close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(done) == 4
        archived = Edition.objects.get(pk=edition.pk).state == State.ARCHIVED
        assert archived == ("archived" in done)
        assert not (archived and Registration.objects.filter(session=session).exists())
        assert not check(timezone.now())["breaches"]
        Registration.objects.all().delete()
        SeatPool.objects.update(taken=0)
        Edition.objects.filter(pk=edition.pk).update(state=State.ARCHIVED)
        editions.open_edition(Edition.objects.get(pk=edition.pk), actor=None)


def test_what_belongs_together_is_of_one_edition(paris: Edition, lyon: Edition) -> None:
    session = session_of(paris)
    session.track = make.track(edition=lyon)
    with pytest.raises(ValidationError) as refused:
        session.clean()
    assert "track" in refused.value.message_dict
    session.event = lyon.events.get()
    with pytest.raises(ValidationError) as refused:
        session.clean()
    assert "event" in refused.value.message_dict
    event = Event.objects.get(pk=session_of(make.edition(slug="e")).event_id)
    event.edition = lyon
    with pytest.raises(ValidationError) as refused:
        event.clean()
    assert "edition" in refused.value.message_dict
    with pytest.raises(ValidationError, match="autre édition"):
        pools.allot(Session.objects.get(pk=session.pk), make.cohort(edition=lyon), 2)


def test_the_audit_finds_what_is_of_two_editions(paris: Edition, lyon: Edition) -> None:
    session = session_of(paris)
    Session.objects.filter(pk=session.pk).update(track=make.track(edition=lyon))
    SeatPool.objects.create(session=session, cohort=make.cohort(edition=lyon), seats=0)
    SeatPool.objects.filter(session__slug="ancienne").update(closed=False)

    rules = {breach["rule"] for breach in check(timezone.now())["breaches"]}

    assert rules == {
        "a session and its track are of one edition",
        "seats are kept for cohorts of the same edition",
        "an edition that is not open takes no seats",
    }


# --- Names ------------------------------------------------------------------------------------------------------------


@pages
@pytest.mark.proves("edition-mail")
def test_pages_and_mails_speak_of_their_own_edition(paris: Edition, lyon: Edition, mailoutbox: Any) -> None:
    make.registration(session_of(paris))
    next_one = make.edition(slug="kigali", name_fr="Sommet de Kigali", name_en="Kigali Summit", state=State.OPEN)
    session = session_of(next_one)
    Registration.objects.filter(session__event__edition=paris).update(status="confirmed")
    Session.objects.filter(event__edition=paris).update(
        starts_at=timezone.now() - timedelta(hours=2), ends_at=timezone.now() - timedelta(hours=1)
    )
    editions.make_current(next_one, actor=None)
    make.registration(Session.objects.get(pk=session.pk))

    while deliver_due():
        pass

    texts = [mail.body for mail in mailoutbox]
    assert len(texts) == 2
    assert sum("Sommet pour l’action sur l’IA" in text for text in texts) == 1
    assert sum("Sommet de Kigali" in text for text in texts) == 1
    assert "<title>Accueil · Sommet de Kigali</title>" in page_of("/")
    assert "<title>Home · Kigali Summit</title>" in page_of("/en/")
    assert "· Lyon</title>" in page_of("/editions/lyon/speakers/")


def test_the_name_is_asked_once_a_minute_and_a_change_is_seen_at_once(paris: Edition, settings: Any) -> None:
    settings.PUBLIC_CACHE_SECONDS = 60
    assert current_identity().name == "Sommet pour l’action sur l’IA"
    Edition.objects.update(name_fr="Ailleurs")
    assert current_identity().name == "Sommet pour l’action sur l’IA"

    paris.name_fr = "Nouveau"
    paris.save()

    assert current_identity().name == "Nouveau"
    with translation.override("en"):
        assert current_identity().name == "AI Action Summit"


@pytest.mark.parametrize("accent", ["#1F5B46", "#FFFFFF", "#000000", "#FFEE00", "#777777", "#B0122D"])
def test_any_accent_can_be_read_on_both_papers(accent: str) -> None:
    for name, colours in accents.tokens(accent[1:].lower()).items():
        for colour, paper in zip(colours, accents.PAPERS, strict=True):
            if name in ("accent", "accent-strong"):
                assert accents.contrast(colour, paper) >= 4.5, (name, colour)
    light, dark = accents.tokens(accent[1:].lower())["accent"]
    assert accents.contrast(light, accents.WHITE) >= 4.5 and accents.contrast(dark, accents.NIGHT) >= 4.5


@pages
def test_a_page_asks_for_the_style_sheet_of_its_edition(paris: Edition, lyon: Edition) -> None:
    Edition.objects.filter(pk=lyon.pk).update(accent="#B0122D")

    assert 'href="/accents/b0122d.css"' in page_of("/editions/lyon/") and "/accents/" not in page_of("/")
    answer = Client().get("/accents/b0122d.css")
    assert answer["Content-Type"].startswith("text/css") and "--accent: light-dark(#" in answer.content.decode()
    for wrong in ("b0122", "zzzzzz", "B0122D;x", "b0122d%7D"):
        assert Client().get(f"/accents/{wrong}.css").status_code == 404


@pages
def test_error_pages_ask_nothing_of_the_database(django_assert_num_queries: Any, rf: Any) -> None:
    from summit.errors import bad_request, server_error  # noqa: PLC0415

    with django_assert_num_queries(0):
        assert "Summit</a>" in server_error(rf.get("/")).content.decode()
        assert "Summit</a>" in bad_request(rf.get("/"), ValueError()).content.decode()
