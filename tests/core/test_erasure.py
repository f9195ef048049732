"""Who is erased is erased everywhere, and nobody else (docs/rules.md#erasure)."""

import json
import logging
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Attendee, User
from core import erasure
from core.erasure import Why
from core.personal_data import declared
from registrations.domain import invariants
from tests.core import traces

pytestmark = pytest.mark.django_db


def erase(*accounts: User, addresses: Any = (), why: Why = Why.BY_PERSON) -> erasure.Report:
    return erasure.erase([user.pk for user in accounts], addresses, why=why, at=timezone.now())


@pytest.mark.runs_once("it looks at the registry alone")
def test_every_model_of_the_registry_has_its_trace() -> None:
    assert {kind.model._meta.label for kind in declared()} == {model._meta.label for model in traces.covered()}


def test_nothing_names_who_was_erased_and_all_is_there_of_everybody_else() -> None:
    who, other = traces.leave("zephirine"), traces.leave("melchior")
    account, attendee = who.user.pk, who.attendee.pk
    assert len(traces.found("zephirine")) > 40
    untouched = [(table, row) for table, row in traces.rows() if "melchior" in traces.text_of(table, row)]
    heard = traces.Heard()
    logging.getLogger().addHandler(heard)
    try:
        report = erase(who.user)
    finally:
        logging.getLogger().removeHandler(heard)

    assert traces.found("zephirine") == []
    assert traces.links_to(who, account=account, attendee=attendee) == []
    assert "zephirine" not in "\n".join([*heard.lines, json.dumps(report.as_data())]).lower()
    assert [(table, row) for table, row in traces.rows() if "melchior" in traces.text_of(table, row)] == untouched
    assert User.objects.filter(pk=other.user.pk).exists()
    assert Attendee.objects.filter(pk=other.attendee.pk).exists()
    assert invariants.check(timezone.now())["breaches"] == []
    print(json.dumps(report.as_data(), indent=1))


def test_twice_is_once() -> None:
    who = traces.leave("zephirine")
    erase(who.user)
    before = list(traces.rows())

    report = erase(who.user)

    assert report.number == 0
    assert list(traces.rows()) == before
