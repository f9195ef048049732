import gettext
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import gettext as translate
from django.utils.translation import override
from pytest_django import Settings

pytestmark = pytest.mark.runs_once("catalogues are files: no database is asked")

HEADER = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
)


@pytest.fixture
def catalogue(tmp_path: Path, settings: Settings) -> Path:
    settings.BASE_DIR = tmp_path
    path = tmp_path / "programme/locale/fr/LC_MESSAGES/django.po"
    path.parent.mkdir(parents=True)
    return path


def problems(catalogue: Path, entries: str) -> str:
    catalogue.write_text(HEADER + entries, encoding="utf-8")
    with pytest.raises(CommandError) as error:
        call_command("compilemessages", check=True)
    return str(error.value)


def test_compiles_what_pages_then_read(catalogue: Path) -> None:
    catalogue.write_text(HEADER + 'msgid "Full"\nmsgstr "Complet"\n', encoding="utf-8")

    call_command("compilemessages", verbosity=0)

    with catalogue.with_suffix(".mo").open("rb") as compiled:
        assert gettext.GNUTranslations(compiled).gettext("Full") == "Complet"


def test_a_process_that_spoke_before_speaks_the_new_words_afterwards(catalogue: Path, settings: Settings) -> None:
    """The first `make demo` compiles, and writes its mails, in one process."""
    settings.LOCALE_PATHS = [catalogue.parents[2]]
    with override("fr"):
        assert translate("Full of stars") == "Full of stars"
    catalogue.write_text(HEADER + 'msgid "Full of stars"\nmsgstr "Plein d’étoiles"\n', encoding="utf-8")

    call_command("compilemessages", verbosity=0)

    with override("fr"):
        assert translate("Full of stars") == "Plein d’étoiles"


def test_leaves_a_compiled_catalogue_alone_until_its_source_changes(
    catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue.write_text(HEADER + 'msgid "Full"\nmsgstr "Complet"\n', encoding="utf-8")
    call_command("compilemessages")
    call_command("compilemessages")
    newer = catalogue.with_suffix(".mo").stat().st_mtime + 1
    os.utime(catalogue, (newer, newer))
    call_command("compilemessages")

    assert capsys.readouterr().out.splitlines() == [f"{n} of 1 catalogues compiled." for n in (1, 0, 1)]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ('msgid "Full"\nmsgstr ""\n', "django.po:6: “Full” is not translated."),
        ('#, fuzzy\nmsgid "Full"\nmsgstr "Complet"\n', "“Full” is fuzzy"),
        (
            '#, python-format\nmsgid "%(n)s places"\nmsgstr "%(nombre)s places"\n',
            "should hold %(n)s, and holds %(nombre)s",
        ),
        ('#, python-format\nmsgid "%d of %s"\nmsgstr "%s sur %d"\n', "should hold %d, %s, and holds %s, %d"),
        ('#, python-brace-format\nmsgid "{n} places"\nmsgstr "places"\n', "should hold {n}, and holds none"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\n', "as many forms"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', "a"),
        ('msgid "a\n', "django.po"),
    ],
)
def test_check_names_the_entry_that_would_show_wrong(catalogue: Path, entry: str, sentence: str) -> None:
    found = problems(catalogue, entry)

    assert found.startswith("programme/locale/fr/LC_MESSAGES/django.po")
    assert sentence in found
    assert found.endswith("1 to fix.")


def test_check_accepts_a_singular_without_its_number(catalogue: Path) -> None:
    entry = (
        '#, python-format\nmsgid "%(n)s place"\nmsgid_plural "%(n)s places"\n'
        'msgstr[0] "Une place"\nmsgstr[1] "%(n)s places"\n'
    )
    catalogue.write_text(HEADER + entry, encoding="utf-8")

    call_command("compilemessages", check=True, verbosity=0)

    assert not catalogue.with_suffix(".mo").exists()
