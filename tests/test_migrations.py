"""The migrations run forwards and backwards on both databases, and say what the models say."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from core import folding
from notices.domain import calendar_feeds
from notices.models import CalendarFeed
from outbox.models import Message
from partners.domain.applying import invitation_key
from partners.models import Invitee
from programme.models import Day, Edition, Event, Track
from registrations.domain.invariants import check
from registrations.models import Cohort
from summit import settings as product
from tests import make

EVENT_SEARCH = ("title_fr", "title_en", "slug", "organiser", "city")
OURS = [config.label for config in apps.get_app_configs() if Path(config.path).parent == product.BASE_DIR]


def tables():
    return {
        name for name in connection.introspection.table_names() if name.startswith(tuple(f"{app}_" for app in OURS))
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(30)
def test_every_migration_can_be_taken_back_and_run_again(settings):
    settings.CACHES = product.CACHES  # tests keep its cache in memory; the product's table must come and go too
    before = tables()
    assert before

    # Third-party tables that point at ours go with them: Django walks the whole graph.
    executor = MigrationExecutor(connection)
    executor.migrate([(app, None) for app in OURS])
    assert tables() == set()

    summit_before_editions(MigrationExecutor(connection))
    call_command("migrate", verbosity=0)
    assert tables() == before | {"core_cache"}

    # What was there is the current edition; other summits are editions of their own, unless they have sessions.
    current, *others = Edition.objects.order_by("-is_current", "slug")
    assert (current.slug, current.state, str(current.starts_on), str(current.ends_on)) == (
        "summit",
        "open",
        "2025-02-06",
        "2025-02-11",
    )
    assert (current.name_fr, current.name_en) == ("Sommet pour l’action sur l’IA", "AI Action Summit")
    assert [(other.slug, other.state, other.link, other.search) for other in others] == [
        ("bletchley", "archived", "https://www.example.org/", "sommet de bletchley\nbletchley summit\nbletchley"),
        ("kigali", "open", "", "kigali\nkigali\nkigali"),
        (f"{('kigali' * 10)[:58]}-2", "open", "", f"kigali b\nkigali b\n{('kigali' * 10)[:58]} 2"),
        ("kigali" * 10, "open", "", f"kigali a\nkigali a\n{'kigali' * 10}"),
    ]
    kinds = {"forum": "forum", "seoul": "side_event", "delhi": "side_event"}
    assert dict(Event.objects.values_list("slug", "kind")) == kinds
    for model in (Event, Day, Track, Cohort):
        assert set(model.objects.values_list("edition", flat=True)) == {current.pk}
        assert set(model.history.values_list("edition", flat=True)) <= {current.pk}
    assert not check(timezone.now())["breaches"]


def summit_before_editions(executor: MigrationExecutor) -> None:
    """What an installation held before it knew of editions."""
    targets = [
        ("programme", "0004_places"),
        ("registrations", "0003_by_wishes"),
        ("venues", "0002_search"),
        ("notices", "0003_places"),
    ]
    executor.migrate(targets)
    then = executor.loader.project_state(targets).apps

    def add(app: str, model: str, /, **fields: Any) -> Any:
        return then.get_model(app, model).objects.create(**fields)

    dates = {"starts_on": date(2025, 2, 6), "ends_on": date(2025, 2, 11)}
    for slug, kind, names, source in (
        ("semaine", "umbrella", ("Semaine", "Week"), ""),
        ("forum", "forum", ("Forum", "Forum"), ""),
        ("bletchley", "previous_summit", ("Sommet de Bletchley", "Bletchley Summit"), "https://www.example.org/"),
        ("seoul", "previous_summit", ("Séoul", "Seoul"), "a book"),
        ("kigali", "next_event", ("Kigali", None), "a book"),
        ("kigali" * 10 + "-a", "next_event", ("Kigali A", None), ""),
        ("kigali" * 10 + "-b", "next_event", ("Kigali B", None), ""),
        ("delhi", "next_event", ("Delhi", None), ""),
    ):
        title = {"title": names[0], "title_fr": names[0], "title_en": names[1]}
        add("programme", "Event", slug=slug, kind=kind, city="X", source=source, **title, **dates)
    for day in dates.values():
        add("programme", "Day", date=day, label="J", label_fr="J", label_en="D")
    track = add("programme", "Track", slug="t", name="T", name_fr="T", name_en="T", search="t\nt\nt")
    venue = add("venues", "Venue", slug="v", name="V", city="Paris", country="FR", search="v\nv")
    room = add("venues", "Room", slug="r", name="R", venue=venue, capacity=9, search="r\nr")
    seoul = then.get_model("programme", "Event").objects.get(slug="seoul")
    start = datetime(2025, 2, 6, 9, tzinfo=UTC)
    session = add(
        "programme",
        "Session",
        slug="s",
        title="S",
        title_fr="S",
        title_en="S",
        kind="panel",
        search="s\ns\ns",
        event=seoul,
        track=track,
        room=room,
        capacity=5,
        status="published",
        starts_at=start,
        ends_at=start + timedelta(hours=1),
    )
    add("registrations", "SeatPool", session=session, seats=5)
    folding.fill(then, "programme", {"Day": ("label_fr", "label_en"), "Event": EVENT_SEARCH})
    delhi = then.get_model("programme", "Event").objects.get(slug="delhi")
    add("notices", "Announcement", event=delhi, statuses=[])
    folding.fill(then, "notices", {"Announcement": ("subject_fr", "subject_en", "body_fr", "body_en")})
    institution = add("registrations", "Institution", slug="i", name="I", search="i\ni")
    cohort = {"slug": "c", "name": "C", "name_fr": "C", "name_en": "C", "size": 3, "search": "c\nc\nc"}
    add("registrations", "Cohort", institution=institution, **cohort)


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.proves("derived-keys")
@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(30)
def test_links_that_were_mailed_before_keys_were_derived_go_on_working(settings, client):
    settings.CACHES = product.CACHES
    ada, cohort = make.attendee(email="ada@x.fr"), make.cohort()
    institution = cohort.institution
    targets = [("partners", "0008_names_without_web_addresses"), ("notices", "0005_index_addresses")]
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    then = executor.loader.project_state(targets).apps
    then.get_model("notices", "CalendarFeed").objects.create(attendee_id=ada.pk, token="c" * 43)
    invitee = then.get_model("partners", "Invitee").objects.create(
        institution_id=institution.pk, cohort_id=cohort.pk, first_name="Ada", email="ada@x.fr", key="k" * 43
    )
    mails = Message.objects
    for name in ("k" * 43, "k" * 43 + ":202611301200", "g" * 43):
        mails.create(
            kind="partners.invitation",
            dedupe_key=f"partners.invitation:{institution.pk}:{name}",
            to="ada@x.fr",
            not_before=timezone.now(),
        )

    call_command("migrate", verbosity=0)

    now = Invitee.objects.get()
    assert mails.order_by("pk").values_list("dedupe_key", flat=True)[0] == invitation_key(now)
    assert set(mails.values_list("dedupe_key", flat=True)) == {
        f"partners.invitation:{institution.pk}:{invitee.pk}:1:",
        f"partners.invitation:{institution.pk}:{invitee.pk}:1:202611301200",
        f"partners.invitation:{institution.pk}:old:{max(mails.values_list('pk', flat=True))}",
    }
    for key in ("k" * 43, now.key):
        assert "Ada" in client.get(f"/invitations/{key}/").content.decode()
    for key in ("c" * 43, CalendarFeed.objects.get().key):
        assert client.get(f"/calendar/{key}/summit.ics").status_code == 200
    assert client.get(f"/calendar/{'x' * 43}/summit.ics").status_code == 404
    now.end_links()
    now.save()
    calendar_feeds.renew(ada, actor=ada.user)
    assert client.get(f"/invitations/{'k' * 43}/").status_code == 404
    assert client.get(f"/calendar/{'c' * 43}/summit.ics").status_code == 404
    # And back: whoever had a link needs another.
    MigrationExecutor(connection).migrate([("partners", "0008_names_without_web_addresses")])
    assert len(then.get_model("partners", "Invitee").objects.get().key) == 43
    call_command("migrate", verbosity=0)
