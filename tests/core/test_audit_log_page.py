"""One page says who did what, over all apps."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.domain import access_needs, sign_in_log
from core import audit_log
from core.admin.audit_log import Cursor
from core.erasure import Why, erase
from core.models import AuditLogEntry
from programme.models import Session, Track
from registrations.domain import booking
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.proves("audit-log")]

PAGE = "/en/admin/core/auditlogentry/"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def owner(client: Client) -> Any:
    who = make.organiser(email="olga@x.fr")
    make.sign_in(client, who)
    return who


def lines(client: Client, **asked: Any) -> list[Any]:
    response = client.get(PAGE, asked)
    assert response.status_code == 200
    assert not response.context["form"].errors
    return response.context["lines"]


def test_a_change_of_any_app_is_said_in_words(client: Client, owner: Any) -> None:
    session = make.session(capacity=40)
    session._history_user = owner
    session.capacity = 60
    session.save()

    [changed, *_rest] = lines(client, kind="programme.session", act="changed")

    assert (changed.who, changed.what) == (owner, "Changed")
    assert changed.about == f"Session – {session}"
    assert changed.sentences == ["Capacity: 40 → 60"]
    assert changed.link == reverse("admin:programme_session_history", args=[session.pk])


def test_what_is_no_change_stands_among_the_changes(client: Client, owner: Any) -> None:
    ada = make.attendee("Ada Lovelace")
    audit_log.record("exported", Session, actor=owner, role="owner", rows=12, format="csv", fields=["capacity"])
    access_needs.write(ada, "rampe", words="oui", at=timezone.now())
    access_needs.read(ada, reader=owner, at=timezone.now())

    [exported] = lines(client, act="exported")
    [read] = lines(client, act="read")

    assert (exported.who, exported.role, exported.about) == (owner, "an owner", "Session")
    assert exported.sentences == ["rows: 12", "format: csv", "fields: capacity"]
    assert (read.who, read.about) == (owner, "Attendee – Ada Lovelace")
    moments = [line.when for line in lines(client)]
    assert moments == sorted(moments, reverse=True)
    assert {exported.when, read.when} < set(moments)


def test_sign_ins_of_people_with_roles_stand_there_and_no_others(client: Client, owner: Any) -> None:
    ada = make.attendee("Ada Lovelace")
    for who in (owner, ada.user):
        sign_in_log.record(sign_in_log.Kind.SIGNED_IN, who, at=timezone.now(), here=sign_in_log.Where("192.0.2.0"))
        sign_in_log.record(sign_in_log.Kind.WRONG_CODE, who, at=timezone.now(), here=sign_in_log.Where("192.0.2.0"))

    signed_in = lines(client, act="signed_in", words=str(owner.pk), kind="accounts.user")

    assert {(line.who, line.what, line.about) for line in signed_in} == {(owner, "Signed in", f"Account – {owner}")}
    assert "Wrong code from an email" not in [line.what for line in lines(client, person="olga@x.fr")]  # a stranger's
    assert lines(client, act="signed_in", person="lovelace") == []


def test_people_are_found_by_name_and_address_in_what_they_did_and_what_was_done_to_them(
    client: Client, owner: Any
) -> None:
    ada, alan = make.attendee("Ada Lovelace", email="ada@x.fr"), make.attendee("Alan Turing")
    session = make.session()
    make.registration(session, ada)
    make.registration(session, alan)
    track = make.session().track
    track._history_user = ada.user
    track.save()
    audit_log.record("downloaded", ada.user, actor=owner, role="owner")
    audit_log.record("exported", Track, actor=ada.user, role="organiser")

    found = lines(client, person="lovelace")

    about = {line.about.partition(" – ")[0] for line in found}
    assert {"Account", "Attendee", "Registration", "Track"} <= about
    assert not any("Turing" in line.about for line in found)
    assert {line.when for line in found} == {line.when for line in lines(client, person="ada@x.fr")}
    assert [line.what for line in lines(client, person="ada@x.fr", act="downloaded")] == ["Downloaded"]
    assert [line.what for line in lines(client, person="ada@x.fr", act="exported")] == ["Exported"]
    assert lines(client, person="nobody of that name") == []


def test_objects_are_found_by_name_and_number(client: Client, owner: Any) -> None:
    here = make.session(title_fr="Éthique", title_en="Ethics")
    make.session(title_fr="Climat")
    make.speaker(name="Ethics, again")
    audit_log.record("exported", here, actor=owner)

    by_name = lines(client, kind="programme.session", words="ethique")
    by_number = lines(client, kind="programme.session", words=str(here.pk))
    of_all_kinds = lines(client, words="ethics")

    assert {line.about for line in by_name} == {"Session – Ethics"} == {line.about for line in by_number}
    assert "Exported" in [line.what for line in by_name]
    assert {"Session – Ethics", "Speaker – Ethics, again"} <= {line.about for line in of_all_kinds}
    assert all("Ethics" in line.about for line in of_all_kinds)
    assert lines(client, kind="programme.track", words="ethique") == []


def test_a_day_is_that_of_the_readers_clock(client: Client, owner: Any) -> None:
    AuditLogEntry.objects.create(at=datetime(2026, 11, 27, 22, 59, tzinfo=UTC), act="exported")
    AuditLogEntry.objects.create(at=datetime(2026, 11, 27, 23, 1, tzinfo=UTC), act="imported")

    assert [line.what for line in lines(client, day="2026-11-27")] == ["Exported"]
    assert [line.what for line in lines(client, day="2026-11-28")] == ["Imported"]
    assert client.get(PAGE, {"day": "yesterday"}).context["form"].errors


def test_pages_hold_each_line_once_whatever_came_at_one_moment(client: Client, owner: Any) -> None:
    for number in range(70):
        AuditLogEntry.objects.create(at=NOON, act="exported", facts={"rows": number})
    session = make.session()
    history = Session.history.model
    history.objects.all().update(history_date=NOON)
    for _again in range(60):
        session._history_date = NOON
        session.save()

    seen, address = [], f"{PAGE}?day=2026-11-27"
    while address:
        response = client.get(address)
        assert len(response.context["lines"]) <= 50
        seen += [(line.about, str(line.facts), line.what) for line in response.context["lines"]]
        older = response.context["older"]
        address = f"{PAGE}{older}" if older else ""

    entries = [facts for about, facts, _what in seen if not about]
    assert sorted(entries) == sorted(str([("rows", str(number))]) for number in range(70))
    assert len(seen) - len(entries) == history.objects.filter(history_date=NOON).count() >= 61


@pytest.mark.parametrize(
    "text", ["", "x", "~~", "2026-11-27T12:00:00~a~1", f"{NOON.isoformat()}~a~x", "0001-01-01~a~1"]
)
def test_a_page_that_is_none_is_the_first(client: Client, owner: Any, text: str) -> None:
    assert Cursor.read(text) is None
    assert lines(client, before=text)


def test_a_page_costs_the_same_for_few_lines_and_for_many(
    client: Client, owner: Any, django_assert_num_queries: Any
) -> None:
    session = make.session()

    def more() -> None:
        session.capacity += 1
        session.save()
        make.registration(session)
        audit_log.record("exported", session, actor=owner)

    more()
    client.get(PAGE)
    with django_assert_num_queries(30):
        few = client.get(PAGE).context["lines"]
    for _again in range(4):
        more()
    with django_assert_num_queries(30):
        many = client.get(PAGE).context["lines"]
    assert len(few) + 16 <= len(many) < 50


def test_the_file_is_the_page_and_an_entry_itself(client: Client, owner: Any) -> None:
    track = make.session().track
    track._history_user = owner
    track.name_fr = track.name_en = "=cmd()"
    track.save()

    response = client.get(f"{PAGE}export/", {"kind": "programme.track"})

    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["What"] for row in rows] == ["Changed", "Added"]
    assert rows[0]["Who"] == "olga@x.fr"
    assert rows[0]["About"].startswith("Track – =cmd()")
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
    entry = AuditLogEntry.objects.get()
    assert (entry.act, entry.actor, entry.role, entry.model) == ("exported", owner.pk, "owner", "core.auditlogentry")
    assert entry.facts == {"rows": 2, "format": "csv", "filters": ["kind"]}
    assert entry.request == response["X-Request-ID"]


def test_the_erased_have_no_name_on_it(client: Client, owner: Any) -> None:
    ada = make.attendee("Ada Lovelace", email="ada@x.fr")
    ada.user.is_staff = True
    ada.user.save()
    session = make.session()
    make.registration(session, ada)
    booking.cancel(session, ada, actor=ada.user)
    session._history_user = ada.user
    session.save()
    audit_log.record("exported", session, actor=ada.user, role="organiser")
    audit_log.record("downloaded", ada.user, actor=owner, role="owner")
    number = ada.user.pk

    erase([number], why=Why.BY_ORGANISERS, at=timezone.now())

    page = client.get(PAGE).content.decode()
    assert "Lovelace" not in page
    assert "ada@x.fr" not in page
    [exported] = lines(client, act="exported")
    assert str(exported.who) == "an organiser"
    [downloaded] = lines(client, act="downloaded")
    assert downloaded.about == f"Account – {number}"


def test_what_is_not_in_the_code_any_more_is_told_as_it_was_written(client: Client, owner: Any) -> None:
    AuditLogEntry.objects.create(at=timezone.now(), act="gone", model="old.thing", key="12", facts={"what": 1})

    line = lines(client)[0]

    assert (line.what, line.about, line.sentences) == ("Gone", "old.thing – 12", ["what: 1"])


def test_only_who_has_the_right_reads_it(client: Client) -> None:
    organiser = make.user("org@x.fr", is_staff=True)
    make.sign_in(client, organiser)
    for page in (PAGE, f"{PAGE}export/"):
        assert client.get(page).status_code == 403
    assert not AuditLogEntry.objects.exists()

    organiser.user_permissions.add(Permission.objects.get(codename="view_auditlogentry"))

    assert client.get(PAGE).status_code == 200
    assert lines(client)[0].link == ""  # of what they may not see


def test_an_object_shows_its_part(client: Client, owner: Any) -> None:
    session, other = make.session(), make.session()
    audit_log.record("exported", session, actor=owner, role="owner", rows=3)
    audit_log.record("exported", other, actor=owner, rows=99)

    page = client.get(reverse("admin:programme_session_history", args=[session.pk]))

    said = [(line.what, line.sentences) for line in page.context["lines"]]
    assert ("Export", ["lignes: 3"]) in said
    assert "99" not in str(said)


@pytest.mark.parametrize("language", ["", "/en"])
@pytest.mark.parametrize(
    "query",
    [
        *(
            "",
            "?person=%25_%5C'\"",
            "?person=" + "a" * 10_000,
            "?kind=no.model",
            "?act=x",
            "?words=99999999999999999999",
        ),
        *("?words=%EF%BF%BE%ED%A0%80&kind=programme.session", "?day=0001-01-01", "?day=9999-12-31", "?day=31/02/2027"),
        *("?before=9999-12-31T23:59:59%2B00:00~a~1", "?before=2026-01-01T00:00:00%2B00:00~~99999999999999999999"),
    ],
)
def test_whatever_is_asked_has_an_answer(client: Client, owner: Any, query: str, language: str) -> None:
    make.registration()
    for page in ("", "export/"):
        response = client.get(f"{language}/admin/core/auditlogentry/{page}{query}")
        assert response.status_code == 200
        assert not re.search(r"""<[^>]+\s(style|on\w+)=|<style|<script>""", response.content.decode())


def test_nothing_that_has_happened_is_said(client: Client, owner: Any) -> None:
    page = client.get(PAGE, {"person": "nobody"}).content.decode()

    assert "Nothing found." in page
