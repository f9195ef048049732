"""`manage.py import_list` says what a list would change, and changes it when it is told to."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from partners.models import Invitee, Upload
from tests import make
from tests.partners import files

pytestmark = pytest.mark.django_db
DATA = Path(settings.BASE_DIR) / "summit" / "demo" / "data"


@pytest.fixture
def cohort():
    return make.cohort(slug="cnam-medas", size=50)


def run(*words: Any) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("import_list", *map(str, words), stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(str(ended.code))
    return out.getvalue(), 0


def report(*words: Any) -> tuple[dict[str, Any], int]:
    out, code = run(*words, "--json")
    return json.loads(out), code


@pytest.mark.proves("list-errors-at-once")
def test_it_only_tells_without_apply(cohort):
    said, code = report("cnam-medas", DATA / "students-medas.csv")

    assert code == 0
    assert list(said) == ["rows", "new", "changed", "same", "removed", "rejected", "warnings", "refused"]
    assert {name: said[name] for name in ("rows", "new", "changed", "same", "removed", "refused")} == {
        "rows": 52,
        "new": 48,
        "changed": 0,
        "same": 0,
        "removed": 0,
        "refused": None,
    }
    assert [(one["row"], one["column"], one["code"]) for one in said["rejected"]] == [
        (18, "Courriel", "email_missing"),
        (23, "Courriel", "email_at"),
        (43, "N° étudiant", "same_reference"),
        (54, "Courriel", "repeated"),
    ]
    assert said["rejected"][1]["value"] == "cedric.ombrechimere (at) etu.cnam-fictif.example"
    assert (Invitee.objects.count(), Upload.objects.count()) == (0, 0)


def test_it_applies_and_the_second_time_finds_nothing_new(cohort):
    assert report("cnam-medas", DATA / "students-medas.csv", "--apply")[0]["new"] == 48

    said, code = report("cnam-medas", DATA / "students-medas.csv", "--apply", "--replace")

    assert (code, said["new"], said["same"], said["removed"]) == (0, 0, 48, 0)
    upload = Upload.objects.order_by("pk").first()
    assert upload is not None
    assert (upload.file_name, len(upload.file_hash), upload.counts["new"]) == ("students-medas.csv", 64, 48)


def test_who_is_on_both_lists_of_an_institution_is_on_the_first(cohort):
    other = make.cohort(slug="cnam-marketing-digital", institution=cohort.institution, size=50)
    run("cnam-medas", DATA / "students-medas.csv", "--apply")

    said, _code = report(other.slug, DATA / "students-marketing-digital.xlsx", "--apply")

    assert said["new"] == 48
    assert [one["value"] for one in said["warnings"] if one["code"] == "other_cohort"] == [
        "lea.ombrelointain@etu.cnam-fictif.example"
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (files.bomb(), "bomb"),
        (b"", "empty"),
        (b"Nom;Courriel\nA;nobody\n", "nobody"),
        (files.text(*files.people(60)), "too_many_people"),
    ],
)
def test_a_refused_file_changes_nothing_and_exits_2(cohort, tmp_path, data, code):
    path = tmp_path / "liste.csv"
    path.write_bytes(data)

    said, status = report("cnam-medas", path, "--apply", "--replace")

    assert (status, said["refused"]["code"]) == (2, code)
    assert said["refused"]["message"]
    assert (Invitee.objects.count(), Upload.objects.count(), Invitee.history.count()) == (0, 0, 0)


@pytest.mark.proves("list-guesses")
def test_a_guess_is_not_applied_before_the_columns_are_named(cohort):
    path = Path(__file__).parent / "lists" / "22-no-header.csv"

    said, status = report("cnam-medas", path, "--apply")
    assert (status, said["refused"]["code"], Invitee.objects.count()) == (2, "guessed", 0)
    assert report("cnam-medas", path)[1] == 0
    assert report("cnam-medas", path, "--columns", "email=9")[0]["refused"]["code"] == "no_such_column"

    said, status = report("cnam-medas", path, "--apply", "--columns", "last_name=2, first_name=1, email=3")
    assert (status, said["new"]) == (0, 2)
    assert set(Invitee.objects.values_list("last_name", flat=True)) == {"Jean", "Ana"}


def test_for_people_it_is_told_in_words(cohort):
    out, _code = run("cnam-medas", DATA / "students-medas.csv")

    assert "52 rows: 48 new, 0 changed, 0 same, 0 removed. Nothing was changed: add --apply." in out
    assert "row 18 Courriel: " in out


def test_a_sheet_is_chosen_by_its_number(cohort, tmp_path):
    path = tmp_path / "liste.xlsx"
    path.write_bytes(files.xlsx(files.people(3), sheets={"Autre": "visible"}))

    assert report("cnam-medas", path)[0]["new"] == 3
    assert report("cnam-medas", path, "--sheet", "1")[0]["new"] == 3
    assert report("cnam-medas", path, "--sheet", "2")[0]["refused"]["code"] == "no_addresses"


@pytest.mark.parametrize("words", [("nothing", __file__), ("cnam-medas", "/no/such/file")])
def test_what_is_not_there_is_said(cohort, words):
    with pytest.raises(CommandError):
        run(*words)
