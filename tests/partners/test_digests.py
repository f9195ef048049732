"""The weekly news of partners: on Monday morning, once, to those who speak for an institution and want it, with what is
true then."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.translation import override

from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain import delivery
from outbox.models import Message
from partners import mails
from partners.domain import digests, following
from partners.models import Invitee, PartnerRole
from registrations.domain import booking, pools
from tests import make
from tests.crowd import all_at_once
from tests.partners import portal

pytestmark = pytest.mark.django_db
MONDAY = datetime(2027, 1, 11, 7, 0, tzinfo=UTC)  # 08:00 in Paris


@pytest.fixture
def cnam(time_machine: Any) -> Any:
    """An institution with a cohort that keeps three seats, and its coordinator, some days before a Monday."""
    time_machine.move_to(MONDAY - timedelta(days=3), tick=False)
    institution = make.institution(name="Cnam")
    cohort = make.cohort(institution=institution, name_fr="Master MéDAS", name_en="MéDAS master", size=10)
    session = make.session(starts_at=MONDAY + timedelta(days=20), seats=3)
    pools.allot(session, cohort, 2)
    return (
        PartnerRole.objects.create(institution=institution, user=make.attendee("Céline", language="en").user),
        cohort,
        session,
    )


@pytest.mark.proves("weekly-digest")
def test_it_leaves_on_monday_at_eight_once_a_week_and_not_when_it_is_a_day_late(cnam: Any) -> None:
    assert digests.send_due(MONDAY - timedelta(seconds=1)) == 0
    assert [digests.send_due(MONDAY + timedelta(minutes=minutes)) for minutes in (0, 1, 600)] == [1, 0, 0]
    assert digests.send_due(MONDAY + timedelta(days=6)) == 0
    assert digests.send_due(MONDAY + timedelta(days=8, minutes=1)) == 0  # everything was off for a day
    assert digests.send_due(MONDAY + timedelta(days=14)) == 1


@pytest.mark.proves("weekly-digest")
@pytest.mark.parametrize(
    ("at", "due"),
    [
        # The clocks went forward the day before.
        (datetime(2027, 3, 29, 7, tzinfo=UTC), datetime(2027, 3, 29, 6, tzinfo=UTC)),
        (datetime(2027, 11, 1, 8, tzinfo=UTC), datetime(2027, 11, 1, 7, tzinfo=UTC)),
        (datetime(2027, 1, 11, 6, 59, tzinfo=UTC), datetime(2027, 1, 4, 7, tzinfo=UTC)),
    ],
)
def test_eight_is_eight_on_the_wall_summer_and_winter(at: datetime, due: datetime) -> None:
    assert digests.moment(at) == due


@pytest.mark.proves("weekly-digest")
def test_it_tells_where_each_cohort_stands_when_it_is_written(cnam: Any, time_machine: Any) -> None:
    role, cohort, session = cnam
    portal.apply(cohort, portal.ADA, portal.ALAN, portal.EMMY)
    seated, waiting = (portal.accepted(Invitee.objects.get(first_name=name)) for name in ("Ada", "Alan"))
    booking.register(booking.Ask(session, seated, actor=seated.user))
    full = make.session(seats=1, starts_at=session.starts_at + timedelta(days=1))
    pools.allot(full, cohort, 1)
    portal.seat(full, make.membership(cohort).attendee)
    portal.seat(full, waiting)
    digests.send_due(MONDAY)
    time_machine.move_to(MONDAY + timedelta(minutes=1), tick=False)
    delivery.deliver_due()

    [message] = [message for message in mail.outbox if message.to == [role.user.email]]
    assert message.subject == "Cnam: your people this week"
    standing = following.standing(cohort, timezone.now())
    assert (standing.listed, standing.seated, standing.waiting, standing.invited) == (3, 1, 1, 1)
    for line in (
        "MéDAS master",
        "People: 3 of 10",
        "Invited: 1",
        "Has a seat: 1",
        "Waiting for a seat: 1",
        "Seats reserved: 2 of 3 taken",
        f"/en/partners/{cohort.institution.slug}/",
    ):
        assert line in message.body
    assert f"/{cohort.slug}/?state=seated" in message.alternatives[0][0]
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for who in (seated, waiting):
        assert who.user.email not in message.body and who.name not in message.body.replace("Céline", "")


def test_in_french_its_text_keeps_the_spaces_of_french(cnam: Any) -> None:
    role, cohort, _session = cnam
    portal.apply(cohort, portal.ADA)
    with override("fr"):
        letter = mails.digest_letter(cohort.institution, role.user, MONDAY, to=make.message(role.user.email))

    assert "Personnes\u00a0: 1 sur 10" in letter.text
    assert "Invitée\u00a0: 1" in letter.text or "\u00a0: 1\n" in letter.text
    assert re.search(r"[^\u00a0\u202f][:;?!](?= )", re.sub(r"https?://\S+", "", letter.text)) is None


def test_it_costs_six_queries_however_many_cohorts(cnam: Any, django_assert_num_queries: Any) -> None:
    role, *_ = cnam
    for _number in range(4):
        cohort = make.cohort(institution=role.institution)
        make.membership(cohort)
        pools.allot(make.session(starts_at=MONDAY + timedelta(days=20)), cohort, 1)

    with django_assert_num_queries(6):
        assert len(digests.lines(role.institution, timezone.now())) == 5


@pytest.mark.proves("weekly-digest")
def test_whoever_has_left_or_wants_none_gets_none_and_neither_does_anybody_when_all_is_over(cnam: Any) -> None:
    role, _cohort, session = cnam
    other = PartnerRole.objects.create(institution=role.institution, user=make.user())
    mail_preferences.choose(role.user.email, Topic.DIGESTS, wanted=False)
    assert digests.send_due(MONDAY) == 1
    other.delete()
    delivery.deliver_due()
    assert {message.status for message in Message.objects.filter(kind=digests.KIND)} <= {"dropped", "queued"}

    PartnerRole.objects.create(institution=role.institution, user=make.user())
    assert digests.send_due(digests.moment(session.ends_at + timedelta(days=14))) == 0


@pytest.mark.django_db(transaction=True)
def test_three_clocks_at_once_send_it_once(cnam: Any) -> None:
    all_at_once([partial(digests.send_due, MONDAY)] * 3)

    assert Message.objects.filter(kind=digests.KIND).count() == 1
