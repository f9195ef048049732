"""What an erasure does to the administration's log, and who is spared by signing in (docs/rules.md#erasure)."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from accounts.models import Attendee, User
from core import erasure
from core.erasure import Why
from programme.models import Duty
from registrations.models import Invitation, Membership
from tests import make
from tests.core import traces

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _acts(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"


def erase(*who: Attendee) -> erasure.Report:
    return erasure.erase([one.user_id for one in who], why=Why.BY_PERSON, at=timezone.now())


def logged(by: User, about: Any, said: str = "", flag: int = CHANGE) -> LogEntry:
    return LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(about),
        object_id=str(about.pk),
        object_repr=str(about),
        action_flag=flag,
        change_message=said,
    )


# --- The log ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("erased-everywhere")
def test_a_row_that_an_organiser_deleted_before_is_named_by_no_line() -> None:
    organiser = make.organiser()
    ada, ida = make.attendee("Zéphirine Quelconque", email="zephirine@x.fr"), make.attendee("Ida")
    member, other = make.membership(who=ada), make.membership(who=ida)
    invitation = make.invitation(email="zephirine@x.fr")
    for row in (member, other, invitation):
        logged(organiser, row, flag=DELETION)
    Membership.objects.all().delete()
    Invitation.objects.all().delete()

    erase(ada)

    assert traces.found("zephirine") == []
    assert traces.found("zéphirine") == []
    assert [line.object_repr.split(" – ")[0] for line in LogEntry.objects.all()] == ["Ida"]


@pytest.mark.proves("erased-everywhere")
def test_whoever_is_called_like_what_stands_in_the_log_takes_nothing_out_of_it() -> None:
    organiser, session = make.organiser(), make.session()
    written = json.dumps(
        [
            {"changed": {"fields": ["title", "capacity"], "name": "session", "object": "Paris"}},
            {"added": {"name": "seat pool", "object": "Paris – Capacity"}},
            {"added": {"name": "member", "object": "Paris Hilton – Capacity"}},
            {"added": {"name": "member", "object": "Paris – Capacity"}},
        ]
    )
    line = logged(organiser, session, written)
    namesake = logged(organiser, make.membership(who=make.attendee("Paris")))
    who = make.attendee("title")
    for name in ("capacity", "session", "name", "Paris"):
        who.name = name
        who.save()

    erase(who)

    line.refresh_from_db()
    assert line.change_message == written.replace('"Paris \\u2013 Capacity"}}]', '""}}]')
    assert LogEntry.objects.filter(pk=namesake.pk).exists()


@pytest.mark.proves("erased-everywhere")
def test_the_history_of_what_is_somebody_elses_by_now_loses_their_lines_alone() -> None:
    bob = make.attendee("Bob", email="common@x.fr")
    bob.user.email = "bob@x.fr"
    bob.user.save()
    ada = make.attendee("Ada", email="ada@x.fr")
    duty = Duty.objects.create(session=make.session(), user=ada.user)
    duty.user = bob.user
    duty.save()

    erasure.erase([ada.user_id], ["common@x.fr"], why=Why.BY_PERSON, at=timezone.now())

    assert set(User.history.values_list("id", "email")) == {(bob.user_id, "bob@x.fr")}
    assert list(Duty.history.values_list("id", "user")) == [(duty.pk, bob.user_id)]
    assert traces.found("common@x.fr") == []
