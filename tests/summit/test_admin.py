"""What holds on every page of the administration: it answers, in both languages, at a constant cost, to organisers
alone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts.domain import sign_in_log
from accounts.models import SignInEvent, User
from attendees.models import PrivacyRequest
from core.models import CspReport, LegalHold
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import Heartbeat, Message, SuppressedAddress
from partners.models import SignIn
from programme.models import Day, Session
from registrations.domain import pools
from registrations.models import Registration, SeatPool
from tests import make
from tests.partners import portal

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def a_day(n: int, **fields: Any) -> Day:
    return make.day(f"2027-02-{n + 1:02}", **fields)


def an_objection(number: int) -> PrivacyRequest:
    return PrivacyRequest.objects.create(user=make.attendee().user, text=f"Non {number}")


def a_sign_in(n: int) -> SignInEvent:
    sign_in_log.record(sign_in_log.Kind.WRONG_CODE, make.attendee().user, at=timezone.now())
    return SignInEvent.objects.latest("id")


def a_legal_hold(number: int) -> LegalHold:
    return LegalHold.objects.create(account=number, reason=f"Litige {number}", until="2030-01-01")


def a_message(n: int) -> Message:
    post("test.kind", f"to{n}@example.org", dedupe_key=str(n), language="fr", letter=Letter("Objet", "Texte"))
    return Message.objects.latest("id")


def a_suppressed_address(n: int) -> SuppressedAddress:
    return SuppressedAddress.objects.create(
        address=f"bad{n}@example.org", reason="bounced", words="550", reported_at=datetime(2027, 2, 4, tzinfo=UTC)
    )


def an_allotment(n: int) -> SeatPool:
    return pools.allot(make.session(seats=10 + n), make.cohort(), 5)


def something_blocked(n: int) -> CspReport:
    now = datetime(2027, 2, 4, tzinfo=UTC)
    return CspReport.objects.create(
        directive="img-src", blocked=f"https://h{n}.example", first_seen_at=now, last_seen_at=now
    )


# For each model, one more row, and the queries that its list takes: the same for one row and for three.
ROWS: dict[str, tuple[Callable[[int], Model], int]] = {
    "programme.day": (a_day, 8),
    "programme.edition": (lambda n: make.edition(), 5),
    "programme.event": (lambda n: make.session().event, 9),
    "programme.participation": (lambda n: make.participation(), 7),
    "programme.session": (lambda n: make.participation().session, 10),
    "programme.speaker": (lambda n: make.participation().speaker, 6),
    "programme.track": (lambda n: make.session().track, 6),
    "venues.venue": (lambda n: make.room().venue, 8),
    "venues.room": (lambda n: make.room(), 6),
    "venues.traveltime": (lambda n: make.travel_time(), 5),
    "core.cspreport": (something_blocked, 6),
    "registrations.registration": (lambda n: make.registration(), 10),
    "registrations.seatpool": (an_allotment, 7),
    "registrations.cohort": (lambda n: an_allotment(n).cohort, 7),
    "registrations.membership": (lambda n: make.membership(), 6),
    "registrations.invitation": (lambda n: make.invitation(), 6),
    "allocations.allocation": (lambda n: make.allocation(make.session()), 7),
    "allocations.allocationrun": (lambda n: make.simulation(), 8),
    "notices.reminderrule": (lambda n: make.reminder(), 6),
    "notices.change": (lambda n: make.change(), 8),
    "notices.quietwindow": (lambda n: make.quiet_window(make.event()), 5),
    "notices.announcement": (lambda n: make.announcement(event=make.event()), 9),
    "registrations.institution": (lambda n: make.cohort().institution, 7),
    "partners.invitee": (lambda n: portal.invitee(make.cohort()), 7),
    "partners.signin": (lambda n: SignIn.objects.create(institution=make.institution(), domains="x.fr"), 5),
    "partners.upload": (lambda n: portal.apply(make.cohort(), portal.ADA), 8),
    "accounts.attendee": (lambda n: make.registration().attendee, 6),
    "accounts.signinevent": (a_sign_in, 7),
    "accounts.user": (lambda n: make.attendee().user, 8),
    "attendees.privacyrequest": (an_objection, 7),
    "core.legalhold": (a_legal_hold, 5),
    "auth.group": (lambda n: Group.objects.create(name=f"Groupe {n}"), 5),
    "outbox.message": (a_message, 11),
    "outbox.suppressedaddress": (a_suppressed_address, 5),
}
LABELS = sorted(ROWS)
SHEETS = ["programme.session", "programme.participation", "programme.speaker", "venues.venue", "venues.room"]
PAGES = ["changelist", "add", "change", "history", "delete"]
CLOSED = {
    ("registrations.registration", "delete"),
    ("registrations.seatpool", "delete"),
    ("registrations.membership", "delete"),
    ("allocations.allocationrun", "add"),
    ("allocations.allocationrun", "delete"),
    ("notices.change", "add"),
    ("notices.change", "delete"),
    ("notices.quietwindow", "delete"),
    ("partners.invitee", "add"),
    ("partners.invitee", "delete"),
    ("partners.upload", "add"),
    ("partners.upload", "delete"),
    ("accounts.signinevent", "add"),
    ("accounts.signinevent", "delete"),
    ("attendees.privacyrequest", "add"),
    ("attendees.privacyrequest", "delete"),
    ("outbox.message", "add"),
    ("outbox.message", "delete"),
    ("core.cspreport", "add"),
    ("outbox.suppressedaddress", "add"),
    ("outbox.suppressedaddress", "delete"),
}


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def url(label: str, page: str, obj: Model | None = None) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=[obj.pk] if obj else [])


def test_every_model_of_the_admin_is_tested_here() -> None:
    # These have pages of their own kind: tests/outbox/test_wording.py, tests/core/test_audit_log_page.py.
    apart = {"outbox.mailtemplate", "core.auditlogentry"}
    assert sorted({model._meta.label_lower for model in admin.site._registry} - apart) == LABELS
    assert not admin.site.is_registered(Heartbeat)
    assert not admin.site.is_registered(LogEntry)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("label", LABELS)
def test_every_page_answers_in_both_languages(organiser: Client, label: str, language: str) -> None:
    obj = ROWS[label][0](0)

    with override(language):
        for page in PAGES:
            response = organiser.get(url(label, page, None if page in ("changelist", "add") else obj))
            assert response.status_code == (403 if (label, page) in CLOSED else 200), page
            if response.status_code == 200:
                assert response.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
                assert not re.search(r"""<[^>]+\s(style|on\w+)=|<style|<script>""", response.content.decode()), page
        for page in ["import", "export"] if label in SHEETS else []:
            assert organiser.get(url(label, page)).status_code == 200


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.runs_once("the number of queries is the same on both")
def test_a_list_takes_the_same_queries_for_one_row_and_for_three(
    organiser: Client, label: str, rows: int, django_assert_num_queries: Any
) -> None:
    make_row, queries = ROWS[label]
    for n in range(rows):
        make_row(n)
    organiser.get(url(label, "changelist"))  # content types are kept from here on

    with django_assert_num_queries(queries):
        response = organiser.get(url(label, "changelist"))

    assert response.status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_the_home_takes_the_same_queries_whatever_there_is_to_say(
    organiser: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for n in range(rows):
        make.registration(make.session(seats=1, assumed_fields="start"))
        a_message(n)
    Message.objects.filter(kind="test.kind").update(status="failed", last_error="550")

    with django_assert_num_queries(15):
        page = organiser.get("/admin/")

    figures = [int(number) for number in re.findall(r'<b class="numeral[^"]*">(\d+)</b>', page.content.decode())]
    assert figures == [rows, 0, rows, 0, 2 * rows, rows]  # each session lacks a speaker, and its event those days
    assert f"{rows} à vérifier" in page.content.decode()


def test_the_home_shows_only_figures_that_one_may_see(client: Client) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_message"))

    page = make.sign_in(client, staff).get("/admin/").content.decode()

    assert page.count('class="numeral') == 1
    assert "courriels en échec" in page


@pytest.mark.proves("private-attendance")
@pytest.mark.parametrize(
    "path", ["/admin/", "/en/admin/", "/admin/programme/session/", "/admin/outbox/message/1/change/"]
)
def test_strangers_and_people_without_rights_do_not_come_in(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)
    assert "accounts/login" in answer.request["PATH_INFO"]

    answer = make.sign_in(client, make.attendee()).get(path, follow=True)
    assert "admin" not in answer.request["PATH_INFO"] or answer.status_code == 403


@pytest.mark.parametrize("label", LABELS)
def test_odd_addresses_are_no_crash(organiser: Client, label: str) -> None:
    obj = ROWS[label][0](0)
    list_url = url(label, "changelist")
    odd = [
        "?q=%00",
        "?q=%EF%BF%BE%ED%A0%80",
        "?q=" + "a" * 10_000,
        "?q=%25_%5C'\"",
        "?p=99999999999999999999",
        "?p=-1",
        "?p=x",
        "?o=99.-77.x",
        "?e=1",
        "?nothing=1",
        "?status__exact=nowhere",
        "?to_verify=perhaps",
        "?filling=perhaps",
        "?pk__in=a,b",
        "?id__exact=99999999999999999999",
        "?all=&_facets=True",
        "?_to_field=password",
        "?_popup=1",
    ]

    answers = {query: organiser.get(list_url + query).status_code for query in odd}
    missing = [
        url(label, page, obj).replace(f"/{obj.pk}/", f"/{pk}/")
        for page in ("change", "history", "delete")
        for pk in ("x", 10**20, -5)
    ]

    assert not {query for query, status in answers.items() if status >= 500}
    assert not [path for path in missing if organiser.get(path).status_code >= 500]


@pytest.mark.proves("no-sign-in-mail-shown")
@pytest.mark.parametrize(
    "query",
    [
        "accounts/user/?password__startswith=a",
        "accounts/attendee/?user__password__startswith=a",
        "outbox/message/?text__contains=1",
        "outbox/message/?subject__contains=1",
        "outbox/message/?dedupe_key=a",
        "outbox/message/?context__icontains=1",
    ],
)
def test_what_is_not_shown_cannot_be_guessed_with_filters(organiser: Client, query: str) -> None:
    assert organiser.get(f"/admin/{query}").status_code == 400


def test_hostile_words_are_shown_as_words_everywhere(organiser: Client) -> None:
    room = make.room(name=HOSTILE, venue=make.venue(name=HOSTILE), assumed_fields=HOSTILE)
    session = make.session(
        title=HOSTILE, room=room, event=make.event(title=HOSTILE), track=make.track(name=HOSTILE), source=HOSTILE
    )
    make.participation(session=session, speaker=make.speaker(name=HOSTILE, role=HOSTILE), note=HOSTILE)
    attendee = make.attendee(HOSTILE, organisation=HOSTILE)
    registration = make.registration(session, attendee)
    session.title_fr = HOSTILE + "!"
    session.save()
    objects = [("programme.session", session), ("programme.event", session.event), ("programme.track", session.track)]
    objects += [("venues.room", room), ("venues.venue", room.venue), ("accounts.attendee", attendee)]
    objects += [("registrations.registration", registration), ("programme.speaker", session.speakers.get())]

    for label, obj in objects:
        for page in PAGES:
            if (label, page) not in CLOSED:
                text = organiser.get(url(label, page, None if page in ("changelist", "add") else obj)).content.decode()
                assert "<script>alert" not in text
                assert "<img src=x" not in text
                assert ESCAPED in text or page == "add", (label, page)
    cancel = {"action": "cancel_seats", "_selected_action": registration.pk, "index": "0"}
    assert ESCAPED in organiser.post(url("registrations.registration", "changelist"), cancel).content.decode()


def test_autocomplete_answers_json_and_only_to_those_who_may_see(organiser: Client) -> None:
    session = make.session(title=HOSTILE)
    query = {"app_label": "registrations", "model_name": "registration", "field_name": "session", "term": "script"}

    answer = organiser.get("/admin/autocomplete/", query)

    assert answer.headers["Content-Type"] == "application/json"
    [offered] = answer.json()["results"]
    assert offered["id"] == str(session.pk) and offered["text"].startswith(HOSTILE)
    staff = make.user(is_staff=True)
    assert make.sign_in(organiser, staff).get("/admin/autocomplete/", query).status_code == 403


def test_nobody_has_a_password_to_change(organiser: Client) -> None:
    assert organiser.get("/admin/password_change/").status_code == 404


def test_the_history_tells_who_changed_what_from_what_to_what(organiser: Client) -> None:
    session = make.session(title="Avant", status=Session.Status.DRAFT)
    actor = User.objects.get(is_superuser=True)

    organiser.post(
        url("programme.session", "changelist"),
        {"action": "publish", "_selected_action": session.pk, "index": "0", "confirm": "1"},
    )

    page = organiser.get(url("programme.session", "history", session)).content.decode()
    assert actor.email in page
    assert '<del dir="auto">Brouillon</del>' in page
    assert '<ins dir="auto">Publiée</ins>' in page


def test_the_history_speaks_the_organisers_language_of_times_and_of_nothing(organiser: Client) -> None:
    session = make.session(starts_at=datetime(2031, 2, 3, 8, 30, tzinfo=UTC), minutes=90)
    session.starts_at += timedelta(minutes=30)
    session.save()
    event = make.event(venue=make.venue(name="Grand Palais"))
    event.venue = None
    event.save()
    user = make.user()
    user.is_active = False
    user.save()

    pages = [
        organiser.get(url(label, "history", obj)).content.decode()
        for label, obj in (("programme.session", session), ("programme.event", event), ("accounts.user", user))
    ]

    assert '<del dir="auto">3 février 2031, 9\u00a0h\u00a030</del>' in pages[0]
    assert '<ins dir="auto">3 février 2031, 10\u00a0h\u00a000</ins>' in pages[0]
    assert re.search('<del dir="auto">Grand Palais</del>.*<ins dir="auto">–</ins>', pages[1], re.DOTALL)
    assert re.search('<del dir="auto">oui</del>.*<ins dir="auto">non</ins>', pages[2], re.DOTALL)


def test_an_empty_list_says_what_would_come_there_and_a_search_what_to_do(organiser: Client) -> None:
    page = url("notices.quietwindow", "changelist")
    assert "Ouvrez-en une pour modifier tranquillement" in organiser.get(page).content.decode()
    assert "Personne pour l’instant" in organiser.get(url("partners.invitee", "changelist")).content.decode()
    assert "Rien ici pour l’instant" in organiser.get(url("notices.announcement", "changelist")).content.decode()
    searched = organiser.get(url("partners.invitee", "changelist"), {"q": "nobody"}).content.decode()
    assert "effacez les filtres" in searched and "Personne pour l’instant" not in searched


@pytest.mark.proves("organisers-bound-by-rules")
def test_no_old_version_can_be_brought_back_past_the_rules(organiser: Client) -> None:
    registration = make.registration()
    version = registration.history.get()

    answer = organiser.post(
        f"/admin/registrations/registration/{registration.pk}/history/{version.pk}/", {"_save": "1"}
    )

    assert answer.status_code == 404
    assert Registration.objects.get().status == "confirmed"
