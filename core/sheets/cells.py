"""What the cells of a sheet mean, in French, in English and as spreadsheets write them: read from what people type, and
written so that it is read back."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from import_export.widgets import Widget
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from core import wall_time
from core.folding import fold
from core.text import validate_lines

MOST_NAMED = 12  # values that a message lists; of more, the nearest
MOST_COMPARED = 20  # wrong values of a column whose nearest are looked for, one by one
SAID = 60  # characters of a wrong cell that a message repeats


class Broken(str):
    """An empty cell that is no empty cell: `sentence` says what is wrong with it."""

    sentence: str

    @classmethod
    def saying(cls, sentence: str) -> "Broken":
        cell = cls()
        cell.sentence = sentence
        return cell


def as_text(value: Any) -> str:
    """The text of a cell, trimmed; nothing where its column is missing."""
    return "" if value is None else str(value).strip()


def plain(cell: Any) -> str:
    """A cell as two programs write the same text: line ends, accents in one stroke or two, blanks around it."""
    return unicodedata.normalize("NFC", as_text(cell).replace("\r\n", "\n").replace("\r", "\n"))


def in_a_workbook(text: str) -> str:
    """A text as an XLSX file can hold it."""
    return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text)


class Cell(Widget):
    """What all cells share: they are written as what they are, and a workbook keeps numbers as numbers."""

    def __init__(self) -> None:
        super().__init__(coerce_to_string=False)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else value


class Text(Cell):
    """Text as written, trimmed; a number that Excel made of it is read as its digits."""

    def __init__(self, *, nullable: bool = False) -> None:
        super().__init__()
        self.nullable = nullable

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        text = plain(value)
        try:
            validate_lines(text)
        except ValidationError as error:
            raise ValueError(error.message) from error
        return text or (None if self.nullable else "")


class Number(Cell):
    """A number: whole, or with decimals after a point or a comma; thousands may be set apart by blanks."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | float | None:
        text = as_text(value)
        if not text:
            return None
        text = re.sub(r"(?<=[0-9])[ \xa0\u202f](?=[0-9]{3}(?![0-9]))", "", text)
        if self.whole and re.fullmatch(r"-?[0-9]{1,9}(?:[.,]0{1,9})?", text):
            return int(re.split("[.,]", text)[0])
        if not self.whole and re.fullmatch(r"-?[0-9]{1,19}(?:[.,][0-9]{0,25})?(?:[eE]-?[0-9]{1,2})?", text):
            return float(text.replace(",", "."))
        raise ValueError(
            _("“%(value)s” is not a whole number.") % {"value": text[:SAID]}
            if self.whole
            else _("“%(value)s” is not a number.") % {"value": text[:SAID]}
        )


class Named(Cell, ABC):
    """One of several values, by any of its names: folded, in both languages, or as the database keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self._index: dict[str, list[Any]] | None = None
        self._labels: dict[str, str] = {}
        self._nearest: dict[str, list[str]] = {}

    @abstractmethod
    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        """Each value, its key, and its other names, the one to write first."""

    def unknown(self, text: str, known: str) -> str:
        """The sentence for what is no such value; `known` names those that are, or the nearest."""
        return _("“%(value)s” is not recognised. Write one of these: %(known)s.") % {"value": text, "known": known}

    @property
    def index(self) -> dict[str, list[Any]]:
        if self._index is None:  # all at once: one query for the whole file
            self._index = {}
            for value, key, names in self.values():
                for name in (key, *names):
                    values = self._index.setdefault(fold(name), [])
                    if value not in values:
                        values.append(value)
                self._labels[key] = next(iter(names), key)
        return self._index

    def key_of(self, value: Any) -> str:
        return str(value)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = plain(value)
        if not text:
            return None
        index = self.index
        found = index.get(fold(text), [])
        exact = [one for one in found if self.key_of(one) == text]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        if found:
            keys = ", ".join(map(self.key_of, found[:MOST_NAMED]))
            raise ValueError(
                _("More than one is called “%(value)s”: write which one you mean (%(keys)s).")
                % {"value": text[:SAID], "keys": keys}
            )
        raise ValueError(self.unknown(text[:SAID], ", ".join(self.nearest(text[:SAID]))))

    def nearest(self, text: str) -> list[str]:
        """What could have been meant: all values where they are few."""
        index = self.index
        first = [self._name(key) for key in list(self._labels)[:MOST_NAMED]]
        if len(self._labels) <= MOST_NAMED:
            return first
        if text not in self._nearest and len(self._nearest) < MOST_COMPARED:
            close = get_close_matches(fold(text), list(index), n=5, cutoff=0.5)
            meant = dict.fromkeys(self.key_of(value) for name in close for value in index[name])
            self._nearest[text] = [self._name(key) for key in meant]
        return self._nearest.get(text) or [*first, "…"]

    def _name(self, key: str) -> str:
        """The name of the value with this key, or the key where that name could be another's."""
        label = self._labels[key]
        return label if len(self.index[fold(label)]) == 1 else key

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """The name of a value in the reader's language, or its key where that name could be another's."""
        if value is None or value == "":
            return ""
        key = self.key_of(value)
        return self._name(key) if self.index and key in self._labels else key


class Choice(Named):
    """One of the choices of a field."""

    def __init__(self, choices: Sequence[tuple[str, Any]], also: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__()
        self.choices = [(str(key), label) for key, label in choices if key]
        self.also = also or {}

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        for key, label in self.choices:
            yield key, key, [*in_both(label), *self.also.get(key, ())]


class YesNo(Cell):
    """Yes or no, in French, in English or as a spreadsheet says it."""

    WORDS = {
        "yes": True,
        "oui": True,
        "vrai": True,
        "true": True,
        "x": True,
        "1": True,
        "no": False,
        "non": False,
        "faux": False,
        "false": False,
        "0": False,
        "": False,
    }

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        word = as_text(value).lower()
        if word not in self.WORDS:
            raise ValueError(_("“%(value)s”: write yes or no.") % {"value": word[:SAID]})
        return self.WORDS[word]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return _("yes") if value else _("no")


class Key(Named):
    """Another row, by its slug or by a name that is no other's. `names`: what a row may be called."""

    def __init__(self, queryset: QuerySet[Any], names: Callable[[Any], Iterable[str]] | None = None) -> None:
        super().__init__()
        self.queryset = queryset
        self.names = names or (lambda row: in_both_of(row, "title") or in_both_of(row, "name") or [str(row)])

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        for row in self.queryset.all():
            yield row, row.slug, list(self.names(row))

    def key_of(self, value: Any) -> str:
        return value.slug

    def unknown(self, text: str, known: str) -> str:
        things = self.queryset.model._meta.verbose_name_plural
        return _("“%(value)s” is not in the list “%(things)s”. Closest matches: %(known)s.") % {
            "value": text,
            "things": things,
            "known": known or "–",
        }


class Languages(Cell):
    """Languages, by name or by code, separated by what people put between them; kept as fr|en."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        words = re.split(r"[|,;/+&\n]|\s(?:et|and)\s", plain(value))
        return "|".join(dict.fromkeys(self._code(word.strip()) for word in words if word.strip()))

    def _code(self, word: str) -> str:
        if code := _languages().get(fold(word)):
            return code
        raise ValueError(
            _("“%(value)s” is not a language: write, for example, French, English or fr|en.") % {"value": word[:SAID]}
        )

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        codes = value.split("|") if value else []
        names = Locale(get_language() or "fr").languages
        written = [names.get(code, code) for code in codes]
        return ", ".join(written) if all(_languages().get(fold(name)) for name in written) else value


class Country(Named):
    """A country by its name or by its two letters. `has_bodies`: whether it may be an international body instead."""

    def __init__(self, *, has_bodies: bool = False) -> None:
        super().__init__()
        self.has_bodies = has_bodies

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        yield from ((code, code, names) for code, names in _named("territories").items())
        if self.has_bodies:
            yield "INT", "INT", []

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return super().clean(value) or ""


class WallTime(Cell):
    """A moment as a clock of `zone` shows it, “2027-02-10 14:30” or “10/02/2027 à 14 h 30”; one that names its own
    offset is taken at its word. `day_first`: how 10/02 is read; None where nothing says it."""

    zone = ZoneInfo("Europe/Paris")
    day_first: bool | None = None

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> datetime | None:
        text = as_text(value)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment and moment.tzinfo:
            wall_time.check_year(moment)
            return moment
        days, hour = wall_time.moment_in(text)
        if not days or hour is None:
            raise ValueError(
                _("“%(value)s” is not a date and time: write it like this: 2027-02-10 14:30.") % {"value": text[:SAID]}
            )
        fitting = [day for day, first in days if first in (None, self.day_first)]
        if len(fitting) != 1:
            raise ValueError(_doubt(text[:SAID], [day for day, _first in days]))
        return wall_time.at_wall_time(datetime.combine(fitting[0], hour), self.zone)


def _doubt(text: str, days: Sequence[date]) -> str:
    if len(days) == 1:  # the file has the other order everywhere else
        return _("“%(value)s” has the day and month the other way round from the rest of the file: write %(day)s.") % {
            "value": text,
            "day": days[0].isoformat(),
        }
    return _("“%(value)s” could be %(one)s or %(other)s: write the date you mean.") % {
        "value": text,
        "one": days[0].isoformat(),
        "other": days[1].isoformat(),
    }


def in_both(label: Any) -> list[str]:
    """A label in the reader's language, then in the other one."""
    first = get_language() or "fr"
    names = []
    for language in (first, *(code for code, _name in settings.LANGUAGES if code != first)):
        with override(language):
            names.append(str(label))
    return list(dict.fromkeys(names))


def in_both_of(row: Any, name: str) -> list[str]:
    """The same for a text of `row` that is kept in two languages; nothing where it has no such text."""
    first = "en" if get_language() == "en" else "fr"
    texts = [getattr(row, f"{name}_{code}", "") for code in (first, "en" if first == "fr" else "fr")]
    return [text for text in texts if text]


@cache
def _languages() -> dict[str, str]:
    """The codes of languages by these codes and by their names in both languages."""
    return {fold(name): code for code, names in _named("languages").items() for name in (code, *names)}


def _named(kind: str) -> dict[str, list[str]]:
    """The names of languages or countries by their two-letter codes, the reader's language first."""
    first = get_language() or "fr"
    languages = [first, *(code for code, _name in settings.LANGUAGES if code != first)]
    named = [getattr(Locale(language), kind) for language in languages]
    codes = dict.fromkeys(code for names in named for code in names if len(code) == 2 and code.isalpha())
    return {code: [names[code] for names in named if code in names] for code in codes}


def as_cell(cell: Any, *, decimal_comma: bool = False) -> Any:
    """A value as a CSV holds it: moments to the minute, decimals as the reader's spreadsheet takes them for numbers."""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).replace(".", ",") if decimal_comma and isinstance(cell, float) else cell
