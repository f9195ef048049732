"""What the cells of a sheet mean, in French, in English and as spreadsheets write them: read from what people type, and
written so that it is read back."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from import_export.widgets import Widget

from core import wall_time
from core.folding import fold
from core.text import validate_lines

MOST_NAMED = 12  # values that a message lists; of more, the nearest
SAID = 60  # characters of a wrong cell that a message repeats


def as_text(value: Any) -> str:
    """The text of a cell, trimmed; nothing where its column is missing."""
    return "" if value is None else str(value).strip()


def plain(cell: Any) -> str:
    """A cell as two programs write the same text: line ends, accents in one stroke or two, blanks around it."""
    return unicodedata.normalize("NFC", as_text(cell).replace("\r\n", "\n").replace("\r", "\n"))


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
        digits = text.removeprefix("-").replace(",", ".", 1)
        if self.whole and digits.isascii() and digits.isdecimal() and len(digits) < 10:
            return int(text)
        if not self.whole and digits.isascii() and digits.replace(".", "", 1).isdecimal() and len(digits) < 20:
            return float(text.replace(",", "."))
        raise ValueError(
            _("“%(value)s” is not a whole number.") % {"value": text[:SAID]}
            if self.whole
            else _("“%(value)s” is not a number.") % {"value": text[:SAID]}
        )


class Named(Cell):
    """One of several values, by any of its names: folded, in both languages, or as the database keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self._index: dict[str, list[Any]] | None = None
        self._labels: dict[str, str] = {}

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        """Each value, its key, and its other names, the one to write first."""
        raise NotImplementedError

    def unknown(self, text: str, known: str) -> str:
        """The sentence for what is no such value; `known` names those that are, or the nearest."""
        return _("“%(value)s” is not known here. Write one of: %(known)s.") % {"value": text, "known": known}

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
                _("Several are called “%(value)s”: write which one, %(keys)s.") % {"value": text[:SAID], "keys": keys}
            )
        raise ValueError(self.unknown(text[:SAID], ", ".join(self.nearest(text))))

    def nearest(self, text: str) -> list[str]:
        """What could have been meant: all values where they are few."""
        if len(self._labels) <= MOST_NAMED:
            return list(self._labels.values())
        close = get_close_matches(fold(text), list(self.index), n=5, cutoff=0.5)
        meant = dict.fromkeys(self.key_of(value) for name in close for value in self.index[name])
        return [self._labels[key] for key in meant] or [*list(self._labels.values())[:MOST_NAMED], "…"]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """The name of a value in the reader's language, or its key where that name could be another's."""
        if value is None or value == "":
            return ""
        key = self.key_of(value)
        self.index  # noqa: B018 - it knows the labels
        label = self._labels.get(key, key)
        return label if self.index.get(fold(label)) == [value] else key


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
        return _("“%(value)s” is not in the list “%(things)s”. Nearest: %(known)s.") % {
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
        known = _languages()
        if fold(word) in known:
            return known[fold(word)]
        if len(word) == 2 and word.isascii() and word.isalpha():
            return word.lower()
        raise ValueError(
            _("“%(value)s” is not a language: write them like French, English or fr|en.") % {"value": word[:SAID]}
        )

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        codes = value.split("|") if value else []
        names = Locale(get_language() or "fr").languages
        written = [names.get(code, code) for code in codes]
        return ", ".join(written) if all(_languages().get(fold(name)) for name in written) else value


class Country(Cell):
    """A country by its name or by its two letters; what else a field takes is left to it."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = plain(value)
        return _countries().get(fold(text), text.upper() if len(text) == 2 else text)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        name = Locale(get_language() or "fr").territories.get(value, value) if value else ""
        return name if _countries().get(fold(name)) == value else value or ""


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
            return moment
        days, hour = wall_time.moment_in(text)
        if not days or hour is None:
            raise ValueError(
                _("“%(value)s” is not a date and time: write it like 2027-02-10 14:30.") % {"value": text[:SAID]}
            )
        fitting = [day for day, first in days if first in (None, self.day_first)]
        if len(fitting) != 1:
            raise ValueError(_doubt(text[:SAID], [day for day, _first in days]))
        return wall_time.at_wall_time(datetime.combine(fitting[0], hour), self.zone)


def _doubt(text: str, days: Sequence[date]) -> str:
    if len(days) == 1:  # the file has the other order everywhere else
        return _("“%(value)s” has the day and the month the other way round: write %(day)s.") % {
            "value": text,
            "day": days[0].isoformat(),
        }
    return _("“%(value)s” is %(one)s or %(other)s: write the one that is meant.") % {
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


def _languages() -> dict[str, str]:
    return _index_of("languages", {code for code in LANG_INFO if len(code) == 2})


def _countries() -> dict[str, str]:
    return _index_of("territories", None)


_indexes: dict[str, dict[str, str]] = {}


def _index_of(kind: str, codes: set[str] | None) -> dict[str, str]:
    """The two-letter codes of languages or countries by their names in both languages."""
    if kind not in _indexes:
        _indexes[kind] = {
            fold(name): code
            for language, _name in settings.LANGUAGES
            for code, name in getattr(Locale(language), kind).items()
            if len(code) == 2 and code.isalpha() and (codes is None or code in codes)
        }
    return _indexes[kind]


def as_cell(cell: Any, *, decimal_comma: bool = False) -> Any:
    """A value as a CSV holds it: moments to the minute, decimals as the reader's spreadsheet takes them for numbers."""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).replace(".", ",") if decimal_comma and isinstance(cell, float) else cell
