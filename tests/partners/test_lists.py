"""A list is compared with what is there, and put into force whole or not at all (docs/rules.md#lists)."""

import signal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from outbox.models import Message
from partners.domain import applying, files, following
from partners.domain.comparing import Comparison, compare
from partners.domain.files import ListRefused
from partners.models import Invitee, Upload
from registrations.models import Cohort
from tests import make
from tests.crowd import all_at_once
from tests.partners import files as make_files
from tests.processes import environment, run_python


def listed(*rows: Any) -> list[Any]:
    return files.read(make_files.text(make_files.HEADER, *rows)).people


def apply(cohort: Cohort, people: list[Any], *, replace: bool = False) -> Upload:
    mode = Upload.Mode.REPLACE if replace else Upload.Mode.ADD
    upload = Upload(institution=cohort.institution, cohort=cohort, file_name="liste.csv", file_hash="0" * 64, mode=mode)
    return applying.apply(upload, people, actor=None, at=timezone.now())


def names(found: Comparison) -> dict[str, list[str]]:
    return {
        "new": [one.name for one in found.new],
        "changed": [f"{one.invitee} {','.join(one.fields)}" for one in found.changed],
        "same": [str(one) for one in found.same],
        "elsewhere": [one.name for one in found.elsewhere],
        "removed": [str(one) for one in found.removed],
    }


ADA, ALAN, EMMY = (
    ["Lovelace", "Ada", "ada@x.fr", "21001"],
    ["Turing", "Alan", "alan@x.fr", "21002"],
    ["Noether", "Emmy", "emmy@x.fr", "21003"],
)


@pytest.fixture
def cohort(db: Any) -> Cohort:
    cohort = make.cohort(size=5)
    apply(cohort, listed(ADA, ALAN))
    return cohort


class TestComparing:
    @pytest.mark.proves("list-comparison")
    def test_who_is_new_changed_the_same_and_gone(self, cohort):
        found = compare(cohort, listed(["Lovelace", "Ada Augusta", "ada@x.fr", "21001"], EMMY), replacing=True)

        assert names(found) == {
            "new": ["Emmy Noether"],
            "changed": ["Ada Lovelace first_name"],
            "same": [],
            "elsewhere": [],
            "removed": ["Alan Turing"],
        }

    def test_nobody_is_removed_by_adding(self, cohort):
        assert compare(cohort, listed(EMMY), replacing=False).removed == []

    @pytest.mark.proves("list-comparison")
    def test_a_person_is_known_by_the_address_then_by_the_number(self, cohort):
        found = compare(
            cohort,
            listed(["Lovelace", "Ada", "countess@x.fr", "21001"], ["Turing", "Alan", "ALAN@x.fr", "21009"]),
            replacing=True,
        )

        assert names(found)["changed"] == ["Ada Lovelace email", "Alan Turing reference"]

    def test_an_empty_cell_says_nothing(self, cohort):
        found = compare(cohort, listed(["Lovelace", "Ada", "ada@x.fr", ""]), replacing=False)
        assert names(found)["same"] == ["Ada Lovelace"]

    def test_who_is_on_another_list_of_the_institution_stays_there_and_that_is_said(self, cohort):
        other = make.cohort(institution=cohort.institution)
        people = listed(ADA, EMMY)

        found = compare(other, people, replacing=True)

        assert (names(found)["new"], names(found)["elsewhere"]) == (["Emmy Noether"], ["Ada Lovelace"])
        assert found.findings[2].said == {"cohort": cohort.name}

    @pytest.mark.proves("list-comparison")
    def test_another_institution_hears_nothing_of_it(self, cohort):
        found = compare(make.cohort(), listed(ADA), replacing=True)

        assert names(found)["new"] == ["Ada Lovelace"]
        assert found.findings == {}

    @pytest.mark.proves("list-comparison")
    def test_a_row_that_is_to_be_corrected_removes_nobody(self, cohort):
        found = compare(
            cohort, listed(["Lovelace", "Ada", "", "21001"], ["Turing", "x" * 200, "alan@x.fr", ""]), replacing=True
        )
        assert names(found)["removed"] == []

    def test_a_number_that_is_somebody_elses_is_an_error(self, cohort):
        found = compare(cohort, listed(["Lovelace", "Ada", "ada@x.fr", "21002"]), replacing=False)

        assert found.findings[2].code == "reference_taken"
        assert found.is_empty

    def test_a_row_that_means_somebody_whom_another_row_means_is_an_error(self, cohort):
        found = compare(
            cohort,
            listed(["Lovelace", "Ada", "ada@x.fr", "21007"], ["Lovelace", "Ada", "byron@x.fr", "21001"]),
            replacing=False,
        )

        assert {line: one.code for line, one in found.findings.items()} == {3: "same_person"}
        assert names(found)["changed"] == ["Ada Lovelace reference"]

    @pytest.mark.parametrize("number", [1, 300])
    def test_it_takes_three_queries_whatever_the_size(self, cohort, number, django_assert_num_queries):
        people = files.read(make_files.text(*make_files.people(number))).people
        with django_assert_num_queries(3):
            compare(cohort, people, replacing=True)


class TestApplying:
    def test_the_list_is_as_it_was_shown_and_each_change_leaves_a_trace(self, cohort):
        upload = apply(cohort, listed(["Lovelace", "Ada Augusta", "ada@x.fr", "21001"], EMMY), replace=True)

        assert upload.counts == {"new": 1, "changed": 1, "same": 0, "removed": 1}
        assert sorted(map(str, Invitee.objects.all())) == ["Ada Augusta Lovelace", "Emmy Noether"]
        assert [(one.history_type, one.first_name) for one in Invitee.history.order_by("history_id")] == [
            ("+", "Ada"),
            ("+", "Alan"),
            ("-", "Alan"),
            ("~", "Ada Augusta"),
            ("+", "Emmy"),
        ]

    @pytest.mark.proves("atomic-list")
    def test_the_same_list_again_changes_nobody(self, cohort):
        traces = Invitee.history.count()

        upload = apply(cohort, listed(ADA, ALAN), replace=True)

        assert upload.counts == {"new": 0, "changed": 0, "same": 2, "removed": 0}
        assert Invitee.history.count() == traces

    def test_two_people_may_exchange_their_numbers(self, cohort):
        apply(cohort, listed([*ADA[:3], "21002"], [*ALAN[:3], "21001"]))
        assert dict(Invitee.objects.values_list("first_name", "reference")) == {"Ada": "21002", "Alan": "21001"}

    def test_a_list_for_which_the_cohort_is_too_small_changes_nothing(self, cohort):
        people = files.read(make_files.text(*make_files.people(4))).people

        with pytest.raises(ListRefused) as refused:
            apply(cohort, people)

        assert refused.value.said == {"size": 5, "people": 6}
        assert (Invitee.objects.count(), Upload.objects.count()) == (2, 1)
        apply(cohort, people, replace=True)
        assert Invitee.objects.count() == 4

    @pytest.mark.proves("list-within-cohort-size")
    def test_members_whom_organisers_have_added_take_places_too(self, cohort):
        for _ in range(3):
            make.membership(cohort)
        make.membership(make.cohort(), make.attendee(email="emmy@x.fr"))

        with pytest.raises(ListRefused):
            apply(cohort, listed(EMMY))

    def test_who_is_a_member_already_takes_no_second_place(self, cohort):
        for who in (make.attendee(email="emmy@x.fr"), make.attendee(), make.attendee()):
            make.membership(cohort, who)

        apply(cohort, listed(EMMY))

        assert Invitee.objects.count() == 3

    def test_a_thousand_people_take_no_more_queries_than_are_right(self, db):
        cohort = make.cohort(size=2000)
        people = files.read(make_files.text(*make_files.people(1000))).people
        with CaptureQueriesContext(connection) as queries:
            apply(cohort, people)
        assert len(queries) <= (20 if connection.vendor == "postgresql" else 85)  # SQLite takes 999 values a statement

        with CaptureQueriesContext(connection) as queries:
            apply(cohort, people, replace=True)
        assert len(queries) <= 12
        assert not [
            one for one in queries if "partners_invitee" in one["sql"] and one["sql"].startswith(("INSERT", "UPDATE"))
        ]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.proves("atomic-list")
    def test_the_same_file_twice_at_once(self):
        cohort = make.cohort(size=2000)
        people = [files.read(make_files.text(*make_files.people(2000))).people for _ in range(2)]

        answers = all_at_once([partial(apply, cohort, one, replace=True) for one in people], threads=2)

        assert sorted(one.counts["new"] for one in answers) == [0, 2000]
        assert Invitee.objects.count() == Invitee.history.count() == 2000
        assert apply(cohort, people[0], replace=True).counts == {"new": 0, "changed": 0, "same": 2000, "removed": 0}

    @pytest.mark.proves("atomic-list")
    def test_two_lists_that_overlap_by_half(self):
        cohort = make.cohort(size=3000)
        people = [files.read(make_files.text(*make_files.people(2000, first=first))).people for first in (0, 1000)]

        all_at_once([partial(apply, cohort, one) for one in people], threads=2)

        assert Invitee.objects.count() == Invitee.history.count() == 3000

    @pytest.mark.proves("list-within-cohort-size")
    def test_lists_at_once_never_make_a_cohort_larger_than_it_is(self):
        cohort = make.cohort(size=20)
        people = [files.read(make_files.text(*make_files.people(15, first=first))).people for first in (0, 20, 40)]

        answers = all_at_once([partial(apply, cohort, one) for one in people], threads=3)

        refused = [one for one in answers if isinstance(one, Exception)]
        assert [(one.code, one.said) for one in refused] == [("too_many_people", {"size": 20, "people": 30})] * 2
        assert Invitee.objects.count() == 15

    @pytest.mark.proves("list-within-cohort-size")
    def test_three_who_add_fifteen_people_each_at_once_find_twenty_places(self):
        cohort = make.cohort(size=20)
        actor = make.user()
        people = files.read(make_files.text(*make_files.people(45))).people
        acts = [partial(following.add, cohort, one, actor=actor, at=timezone.now()) for one in people]

        answers = all_at_once(acts, threads=3)

        refused = [one for one in answers if isinstance(one, Exception)]
        assert (Invitee.objects.count(), len(refused)) == (20, 25)
        assert all("20" in " ".join(one.messages) for one in refused)
        assert Message.objects.filter(kind="partners.invitation").count() == 20

    @pytest.mark.proves("atomic-list")
    def test_a_process_that_is_killed_half_way_leaves_nothing(self, tmp_path):
        cohort = make.cohort(size=2000)
        path = tmp_path / "liste.csv"
        path.write_bytes(make_files.text(*make_files.people(2000)))

        died = run_python(APPLY_AND_DIE.format(slug=cohort.slug, path=str(path)), environment(tmp_path))

        assert died.returncode == -signal.SIGKILL, died.stderr
        assert (Invitee.objects.count(), Upload.objects.count(), Invitee.history.count()) == (0, 0, 0)
        assert apply(cohort, files.read(path.read_bytes()).people).counts["new"] == 2000


# Killed when 1,000 of 2,000 people are written.
APPLY_AND_DIE = """
import os, signal
from django.db import connection
from django.core.management import call_command

def die(execute, sql, params, many, context):
    if sql.startswith("INSERT INTO") and '"partners_invitee"' in sql:
        die.times = getattr(die, "times", 0) + 1
        if die.times == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

with connection.execute_wrapper(die):
    call_command("import_list", "{slug}", {path!r}, "--apply")
"""
