"""Rows of a model as rows of a sheet: columns in, columns out, and the words for what a cell may not hold."""

import unicodedata
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import Diff, ModelResource
from import_export.widgets import Widget

from core.effects import Effects, hold_asked, watched
from core.sheets.formats import SheetError, as_cell
from core.text import validate_lines


class Text(Widget):
    """Text as written, trimmed; a number that Excel made of it is read as its digits."""

    def __init__(self, *, nullable: bool = False) -> None:
        super().__init__(coerce_to_string=False)
        self.nullable = nullable

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        text = _plain(value)
        try:
            validate_lines(text)
        except ValidationError as error:
            raise ValueError(error.message) from error
        return text or (None if self.nullable else "")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Number(Widget):
    """A number: whole, or with decimals after a point or a comma."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__(coerce_to_string=False)
        self.whole = whole

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | float | None:
        text = as_text(value)
        if not text:
            return None
        digits = text.removeprefix("-").replace(",", ".", 1)
        if self.whole and digits.isascii() and digits.isdecimal() and len(digits) < 10:
            return int(text)
        if not self.whole and digits.isascii() and digits.replace(".", "", 1).isdecimal() and len(digits) < 20:
            return float(text.replace(",", "."))
        raise ValueError(
            _("“%(value)s” is not a whole number.") % {"value": text[:60]}
            if self.whole
            else _("“%(value)s” is not a number.") % {"value": text[:60]}
        )

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else value


class YesNo(Widget):
    """Yes or no, in French, in English or as a spreadsheet says it."""

    WORDS = {
        "yes": True,
        "oui": True,
        "vrai": True,
        "true": True,
        "1": True,
        "no": False,
        "non": False,
        "faux": False,
        "false": False,
        "0": False,
        "": False,
    }

    def __init__(self) -> None:
        super().__init__(coerce_to_string=False)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        word = as_text(value).lower()
        if word not in self.WORDS:
            raise ValueError(_("“%(value)s”: write yes or no.") % {"value": word[:60]})
        return self.WORDS[word]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return _("yes") if value else _("no")


class Key(Widget):
    """Another row, named by its slug."""

    def __init__(self, queryset: QuerySet[Any], *, optional: bool = False) -> None:
        super().__init__(coerce_to_string=False)
        self.queryset = queryset
        self.optional = optional
        self.known: dict[str, Model] | None = None

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Model | None:
        slug = as_text(value)
        if not slug and self.optional:
            return None
        if self.known is None:  # all at once: one query for the whole file
            self.known = {found.slug: found for found in self.queryset.all()}
        if slug not in self.known:
            things = self.queryset.model._meta.verbose_name_plural
            raise ValueError(_("“%(slug)s” is not in the list “%(things)s”.") % {"things": things, "slug": slug[:60]})
        return self.known[slug]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else value.slug


class SideBySide(Diff):
    """What a row changes, as (before, after) pairs of all its cells: the library's own wears inline styles."""

    def __init__(self, resource: Any, instance: Any, new: bool) -> None:
        self.before = [] if new else self._cells(resource, instance)
        self.after: list[Any] = []

    def compare_with(self, resource: Any, instance: Any) -> None:
        self.after = self._cells(resource, instance)

    def as_html(self) -> list[tuple[Any, Any]]:
        return list(zip_longest(self.before, self.after, fillvalue=""))

    def _cells(self, resource: Any, instance: Any) -> list[Any]:
        return [resource.export_field(field, instance) for field in resource.get_import_fields()]


class SheetResource(ModelResource):
    """Rows found by their slug, checked as a form checks them; unchanged ones are left alone."""

    class Meta:
        abstract = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines: list[int] = []
        self.ignored_columns: list[str] = []
        self.seen: dict[str, int] = {}
        self.known: dict[str, Any] = {}  # the rows of the database that the file names, by their slugs
        self.written: dict[int, Any] = {}  # what was saved so far, by the line of its row

    @classmethod
    def get_diff_class(cls) -> type[Diff]:
        return SideBySide

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> Any:
        with watched() as self.watch:
            return super().import_data(dataset, dry_run, **kwargs)

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        columns = {field.column_name for field in self.get_import_fields()}
        missing = {self.fields[name].column_name for name in self._meta.import_id_fields} - set(dataset.headers)
        if missing:
            raise SheetError(
                _("The column “%(column)s” is missing: it identifies each row. The file has: %(found)s.")
                % {"column": ", ".join(missing), "found": ", ".join(header[:60] for header in dataset.headers)}
            )
        slugs = {as_text(slug) for slug in dataset["slug"]} if "slug" in dataset.headers else set()
        found = self._meta.model._default_manager.filter(slug__in=slugs)
        self.known = {instance.slug: instance for instance in self.filter_export(found)}
        self.ignored_columns = [header for header in dataset.headers if header not in columns]
        self.lines = getattr(dataset, "lines", list(range(2, len(dataset) + 2)))

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        # What the preview needs to speak of the file as its author sees it.
        result.lines, result.ignored_columns, result.column_of = self.lines, self.ignored_columns, self.column_of
        result.effects = Effects()
        for line, error in self.judge_together({line for line in self.lines if line not in self.written}):
            number = self.lines.index(line) + 1
            result.append_invalid_row(number, {}, ValidationError(error))
        if result.has_errors() or result.has_validation_errors():
            return
        if kwargs["dry_run"]:
            result.effects = self.watch.effects()
        elif kwargs.get("hold"):
            hold_asked.send(sender=type(self), since=self.watch.since, actor=kwargs["user"])

    def judge_together(self, refused: set[int]) -> Iterable[tuple[int, dict[str, str]]]:
        """What is wrong with the rows when all of them are in their places: the line, and what to say of which field.
        `refused`: the lines that were not written."""
        return ()

    def after_import_row(self, row: Any, row_result: Any, **kwargs: Any) -> None:
        self.written[self.lines[kwargs["row_number"] - 1]] = row_result.instance

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[Any, bool]:
        known = self.known.get(as_text(row["slug"]))
        return (known, False) if known else (self.init_instance(row), True)

    def import_field(self, field: Field, instance: Any, row: Any, **kwargs: Any) -> None:
        """A cell that holds what an export would write changes nothing, whatever an import makes of such a text."""
        if instance._state.adding or not self.is_as_exported(field, instance, row):
            super().import_field(field, instance, row, **kwargs)

    def is_as_exported(self, field: Field, instance: Any, row: Any) -> bool:
        return field.column_name not in row or (
            _plain(row[field.column_name]) == _plain(as_cell(self.export_field(field, instance)))
        )

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        slug, line = as_text(row.get("slug")), self.lines[kwargs["row_number"] - 1]
        if slug in self.seen:
            raise ValidationError(
                {"slug": _("“%(slug)s” is already on line %(line)d.") % {"slug": slug[:60], "line": self.seen[slug]}}
            )
        self.seen[slug] = line

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, *args: Any, **kwargs: Any) -> None:
        errors = import_validation_errors or {}
        for name in _translated(self._meta.model):
            if (
                f"{name}_fr" in self.fields
                and not getattr(instance, f"{name}_fr")
                and not self._meta.model._meta.get_field(name).blank
            ):
                errors.setdefault(f"{name}_fr", ValidationError(_("The French text is required.")))
        super().validate_instance(instance, errors, *args, **kwargs)

    def column_of(self, attribute: str) -> str:
        """The column that holds `attribute`, for a message about it."""
        return next((field.column_name for field in self.fields.values() if field.attribute == attribute), attribute)

    @classmethod
    def field_from_django_field(cls, field_name: str, django_field: Any, readonly: bool) -> Field:
        """Text, numbers and yes/no read and written in our words; keys and moments are declared by each resource."""
        widget: Widget = Text(nullable=django_field.null)
        if django_field.get_internal_type() in ("PositiveIntegerField", "PositiveSmallIntegerField"):
            widget = Number(whole=True)
        elif django_field.get_internal_type() == "FloatField":
            widget = Number(whole=False)
        elif django_field.get_internal_type() == "BooleanField":
            widget = YesNo()
        return cls.DEFAULT_RESOURCE_FIELD(
            attribute=field_name, column_name=field_name, widget=widget, readonly=readonly
        )


class Options:
    """What all sheets share (import-export reads it from Meta)."""

    import_id_fields = ["slug"]
    skip_unchanged = True
    report_skipped = True
    clean_model_instances = True
    use_transactions = True
    store_instance = True


def _translated(model: type[Model]) -> list[str]:
    return sorted({field.translated_field.name for field in model._meta.fields if hasattr(field, "translated_field")})


def _plain(cell: Any) -> str:
    """A cell as two programs write the same text: line ends, accents in one stroke or two, blanks around it."""
    text = "" if cell is None else str(cell).replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text).strip()


def as_text(value: str | None) -> str:
    """The text of a cell, trimmed; nothing where its column is missing."""
    return (value or "").strip()
