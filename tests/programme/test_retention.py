"""What goes when: the page of the organisers, and the command."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from partners.mails import notice
from partners.models import Invitee
from programme.domain import next_edition
from programme.domain import retention as run
from programme.models import Edition, RetentionRule, RetentionRun
from tests import make
from tests.partners import portal

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    return make.current_edition()


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def address(edition: Edition) -> str:
    return f"/en/admin/programme/edition/{edition.pk}/retention/"


def sent(edition: Edition, **days: int) -> dict[str, Any]:
    """What a form sends of which only these boxes were touched."""
    now = run.policy(edition)
    boxes = {key: number for key, number in now.items() if not run.retention.kind(key).is_fixed}
    return {f"seen_{key}": number for key, number in boxes.items()} | boxes | days


@pytest.mark.runs_once("a page of the administration")
class TestPage:
    def test_it_says_when_nothing_is_there_yet(self, organiser: Client, edition: Edition) -> None:
        page = organiser.get(address(edition)).content.decode()

        assert "There is no data about people yet, and nothing has been deleted." in page

    def test_it_says_how_many_there_are_and_when_they_go(self, organiser: Client, edition: Edition) -> None:
        portal.invitee(make.cohort(), portal.ADA)
        end = run.ends()[edition.pk]

        page = organiser.get(address(edition)).content.decode()
        assert "the first run is tonight" in page
        with override("en"):
            assert date_format(timezone.localtime(end + timedelta(days=30)), "DATE_FORMAT") in page

        run.run(end + timedelta(days=31))
        make.sign_in(organiser, make.organiser())  # the web session has gone as well
        page = organiser.get(address(edition)).content.decode()
        assert "1 deleted so far" in page and "the first run is tonight" not in page

    def test_what_is_chosen_is_kept_with_its_history(self, organiser: Client, edition: Edition) -> None:
        response = organiser.post(address(edition), sent(edition, came=90))

        assert response.status_code == 302
        assert run.policy(edition)["came"] == 90
        page = organiser.get(f"/en/admin/programme/edition/{edition.pk}/change/").content.decode()
        assert "People who come" in page
        page = organiser.get(f"/en/admin/programme/edition/{edition.pk}/history/").content.decode()
        assert "People who come" in page and "Olympe" in page

        organiser.post(address(edition), sent(edition, came=182) | {"agreed": "nothing"})
        assert run.policy(edition)["came"] == 90, "a longer time is asked about first"

    @pytest.mark.parametrize(
        ("days", "said"),
        [
            ("-1", "Between 0 and 1095"),
            ("1096", "Between 0 and 1095"),
            ("x", "Enter a whole number"),
            ("", "required"),
            ("٣", "Enter a whole number"),
        ],
    )
    def test_what_cannot_be_is_said(self, organiser: Client, edition: Edition, days: str, said: str) -> None:
        response = organiser.post(address(edition), sent(edition) | {"came": days})

        assert response.status_code == 422
        assert said in response.content.decode()
        assert not RetentionRule.objects.exists()

    def test_deleting_more_at_the_next_run_is_asked_about_first(self, organiser: Client, edition: Edition) -> None:
        portal.invitee(make.cohort(), portal.ADA)
        ended = timezone.now().date() - timedelta(days=9)
        Edition.objects.update(starts_on=ended, ends_on=ended)
        Invitee.objects.update(created_at=timezone.now() - timedelta(days=20))

        page = organiser.post(address(edition), sent(edition, never_accepted=5)).content.decode()
        assert "1 entry more will be deleted for good at the next run." in page
        assert not RetentionRule.objects.exists()

        agreed = page.partition('name="agreed" value="')[2].partition('"')[0]
        organiser.post(address(edition), sent(edition, never_accepted=5) | {"agreed": agreed})
        assert run.policy(edition)["never_accepted"] == 5

    def test_two_organisers_do_not_undo_each_other(self, organiser: Client, edition: Edition) -> None:
        form = sent(edition, came=100)
        run.choose(edition, {"came": 150, "registered": 10}, actor=None)

        response = organiser.post(address(edition), form)

        assert response.status_code == 422
        assert "Somebody else has just set this to 150 days." in response.content.decode()
        organiser.post(address(edition), sent(edition) | {"seen_registered": 30, "registered": 30})
        assert run.policy(edition)["registered"] == 10, "a box that nobody touched writes nothing"

    def test_who_may_only_look_changes_nothing(self, client: Client, edition: Edition) -> None:
        staff = make.user(is_staff=True)
        make.sign_in(client, staff)
        assert client.get(address(edition)).status_code == 403
        staff.user_permissions.set(Permission.objects.filter(codename="view_edition"))

        assert b'<input type="number"' not in client.get(address(edition)).content
        assert client.post(address(edition), sent(edition, came=1)).status_code == 403

    def test_of_another_edition_it_shows_what_is_its_own(self, organiser: Client, edition: Edition) -> None:
        other = make.edition(state=Edition.State.OPEN)

        page = organiser.get(address(other)).content.decode()

        assert "Texts of emails" not in page
        assert f"/edition/{edition.pk}/retention/" in page


def test_the_next_edition_keeps_data_as_long(edition: Edition) -> None:
    run.choose(edition, {"came": 90}, actor=None)

    made = next_edition.start_next(
        edition,
        slug="next",
        names={"fr": "Suivant", "en": "Next"},
        first_day=edition.starts_on + timedelta(days=364),
        with_sessions=False,
        actor=None,
    )

    assert run.policy(made)["came"] == 90
    assert made.legal_basis == edition.legal_basis


@pytest.mark.parametrize("is_current", [True, False])
def test_what_belongs_to_no_edition_goes_by_the_current_one(edition: Edition, is_current: bool) -> None:
    other = make.edition(state=Edition.State.OPEN)
    run.choose(edition if is_current else other, {"mail_texts": 9}, actor=None)

    assert run._policies()[None]["mail_texts"] == (9 if is_current else 30)


def test_the_command_deletes_only_when_told_to(edition: Edition, capsys: pytest.CaptureFixture[str]) -> None:
    portal.invitee(make.cohort(), portal.ADA)
    long_ago = timezone.now() - timedelta(days=400)
    Edition.objects.update(starts_on=long_ago.date(), ends_on=long_ago.date())
    Invitee.objects.update(created_at=long_ago - timedelta(days=9))

    call_command("retention")
    said = capsys.readouterr().out
    assert "never_accepted" in said and "add --run" in said
    assert Invitee.objects.count() == 1

    call_command("retention", "--run")
    assert "never_accepted: 1 deleted" in capsys.readouterr().out
    assert not Invitee.objects.exists()

    call_command("retention", "--run")
    assert "Nothing had been kept long enough." in capsys.readouterr().out


def test_the_command_speaks_without_an_edition_too(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("retention")

    said = capsys.readouterr().out
    assert "mail_texts" in said and "never_accepted" not in said


@pytest.mark.parametrize(
    ("basis", "letter"),
    [("public_task", "e"), ("legitimate_interests", "f"), ("contract", "b"), ("consent", "a")],
)
def test_the_first_mail_names_the_legal_basis(edition: Edition, basis: str, letter: str) -> None:
    Edition.objects.update(legal_basis=basis)
    one = portal.invitee(make.cohort(), portal.ADA)
    one.cohort.edition.refresh_from_db()
    with override("en"):
        assert f"6(1)({letter})" in str(notice(one))
    with override("fr"):
        assert f"6.1.{letter}" in str(notice(one))


@pytest.mark.parametrize("there_is_one", [True, False])
def test_the_page_about_personal_data_says_what_the_run_goes_by(there_is_one: bool) -> None:
    edition = make.current_edition() if there_is_one else None
    if edition:
        run.choose(edition, {"came": 90, "mail_texts": 7}, actor=None)
        Edition.objects.update(legal_basis="contract")
        edition.refresh_from_db()
    with override("en"):
        page = render_to_string("programme/_privacy_retention.html", {"edition": edition})

    assert ("If you come, we keep your data until 90 days after the event." in page) is there_is_one
    assert ("for 7 days after they are sent" in page) is there_is_one
    assert ("6(1)(b)" if there_is_one else "6(1)(e)") in page


def test_a_run_is_noted(edition: Edition) -> None:
    at = timezone.now()
    run.run(at)
    run.run(at + timedelta(hours=1))

    noted = RetentionRun.objects.filter(kind="mail_texts")
    assert [(row.edition, row.ran_at, row.deleted) for row in noted] == [(None, at + timedelta(hours=1), 0)]
    assert RetentionRun.objects.filter(kind="came").count() == Edition.objects.count()
