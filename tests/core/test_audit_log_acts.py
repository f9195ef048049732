"""What leaves no line in a history is an entry of the audit log."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core import clock
from core.erasure import Why, erase, foresee
from core.models import AuditLogEntry
from outbox.domain.posting import post
from outbox.models import Message
from programme.domain import retention
from tests import make
from tests.partners import portal

pytestmark = [pytest.mark.django_db, pytest.mark.proves("audit-log")]


@pytest.fixture
def owner(client: Client) -> Any:
    who = make.organiser()
    make.sign_in(client, who)
    return who


def said() -> tuple[str, str, str, dict[str, Any]]:
    """The only entry, by the owner in a request."""
    entry = AuditLogEntry.objects.get()
    assert entry.request
    return entry.act, entry.model, entry.key, entry.facts


def test_a_sheet_that_is_exported(client: Client, owner: Any) -> None:
    make.session()
    make.session()

    response = client.post(reverse("admin:programme_session_export") + "?status__exact=draft&q=", {"format": "0"})

    assert response["Content-Type"].startswith("text/csv")
    assert said() == ("exported", "programme.session", "", {"rows": 0, "filters": ["status"]})
    assert (AuditLogEntry.objects.get().actor, AuditLogEntry.objects.get().role) == (owner.pk, "owner")


def test_a_list_that_a_partner_downloads(client: Client) -> None:
    cohort = make.cohort()
    coordinator = portal.role(cohort.institution)
    portal.apply(cohort, portal.ADA, actor=coordinator)
    make.sign_in(client, coordinator)

    client.get(reverse("partners:export", args=[cohort.institution.slug, cohort.slug]))

    assert said() == ("exported", "registrations.cohort", str(cohort.pk), {"rows": 1, "format": "csv"})
    assert AuditLogEntry.objects.get().role == "partner"


def test_rights_that_are_given(client: Client, owner: Any) -> None:
    client.post(reverse("admin:auth_group_add"), {"name": "Accueil", "permissions": []})
    group = Group.objects.get()

    assert said() == ("added", "auth.group", str(group.pk), {"fields": ["name"]})
    permission = Permission.objects.get(codename="view_session", content_type__app_label="programme")
    client.post(
        reverse("admin:auth_group_change", args=[group.pk]), {"name": "Accueil", "permissions": [permission.pk]}
    )
    client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})

    acts = [(entry.act, entry.facts) for entry in AuditLogEntry.objects.order_by("id")]
    assert acts[1:] == [("changed", {"fields": ["permissions"]}), ("deleted", {})]


def test_mails_that_are_sent_again(client: Client, owner: Any) -> None:
    post("x.y", "ada@x.fr", dedupe_key="1", language="fr")
    Message.objects.update(status="failed", last_error="550 no")

    client.post(
        reverse("admin:outbox_message_changelist"),
        {"action": "retry_sending", "_selected_action": [Message.objects.get().pk]},
    )

    assert said() == ("resent", "outbox.message", "", {"rows": 1})


def test_an_erasure_and_none_for_what_was_only_tried() -> None:
    ada, organiser = make.attendee("Ada Lovelace"), make.organiser()
    foresee([ada.user.pk], why=Why.BY_ORGANISERS, at=timezone.now(), actor=organiser)
    assert not AuditLogEntry.objects.exists()

    report = erase([ada.user.pk], why=Why.BY_ORGANISERS, at=timezone.now(), actor=organiser)

    entry = AuditLogEntry.objects.get()
    assert (entry.act, entry.actor, entry.key) == ("erased", organiser.pk, "")
    assert entry.facts == {"rows": report.number, "why": "by_organisers"}


def test_a_run_of_retention_that_deletes_something() -> None:
    retention.run(clock.now(), hourly=True)
    assert not AuditLogEntry.objects.exists()
    user = make.user()
    type(user).objects.filter(pk=user.pk).update(date_joined=timezone.now() - timedelta(days=3))

    retention.run(clock.now(), hourly=True)

    acts = {(entry.act, entry.facts.get("kind"), entry.role) for entry in AuditLogEntry.objects.all()}
    assert ("retention", "unconfirmed", "") in acts
