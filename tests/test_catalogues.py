"""The French catalogues hold what the code says now: nothing missing, nothing left over. `make check` proves that all
is translated."""

import ast
import os
import shutil
import subprocess
import sys

import polib
import pytest
from django.conf import settings

pytestmark = pytest.mark.runs_once("catalogues are files: no database is asked")

CATALOGUE = "locale/fr/LC_MESSAGES/django.po"
APPS = sorted(path.parents[3].name for path in settings.BASE_DIR.glob(f"*/{CATALOGUE}"))


def sentences(path):
    return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in polib.pofile(str(path)) if not entry.obsolete}


@pytest.mark.skipif(
    not shutil.which("xgettext"), reason="gettext is not installed: the freshness of the catalogues is not checked"
)
@pytest.mark.parametrize("app", APPS)
def test_the_catalogue_is_fresh(app, tmp_path):
    shutil.copytree(
        settings.BASE_DIR / app, tmp_path / app, ignore=shutil.ignore_patterns("static", "__pycache__", "data")
    )
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "django", "makemessages", "-l", "fr", "--no-location", "--no-obsolete"]

    done = subprocess.run(command, cwd=tmp_path / app, capture_output=True, text=True, check=False, env=env)

    assert done.returncode == 0, done.stderr
    kept, found = sentences(settings.BASE_DIR / app / CATALOGUE), sentences(tmp_path / app / CATALOGUE)
    assert (found - kept, kept - found) == (set(), set()), f"run makemessages in {app}/"


def test_whatever_the_code_asks_to_translate_is_in_a_catalogue() -> None:
    """xgettext passes over a text in brackets, or inside an f-string, without a word."""
    known = {entry.msgid for app in APPS for entry in polib.pofile(str(settings.BASE_DIR / app / CATALOGUE))}
    missed = []
    for path in (path for app in APPS for path in (settings.BASE_DIR / app).glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name == "_" or "gettext" in name:
                text = node.args["pgettext" in name]
                if isinstance(text, ast.Constant) and text.value not in known:
                    missed.append(f"{path.name}:{node.lineno}: {text.value}")

    assert missed == []


def test_reasons_for_which_a_mail_is_dropped_are_in_the_catalogue() -> None:
    """They are kept in English and translated where they are read."""
    bare = []
    for path in (path for app in APPS for path in (settings.BASE_DIR / app).glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NoLongerTrue":
                [reason] = node.args
                named = isinstance(reason, ast.Attribute)  # a constant that another module marks
                if not named and getattr(getattr(reason, "func", None), "id", "") != "gettext_noop":
                    bare.append(f"{path.name}:{node.lineno}")

    assert bare == []
