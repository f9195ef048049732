"""A version is one number everywhere, and the changelog says what is new in it."""

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from django.test import Client

from summit import __version__
from tests import make

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
HEADINGS = re.findall(r"^## (.+)$", CHANGELOG, re.M)

files_only = pytest.mark.runs_once("the version is told from files")


def made(target: str) -> str:
    return subprocess.run(["make", "--silent", target], check=True, cwd=ROOT, capture_output=True, text=True).stdout


@files_only
def test_the_version_is_the_same_everywhere():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert made("version") == f"{__version__}\n"


@files_only
def test_the_changelog_keeps_a_place_for_what_comes_next_above_this_version():
    first, *released = [heading.split(" – ") for heading in HEADINGS]
    versions = [[int(number) for number in version.split(".")] for version, _day in released]

    assert first == ["Unreleased"]
    assert released[0][0] == __version__
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for _version, day in released)
    assert all(newer > older for newer, older in pairwise(versions))


@files_only
def test_the_notes_of_a_release_are_its_section():
    _before, section = re.split(rf"^## {re.escape(__version__)} – \S+\n", CHANGELOG, flags=re.M)
    section = re.split(r"^## ", section, maxsplit=1, flags=re.M)[0]

    assert "### Added" in section
    assert made("release-notes") == section


@pytest.mark.django_db
@pytest.mark.runs_once("a page: the version comes from no row")
def test_the_administration_shows_the_version_on_pages_and_not_in_windows(client: Client):
    make.sign_in(client, make.organiser())
    venue = make.venue()

    for path in ("/admin/", "/en/admin/", "/admin/venues/venue/add/", f"/admin/venues/venue/{venue.pk}/change/"):
        assert f"<p>Summit {__version__}</p>" in client.get(path, follow=True).content.decode(), path
    assert f"Summit {__version__}" not in client.get("/admin/venues/venue/add/?_popup=1").content.decode()
