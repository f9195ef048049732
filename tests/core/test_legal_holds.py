"""Of whom a legal hold names, everything stays: under a new address too (docs/rules.md#erasure)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.domain import addresses
from accounts.models import User
from core import erasure, erasure_log
from core.erasure import Why
from core.models import LegalHold
from outbox.models import Message
from partners.domain import responses
from partners.models import Invitee
from programme.domain import retention as run
from registrations.models import Invitation
from tests import make
from tests.partners import portal

pytestmark = [pytest.mark.django_db, pytest.mark.proves("erasure-refused")]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _acts(settings: Any, tmp_path: Any) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"


def hold(days: int = 1000, **who: Any) -> LegalHold:
    if address := who.pop("address", ""):
        who["address_hash"] = erasure_log.address_hash(address)
    return LegalHold.objects.create(reason="Litige 12", until=timezone.now().date() + days * DAY, **who)


def test_a_new_address_frees_nobody_from_a_legal_hold() -> None:
    ada = make.attendee(email="ada@x.fr").user
    hold(address="ada@x.fr")
    addresses.change(ada, "lovelace@y.fr", at=timezone.now())

    report = erasure.erase([ada.pk], why=Why.BY_PERSON, at=timezone.now(), actor=ada)

    assert [one.reason for one in report.kept] == ["Litige 12"]
    assert User.objects.filter(email="lovelace@y.fr").exists()
    assert Message.objects.filter(to="ada@x.fr").exists()


def test_a_hold_on_an_account_keeps_what_its_institution_said() -> None:
    invitee = portal.invitee(make.cohort(), portal.ADA)
    attendee = portal.accepted(invitee)
    invitee.refresh_from_db()
    hold(account=attendee.user_id)

    with pytest.raises(responses.OnHold, match="Litige 12"):
        responses.erase(invitee, at=timezone.now())

    assert Invitee.objects.exists()


def test_the_run_keeps_people_of_lists_whose_account_a_hold_names() -> None:
    edition = make.current_edition()
    names = (portal.ADA, portal.ALAN)
    invitees = [portal.invitee(make.cohort(), name) for name in names]
    ada = portal.accepted(invitees[0])
    portal.accepted(invitees[1])
    make.invitation(email="ada@x.fr")
    make.invitation(email="alan@x.fr")
    make.invitation(email="held@x.fr")
    hold(account=ada.user_id)
    hold(address="held@x.fr")

    run.run(run.ends([edition.pk])[edition.pk] + 400 * DAY)

    assert [one.email for one in Invitee.objects.all()] == ["ada@x.fr"]
    assert set(Invitation.objects.values_list("email", flat=True)) == {"ada@x.fr", "held@x.fr"}
    assert list(User.objects.values_list("email", flat=True)) == ["ada@x.fr"]
