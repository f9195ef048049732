"""Rows of a model as rows of a sheet: which column is which, which row of the database a row is, and what an import
would change."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count, zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import override
from import_export.fields import Field
from import_export.resources import Diff, ModelResource
from import_export.widgets import Widget

from core import wall_time
from core.effects import Effects, hold_asked, watched
from core.folding import fold
from core.sheets.cells import (
    MOST_NAMED,
    SAID,
    Broken,
    Choice,
    Country,
    Number,
    Text,
    YesNo,
    as_cell,
    as_text,
    in_a_workbook,
    in_both,
    plain,
)
from core.sheets.formats import SheetError


class DayMonthDoubt(Exception):
    """Nothing in the file says whether the day stands before the month; the argument is one of its texts."""


class PreviewMoved(Exception):
    """What would be written is no longer what was shown."""


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
    """Rows found by their slug, or by their name where they have none, and checked as a form checks them; unchanged
    ones are left alone.

    `day_first`: whether days stand before months, once somebody has said so.
    """

    # What else a column may be called, folded as core.folding does.
    also: Mapping[str, tuple[str, ...]] = {}
    # The columns by whose texts a row without a slug is known; the slug of a new one is made of the last.
    named_by: tuple[str, ...] = ()
    # The column of what its names are those of: two events may each have a lunch.
    named_within = ""
    # What tells rows of one name apart: all of these columns, or else the first.
    told_apart_by: tuple[str, ...] = ()
    # The columns that hold days and moments.
    moments: tuple[str, ...] = ()

    class Meta:
        abstract = True

    def __init__(self, *, day_first: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day_first = day_first
        self.lines: list[int] = []
        self.headers: dict[str, str] = {}  # as the file has them, by column
        self.ignored_columns: list[str] = []
        self.slugs: list[str] = []
        self.made_up = 0  # slugs
        self.doubtful: dict[int, dict[str, str]] = {}  # what must be said of rows before they can be any
        self.seen: dict[str, int] = {}
        self.known: dict[str, Any] = {}  # the rows of the database that the file names, by their slugs
        self.written: dict[int, Any] = {}  # what was saved so far, by the line of its row

    @classmethod
    def get_diff_class(cls) -> type[Diff]:
        return SideBySide

    # --- Columns ---

    def label(self, column: str) -> str:
        """The header of a column, in the reader's language."""
        field = next(field for field in self.fields.values() if field.column_name == column)
        model_field: Any = self._meta.model._meta.get_field(field.attribute)
        original = getattr(model_field, "translated_field", None)
        if original is None:
            return capfirst(str(model_field.verbose_name))
        words = _("%(field)s (French)") if column.endswith("_fr") else _("%(field)s (English)")
        return words % {"field": capfirst(str(original.verbose_name))}

    def labels(self, *, needed: bool | None = None) -> list[str]:
        """The headers of all columns; or of those alone that are read, and that a new row needs, or does without."""
        wanted = self._needed()
        return [
            self.label(field.column_name)
            for field in self.get_import_fields()
            if needed is None or (needed == (field.column_name in wanted) and not field.readonly)
        ]

    def get_export_headers(self, selected_fields: Any = None) -> list[str]:
        return [self.label(name) for name in super().get_export_headers(selected_fields)]

    def column_of(self, attribute: str) -> str:
        """The column that holds `attribute`, for a message about it, as the file has it."""
        column = next((field.column_name for field in self.fields.values() if field.attribute == attribute), "")
        return self.headers.get(column or attribute) or (self.label(column) if column else attribute)

    def _names(self) -> dict[str, str]:
        """The columns by everything that they may be called, folded."""
        names: dict[str, str] = {}
        bare: dict[str, str] = {}
        for field in self.fields.values():
            column = field.column_name
            for language in ("fr", "en"):
                with override(language):
                    names.setdefault(fold(self.label(column)), column)
            names[fold(column)] = column
            if column.endswith(("_fr", "_en")):
                original: Any = self._meta.model._meta.get_field(field.attribute).translated_field
                alone = [*map(fold, in_both(original.verbose_name)), column[:-3]]
                bare |= {f"{name} {column[-2:]}": column for name in alone}
                if column.endswith("_fr"):  # a title alone is the French one, which is required
                    bare |= dict.fromkeys(alone, column)
        return bare | {name: column for column, also in self.also.items() for name in also} | names

    def _name_columns(self, dataset: Any) -> None:
        """Call the columns of the file by their names in code."""
        self.said_headers = ", ".join(header[:60] for header in dataset.headers)
        names = self._names()
        bare = {header: fold(header).rstrip(" *:").lstrip("* ") for header in dataset.headers}
        columns = {header: names.get(name, "") for header, name in bare.items()}
        for header, column in columns.items():  # a title beside a titre is the English one
            if column.endswith("_fr") and list(columns.values()).count(column) == 2:
                with override("en"):
                    original: Any = self._meta.model._meta.get_field(column).translated_field
                    in_english = fold(str(original.verbose_name))
                others = [bare[other] for other, its in columns.items() if its == column and other != header]
                if bare[header] == in_english not in others and f"{column[:-3]}_en" not in columns.values():
                    columns[header] = f"{column[:-3]}_en"
        for header, column in columns.items():
            if not column:
                continue
            if other := self.headers.get(column):
                raise SheetError(
                    _("“%(one)s” and “%(other)s” are the same column: keep one.") % {"one": other, "other": header}
                )
            self.headers[column] = header
        if not self.headers:
            raise SheetError(
                _("None of these columns is recognised: %(found)s. The columns you can use are: %(known)s.")
                % {"found": self.said_headers, "known": ", ".join(self.labels())}
            )
        imported = {field.column_name for field in self.get_import_fields() if not field.readonly}
        imported |= self.also.keys()  # some are only read beside others
        self.ignored_columns = [header for header, column in columns.items() if column not in imported]
        dataset.headers = [column or header for header, column in columns.items()]

    def _needed(self) -> set[str]:
        """The columns without which there is no new row."""
        return {
            field.column_name
            for field in self.get_import_fields()
            if not field.readonly
            and field.attribute != "slug"
            and not (model_field := self._meta.model._meta.get_field(field.attribute)).blank
            and not model_field.has_default()
            and not field.column_name.endswith("_en")
        } | {f"{name}_fr" for name in _required_texts(self._meta.model) if f"{name}_fr" in self.fields}

    # --- Rows ---

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> Any:
        with watched() as self.watch:
            return super().import_data(dataset, dry_run, **kwargs)

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        self.lines = getattr(dataset, "lines", list(range(2, len(dataset) + 2)))
        self.rows_out_of_sight = getattr(dataset, "rows_out_of_sight", 0)
        self._name_columns(dataset)
        self.settle_days([str(row.get(column) or "") for row in dataset.dict for column in self.moments])
        self.identify(dataset)

    def settle_days(self, texts: Collection[str]) -> None:
        """Know whether days stand before months in these texts. Raises DayMonthDoubt."""
        if self.day_first is None:
            orders = wall_time.orders_in(texts)
            if len(orders) == 2:
                raise DayMonthDoubt(next(text for text in texts if len(wall_time.orders_in([text])) == 2))
            self.day_first = orders.pop() if orders else None
        for field in self.fields.values():
            if hasattr(field.widget, "day_first"):
                field.widget.day_first = self.day_first

    def identify(self, dataset: Any) -> None:
        """Know which row of the database each row is: the one with its slug, else the one with its name."""
        if "slug" not in dataset.headers:
            if missing := [self.label(column) for column in self.named_by if column not in dataset.headers]:
                raise SheetError(
                    _(
                        "The file needs a column that says which row is which: “%(slug)s” or “%(name)s”. It has: "
                        "%(found)s."
                    )
                    % {"slug": self.label("slug"), "name": ", ".join(missing), "found": self.said_headers}
                )
            dataset.append_col([""] * len(dataset), header="slug")
        rows = dataset.dict
        self.slugs = [as_text(row["slug"]) for row in rows]
        for number, row in enumerate(rows):
            if isinstance(row["slug"], Broken):
                self.doubtful[number] = {"slug": row["slug"].sentence}
        if not all(self.slugs):
            self._find_by_name(rows)
        found = self._meta.model._default_manager.filter(slug__in=set(self.slugs))
        # Locked: what is confirmed is compared with what was shown, and nothing comes between.
        found = self.filter_export(found).select_for_update(of=("self",), no_key=True).order_by("pk")
        self.known = {instance.slug: instance for instance in found}
        new = [number for number, slug in enumerate(self.slugs) if slug and slug not in self.known]
        if new:
            self.refuse_missing_columns(dataset, new)

    def refuse_missing_columns(self, dataset: Any, new: Sequence[int]) -> None:
        """Raise SheetError when a column is missing that new rows need: one mistake, not one for each row. The first of
        them is named: it may be none, but has its identifier or its name misspelt."""
        needed = self._needed() - set(dataset.headers)
        missing = [self.label(f.column_name) for f in self.get_import_fields() if f.column_name in needed]
        if missing:
            row = dataset.dict[new[0]]
            raise SheetError(
                _(
                    "“%(name)s”, on line %(line)d, is new, and new rows also need these columns: %(missing)s. The file "
                    "has: %(found)s."
                )
                % {
                    "name": (as_text(row["slug"]) or as_text(row.get(self.named_by[-1])))[:SAID],
                    "line": self.lines[new[0]],
                    "missing": ", ".join(missing),
                    "found": self.said_headers,
                }
            )

    def _find_by_name(self, rows: list[dict[str, Any]]) -> None:
        """Give rows without a slug that of the row with their name, or one made of it."""
        unnamed: dict[Any, list[int]] = defaultdict(list)
        given, lacks = set(self.slugs), self._needed() - set(rows[0])
        for number, row in enumerate(rows):
            if self.slugs[number] or number in self.doubtful:
                continue
            if absent := next((column for column in self.named_by[::-1] if column not in row), ""):
                words = _("Write an identifier: the file has no “%(name)s” column to recognise the row by.")
                self.doubtful[number] = {"slug": words % {"name": self.label(absent)}}
            elif not as_text(row[self.named_by[-1]]):
                words = _("This row has neither an identifier nor a name.")
                self.doubtful[number] = {self.named_by[-1]: getattr(row[self.named_by[-1]], "sentence", words)}
            elif lacks and (wrong := self._wrong(self.named_within, row)):
                self.doubtful[number] = {self.named_within: wrong}
            else:
                unnamed[self.name_in(row)].append(number)
        model = self._meta.model
        taken = set(model._default_manager.values_list("slug", flat=True)) | given
        candidates: dict[Any, list[Any]] = defaultdict(list)
        for instance in self.filter_export(model._default_manager.order_by("pk")):
            if instance.slug not in given:
                candidates[self.name_of(instance)].append(instance)
        for name, numbers in unnamed.items():
            self._find_among(candidates[name], {number: rows[number] for number in numbers})
        for number in sorted(number for numbers in unnamed.values() for number in numbers):
            if not self.slugs[number] and number not in self.doubtful:
                self.slugs[number] = _free_slug(model, as_text(rows[number][self.named_by[-1]]), taken)
                taken.add(self.slugs[number])
                self.made_up += 1

    def _find_among(self, instances: list[Any], rows: dict[int, dict[str, Any]]) -> None:
        """Give rows of one name the slugs of `instances`, which have it too, where there is no doubt."""
        for length in range(len(self.told_apart_by), 0, -1):
            columns = self.told_apart_by[:length]
            marks: dict[Any, tuple[list[Any], list[int]]] = defaultdict(lambda: ([], []))
            for instance in instances:
                marks[tuple(self.mark_of(column, instance) for column in columns)][0].append(instance)
            for number, row in rows.items():
                marks[tuple(self.mark_in(column, row) for column in columns)][1].append(number)
            for mark, (those, numbers) in marks.items():
                if None not in mark and len(those) == len(numbers) == 1:
                    self.slugs[numbers[0]] = those[0].slug
            found = {self.slugs[number] for number in rows}
            instances = [instance for instance in instances if instance.slug not in found]
            rows = {number: row for number, row in rows.items() if not self.slugs[number]}
        if len(rows) == len(instances) == 1:
            self.slugs[next(iter(rows))] = instances[0].slug
        elif rows and instances:
            words = _("More than one has this name: in the “%(slug)s” column, write which one you mean (%(slugs)s).")
            slugs = ", ".join(instance.slug for instance in instances[:MOST_NAMED])
            said = {"slug": words % {"slug": self.label("slug"), "slugs": slugs}}
            self.doubtful |= dict.fromkeys(rows, said)
        else:
            self._ask_of_twins(rows)

    def _ask_of_twins(self, rows: dict[int, dict[str, Any]]) -> None:
        """Of new rows of one name that nothing tells apart, each after the first must say that it is another one."""
        seen: dict[Any, int] = {}
        for number, row in rows.items():
            mark = tuple(self.mark_in(column, row) for column in self.told_apart_by)
            twin = next(iter(seen.values()), None) if None in mark else seen.get(mark)
            if twin is not None:
                words = _("“%(name)s” is already on line %(line)d: if this is a different one, write its identifier.")
                said = {"name": as_text(row[self.named_by[-1]])[:SAID], "line": self.lines[twin]}
                self.doubtful[number] = {"slug": words % said}
            seen.setdefault(mark, number)

    def name_in(self, row: Mapping[str, Any]) -> Any:
        """What a row is known by when it has no slug; the same as `name_of` its instance."""
        within = self.mark_in(self.named_within, row) if self.named_within in self.headers else None
        return within, *(fold(as_text(row.get(column))) for column in self._names_proper)

    def name_of(self, instance: Any) -> Any:
        within = self.mark_of(self.named_within, instance) if self.named_within in self.headers else None
        return within, *(fold(str(getattr(instance, column) or "")) for column in self._names_proper)

    @property
    def _names_proper(self) -> list[str]:
        return [column for column in self.named_by if column != self.named_within]

    def _wrong(self, column: str, row: Mapping[str, Any]) -> str:
        """What is wrong with a cell, if there is one."""
        try:
            if as_text(row.get(column)):
                self.fields[column].widget.clean(row[column])
        except ValueError as error:
            return str(error)
        return ""

    def mark_in(self, column: str, row: Mapping[str, Any]) -> Any:
        """What `column` of a row says to tell it apart, the same as `mark_of` its instance; None where it says
        nothing."""
        if not as_text(row.get(column)) or self._wrong(column, row):
            return None
        value = self.fields[column].widget.clean(row[column])
        return fold(value) if isinstance(value, str) else value

    def mark_of(self, column: str, instance: Any) -> Any:
        value = self.fields[column].get_value(instance)
        return fold(value) or None if isinstance(value, str) else value

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        # What the preview needs to speak of the file as its author sees it.
        result.lines, result.ignored_columns, result.column_of = self.lines, self.ignored_columns, self.column_of
        result.made_up, result.labels = self.made_up, self.labels()
        result.rows_out_of_sight = self.rows_out_of_sight
        fields = {field.column_name for field in self.get_import_fields()}
        result.own_labels = {self.label(column) for column in {*self.headers, "slug"} & fields}
        result.effects = Effects()
        for line, error in self.judge_together({line for line in self.lines if line not in self.written}):
            number = self.lines.index(line) + 1
            result.append_invalid_row(number, {}, ValidationError(error))
        if result.has_errors() or result.has_validation_errors():
            return
        result.effects = self.watch.effects()
        result.mark = _mark_of(result)
        if kwargs["dry_run"]:
            result.warnings = self.watch.warnings()
        elif kwargs.get("shown", result.mark) != result.mark:
            raise PreviewMoved
        elif kwargs.get("hold"):
            hold_asked.send(sender=type(self), since=self.watch.since, actor=kwargs["user"])

    def judge_together(self, refused: set[int]) -> Iterable[tuple[int, dict[str, str]]]:
        """What is wrong with the rows when all of them are in their places: the line, and what to say of which field.
        `refused`: the lines that were not written."""
        return ()

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        number, key = kwargs["row_number"] - 1, self._meta.import_id_fields[0]
        if len(self.slugs) <= number:  # the file as a whole is refused
            raise ValidationError("")
        if number in self.doubtful:
            raise ValidationError(self.doubtful[number])
        slug, line = self.slugs[number], self.lines[number]
        row["slug"] = slug
        if slug in self.seen:
            words = _("“%(slug)s” is already on line %(line)d.")
            raise ValidationError({key: words % {"slug": slug[:60], "line": self.seen[slug]}})
        if slug:
            self.seen[slug] = line

    def after_import_row(self, row: Any, row_result: Any, **kwargs: Any) -> None:
        self.written[self.lines[kwargs["row_number"] - 1]] = row_result.instance

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[Any, bool]:
        known = self.known.get(as_text(row["slug"]))
        return (known, False) if known else (self.init_instance(row), True)

    def import_field(self, field: Field, instance: Any, row: Any, **kwargs: Any) -> None:
        """A cell that holds what an export would write changes nothing, whatever an import makes of such a text; nor
        does an empty one where something must stand, and stands already."""
        if field.column_name not in row:
            return
        if isinstance(cell := row[field.column_name], Broken):
            raise ValueError(cell.sentence)
        if not instance._state.adding and self.is_as_exported(field, instance, row):
            return
        if not as_text(row[field.column_name]) and _has_a_value(self._meta.model._meta.get_field(field.attribute)):
            return
        super().import_field(field, instance, row, **kwargs)

    def is_as_exported(self, field: Field, instance: Any, row: Any) -> bool:
        if field.column_name not in row:
            return True
        exported = plain(as_cell(self.export_field(field, instance)))
        return plain(row[field.column_name]) in (exported, in_a_workbook(exported))

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, *args: Any, **kwargs: Any) -> None:
        errors = dict(import_validation_errors or {})
        for name in _required_texts(self._meta.model):
            if f"{name}_fr" in self.fields and not getattr(instance, f"{name}_fr") and f"{name}_fr" not in errors:
                errors[f"{name}_fr"] = ValidationError(_("The French text is required."))
        # A text in two languages is judged as the French one: its own field reads whichever language is the reader's.
        exclude = {*errors, *_translated(self._meta.model)}
        if not getattr(instance, "slug", True):  # it would have been made of the name, which is missing
            exclude.add("slug")
        try:
            instance.full_clean(exclude=exclude)
        except ValidationError as error:
            empty = ValidationError(_("This cell cannot be empty."))
            said = {
                name: [empty if one.code in ("null", "blank") else one for one in found]
                for name, found in error.error_dict.items()
            }
            errors = said | errors  # of a cell that cannot be read, the old value is judged
        if errors:
            raise ValidationError(errors)

    @classmethod
    def field_from_django_field(cls, field_name: str, django_field: Any, readonly: bool) -> Field:
        """Text, numbers and yes/no read and written in our words; keys and moments are declared by each resource."""
        widget: Widget = Text(nullable=django_field.null)
        if django_field.choices:
            widget = Choice(django_field.flatchoices)
        elif django_field.get_internal_type() in ("PositiveIntegerField", "PositiveSmallIntegerField"):
            widget = Number(whole=True)
        elif django_field.get_internal_type() == "FloatField":
            widget = Number(whole=False)
        elif django_field.get_internal_type() == "BooleanField":
            widget = YesNo()
        elif field_name == "country":
            widget = Country(has_bodies=(django_field.max_length or 0) > 2)
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


def _mark_of(result: Any) -> str:
    """A mark of what a preview shows: the rows that change, from what to what, and what follows for people."""
    rows = [
        (line, row.import_type, [cells for cells in row.diff if cells[0] != cells[1]])
        for line, row in zip(result.lines, result.rows, strict=True)
        if row.import_type in (row.IMPORT_TYPE_NEW, row.IMPORT_TYPE_UPDATE)
    ]
    said = json.dumps([rows, result.effects.sentences], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _translated(model: type[Model]) -> list[str]:
    return sorted({field.translated_field.name for field in model._meta.fields if hasattr(field, "translated_field")})


def _required_texts(model: type[Model]) -> list[str]:
    return [name for name in _translated(model) if not model._meta.get_field(name).blank]


def _has_a_value(field: Any) -> bool:
    """Whether a field is never empty, since it has a default."""
    return field.has_default() and not field.blank and not field.null


def _free_slug(model: type[Model], text: str, taken: Collection[str]) -> str:
    longest = model._meta.get_field("slug").max_length or 50
    begin = slugify(fold(text))[: longest - 5].strip("-") or str(model._meta.model_name)
    numbers = (f"{begin}-{number}" for number in count(2))
    return begin if begin not in taken else next(slug for slug in numbers if slug not in taken)
