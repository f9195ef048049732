"""Django's own command needs GNU gettext on the machine; this one needs only Python, so that `make demo` does too."""

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.reloader import translation_file_changed

# %(name)s and %s of Python's formatting; {name} of str.format, only where the entry says that it is one.
PERCENT = re.compile(r"%(?:\(\w+\))?[#0\- +]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]")
BRACE = re.compile(r"\{\w*\}")


class Command(BaseCommand):
    help = (
        "Compiles the catalogues of every app (<app>/locale/<language>/LC_MESSAGES/django.po) that changed since the "
        "last time."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help=(
                "compile nothing; exit 1 and name each entry that is missing, fuzzy, or does not hold the "
                "placeholders of its original"
            ),
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        base = Path(settings.BASE_DIR)
        problems, compiled = [], 0
        catalogues = sorted(base.glob("*/locale/*/LC_MESSAGES/django.po"))
        for path in catalogues:
            target = path.with_suffix(".mo")
            if not check and target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
                continue
            name = path.relative_to(base).as_posix()
            try:
                catalogue = polib.pofile(str(path), encoding="utf-8", check_for_duplicates=True)
            except (OSError, ValueError) as error:
                problems.append(f"{name}: {error}")
                continue
            if check:
                problems += [f"{name}:{line}: {sentence}" for line, sentence in faults(catalogue)]
            else:
                write(catalogue, target)
                translation_file_changed(None, target)  # or this process goes on in the language of the sources
                compiled += 1
        if problems:
            raise CommandError("\n".join([*problems, f"{len(problems)} to fix."]))
        if options["verbosity"]:
            self.stdout.write(
                f"{len(catalogues)} catalogues are complete."
                if check
                else f"{compiled} of {len(catalogues)} catalogues compiled."
            )


def write(catalogue: polib.POFile, target: Path) -> None:
    """Write the compiled catalogue whole: a server that starts meanwhile reads the old one or the new one."""
    half = target.with_name(f".{target.name}.{os.getpid()}")
    catalogue.save_as_mofile(str(half))
    half.replace(target)


def faults(catalogue: polib.POFile) -> Iterator[tuple[int, str]]:
    """Yield (line, sentence) for what would show as English, as a guess, or as a crash on a page."""
    forms = re.search(r"nplurals\s*=\s*(\d+)", catalogue.metadata.get("Plural-Forms", ""))
    for entry in catalogue:
        if entry.obsolete:
            continue
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if entry.fuzzy:
            yield entry.linenum, f"“{entry.msgid}” is fuzzy: check it, then remove the mark."
        elif not texts or not all(texts):
            yield entry.linenum, f"“{entry.msgid}” is not translated."
        elif entry.msgid_plural and (forms is None or len(texts) != int(forms[1])):
            yield entry.linenum, f"“{entry.msgid}” does not have as many forms as the header’s Plural-Forms announce."
        else:
            yield from broken_placeholders(entry, texts)


def broken_placeholders(entry: polib.POEntry, texts: list[str]) -> Iterator[tuple[int, str]]:
    needed = placeholders(entry, entry.msgid_plural or entry.msgid)
    known = sorted({*needed, *placeholders(entry, entry.msgid)})
    for position, text in enumerate(texts):
        found = placeholders(entry, text)
        # “One place” may leave the number out; the last form of a plural, like any other text, holds everything.
        one = bool(entry.msgid_plural) and position < len(texts) - 1
        if found != needed and not (one and set(found) <= set(known)):
            yield (
                entry.linenum,
                (
                    f"“{text}” should hold {', '.join(needed) or 'no placeholder'}, "
                    f"and holds {', '.join(found) or 'none'}."
                ),
            )


def placeholders(entry: polib.POEntry, text: str) -> list[str]:
    found = PERCENT.findall(text.replace("%%", "")) if "python-format" in entry.flags else []
    found += BRACE.findall(text) if "python-brace-format" in entry.flags else []
    return sorted(set(found)) if all("(" in one or one.startswith("{") for one in found) else found
