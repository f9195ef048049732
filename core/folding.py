"""Texts as people compare them: `Œuvre`, `oeuvre` and `OEUVRE` are found, and sorted, as the same
(docs/rules.md#search-as-typed)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

import idna
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import StrIndex, Substr
from django.utils.translation import get_language

# Letters that Unicode does not take apart, and that a keyboard without them writes so.
_WRITTEN_SO = str.maketrans(
    {
        "œ": "oe",
        "æ": "ae",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "n",
        "ı": "i",
        "ĸ": "k",
        "ɨ": "i",
        "ə": "e",
        "ɛ": "e",
        "ɔ": "o",
        "ƒ": "f",
        "ẞ": "ss",
        "ى": "ي",
        "ة": "ه",
        "ک": "ك",
        "ی": "ي",  # Arabic and Persian forms of one letter
    }
)
# What is not said: tatweel, what nobody sees, and the fractions of words that a program leaves.
_NOTHING = re.compile("[\u00ad\u0640\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
# Apostrophes, quotation marks, hyphens and dashes part words, as spaces do.
_BETWEEN_WORDS = re.compile(
    "[\\s'\"`´\u2018-\u201f\u2032-\u2037\u02b9-\u02bf\u02c8\ua78c\u00ab\u00bb\u2039\u203a"
    "\\-\u2010-\u2015\u2043\u2212\u05be\u30fb\u00b7_]+"
)
_ENCODED_DOMAIN = re.compile(r"[a-z0-9.-]*xn--[a-z0-9.-]+")


def fold(text: str) -> str:
    """`text` without accents, case, ligatures and the marks between words: “L’Œuvre – café” is `l oeuvre cafe`.
    Letters of other scripts stay, without their vowel points and accents."""
    if text.isascii():
        return _BETWEEN_WORDS.sub(" ", text.lower()).strip()
    apart = unicodedata.normalize("NFKD", text).casefold()
    if not unicodedata.is_normalized("NFKD", apart):
        apart = unicodedata.normalize("NFKD", apart)
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return _BETWEEN_WORDS.sub(" ", _NOTHING.sub("", bare.translate(_WRITTEN_SO))).strip()


def folded(texts: Iterable[str]) -> str:
    """What `SearchField` keeps of `texts`, one a line, with the letters of mail domains beside their punycode."""
    return "\n".join(fold(text if "xn--" not in text else f"{text} {_with_letters(text)}") for text in texts)


def _with_letters(text: str) -> str:
    def decode(match: re.Match[str]) -> str:
        try:
            return idna.decode(match[0])
        except UnicodeError:
            return match[0]

    return _ENCODED_DOMAIN.sub(decode, text)


def found(typed: str, *paths: str) -> Q:
    """The condition that each word of `typed` stands in one of the columns of `paths`, which are SearchFields."""
    condition = Q()
    for word in fold(typed).split():
        condition &= reduce(or_, (Q(**{f"{path}__contains": word}) for path in paths))
    return condition


class SearchField(models.TextField):
    """The texts of a row, folded, by which it is found and sorted: what `sources` name, the one that people sort by
    first. A source that is kept in two languages is named once for each, French first."""

    def __init__(self, *sources: str, **kwargs: Any) -> None:
        self.sources = sources
        kwargs.setdefault("editable", False)
        kwargs.setdefault("default", "")
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        """As a text: a change of the sources changes no column."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.text_of(model_instance)
        setattr(model_instance, self.attname, value)
        return value

    def text_of(self, row: Any) -> str:
        """What the column says about `row`. A text that is missing in one language is sorted by the other."""
        texts = [getattr(row, source) or "" for source in self.sources]
        if self.is_translated:
            texts[:2] = texts[0] or texts[1], texts[1] or texts[0]
        return folded(texts)

    @property
    def is_translated(self) -> bool:
        return self.sources[0].endswith("_fr")


class Searchable(models.Model):
    """A row that people look for: a model of this kind has a `search = SearchField(…)`."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if update_fields is not None and set(update_fields) & set(_search_of(type(self)).sources):
            update_fields = {*update_fields, "search"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def write_search(self) -> None:
        """Write the column anew, for rows that are saved in bulk: Django does not ask their fields."""
        _search_of(type(self)).pre_save(self, add=False)


def _search_of(model: type[models.Model]) -> SearchField:
    field = model._meta.get_field("search")
    assert isinstance(field, SearchField)  # noqa: S101 - for the types
    return field


class _Bytewise(Func):
    """In the order of code points, whatever the locale of the database: what is folded needs no other."""

    template = "%(expressions)s"

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return super().as_sql(compiler, connection, template='%(expressions)s COLLATE "C"')


def in_order(model: type[models.Model], path: str = "search") -> Func:
    """The expression by which rows of `model` are sorted alphabetically, in the language of the reader; `path` leads to
    a SearchField."""
    target = _target(model, path.split("__")[:-1])
    if target and _search_of(target).is_translated and get_language() == "en":
        return _Bytewise(Substr(path, StrIndex(F(path), Value("\n")) + 1))
    return _Bytewise(F(path))


def by_name(model: type[models.Model], path: str) -> Func | None:
    """`in_order` for a `path` that ends at the name by which such rows are sorted, such as `venue__name`; else None."""
    *way, name = path.split("__")
    target = _target(model, way)
    if target is None or not issubclass(target, Searchable):
        return None
    if name != "search" and name.removesuffix("_fr") != _search_of(target).sources[0].removesuffix("_fr"):
        return None
    return in_order(model, "__".join([*way, "search"]))


def _target(model: type[models.Model], way: Iterable[str]) -> type[models.Model] | None:
    """The model to which these relations lead from `model`."""
    for step in way:
        try:
            related = model._meta.get_field(step).related_model
        except FieldDoesNotExist:
            return None
        if not isinstance(related, type):
            return None
        model = related
    return model


def stale() -> Iterator[Searchable]:
    """The rows whose column says something else than they do: something wrote them past their model."""
    for model in apps.get_models():
        if issubclass(model, Searchable):
            field = _search_of(model)
            rows: Any = model._default_manager.order_by()
            for row in rows.only("search", *field.sources).iterator():
                if row.search != field.text_of(row):
                    yield row


def fill(then: Any, app: str, sources: dict[str, Sequence[str]]) -> None:
    """For migrations: write the column of the rows that exist. `then`: the models as they were; `sources` by model."""
    for name, fields in sources.items():
        model = then.get_model(app, name)
        field = SearchField(*fields)
        rows = []
        for row in model.objects.order_by().iterator():
            row.search = field.text_of(row)
            rows.append(row)
        model.objects.bulk_update(rows, ["search"], batch_size=500)
