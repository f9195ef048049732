"""Sheets in and out."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext
from import_export.admin import ImportExportMixin
from import_export.results import Result

from core import audit_log, wall_time
from core.admin.records import RecordAdmin
from core.effects import Effects
from core.sheets.formats import FORMATS, SheetError
from core.sheets.forms import EXPIRED, ConfirmSheetForm, ExportSheetForm, SheetForm, StagedUpload
from core.sheets.resources import DayMonthDoubt, PreviewMoved

SHOWN_ROWS = 200
SHOWN_WARNINGS = 20
MOVED = gettext_lazy("Something has changed since the preview, so nothing was imported. This is what would change now.")
CHANGED = gettext_lazy("Something has changed since the preview, so nothing was imported. Choose the file again.")


class SheetAdmin(ImportExportMixin, RecordAdmin):
    """Import and export of CSV and XLSX files: a preview first, all errors at once, nothing or everything."""

    formats = FORMATS
    tmp_storage_class = StagedUpload
    import_form_class = SheetForm
    confirm_form_class = ConfirmSheetForm
    export_form_class = ExportSheetForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_import_form_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_import_form_kwargs(request) | {"seal": f"{self.opts.label}:{request.user.pk}"}

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any = None) -> dict[str, Any]:
        return super().get_confirm_form_kwargs(request, import_form) | {"seal": f"{self.opts.label}:{request.user.pk}"}

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        answer = getattr(kwargs.get("form"), "cleaned_data", {}).get("day_first")
        return {"day_first": {"yes": True, "no": False}.get(answer or "")}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        answer = import_form.cleaned_data.get("day_first", "") if import_form else ""
        return super().get_confirm_form_initial(request, import_form) | {"day_first": answer}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        said = kwargs["form"].cleaned_data
        asked = {name: said[name] for name in ("hold", "shown") if name in said}
        return super().get_import_data_kwargs(**kwargs) | asked

    def get_data_for_export(self, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        """What is about to be given away, and who takes it."""
        data = super().get_data_for_export(request, queryset, **kwargs)
        known = {"q"} | {one.name for one in self.opts.get_fields()}
        filters = sorted(known & {name.partition("__")[0] for name, value in request.GET.items() if value})
        audit_log.record("exported", self.model, actor=request.user, rows=len(data), filters=filters)
        return data

    def init_request_context_data(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        labels = self.resource_classes[0]().get_export_headers()
        return super().init_request_context_data(request, form) | {"labels": labels}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        if not isinstance(e, SheetError):
            raise e
        form.add_error("import_file", str(e))

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = super().import_action(request, **kwargs)
        context = getattr(response, "context_data", None)
        if context:
            resource = self.resource_classes[0]()
            context |= {"needed": resource.labels(needed=True), "optional": resource.labels(needed=False)}
        if context and (result := context.get("result")):
            context["preview"] = preview = Preview(result)
            if preview.doubt:  # the file is kept until its question is answered
                context["staged"] = context["form"].staged_again()
                return response
            if "confirm_form" in context:
                context["confirm_form"].show(result.mark)
        if context and "confirm_form" not in context and request.method == "POST":
            self._forget_upload(request, context["form"])
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.create_confirm_form(request)
        if request.method == "POST" and self.has_import_permission(request) and not form.is_valid():
            return self._back_to_import(request, EXPIRED)
        try:
            return super().process_import(request, **kwargs)
        except PreviewMoved:
            messages.warning(request, MOVED)
            return self._preview_again(request, form)
        except IntegrityError:  # of what the database judges at the end
            return self._back_to_import(request, CHANGED)

    def _preview_again(self, request: HttpRequest, form: ConfirmSheetForm) -> HttpResponse:
        """The preview of the file that `form` confirms, as it is now."""
        again = {
            "staged": request.POST["import_file_name"],
            "original_name": form.cleaned_data["original_file_name"],
            "day_first": form.cleaned_data["day_first"],
        }
        request.POST = QueryDict(urlencode(again))
        response = self.import_action(request)
        StagedUpload(name=form.cleaned_data["import_file_name"]).remove()  # the preview has its own
        return response

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **kwargs: Any) -> Result:
        result = super().process_dataset(dataset, form, request, rollback_on_validation_errors=True, **kwargs)
        for error in result.base_errors:
            if isinstance(error.error, PreviewMoved):
                raise error.error
        return result

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            return self._back_to_import(request, CHANGED)
        new, changed = result.totals["new"], result.totals["update"]
        audit_log.record("imported", self.model, actor=request.user, new=new, changed=changed)
        return super().process_result(result, request)

    def add_success_message(self, result: Result, request: HttpRequest) -> None:
        new, changed, same = (result.totals[kind] for kind in ("new", "update", "skip"))
        figures = [
            ngettext("%(number)d added", "%(number)d added", new) % {"number": new},
            ngettext("%(number)d changed", "%(number)d changed", changed) % {"number": changed},
            ngettext("%(number)d unchanged", "%(number)d unchanged", same) % {"number": same},
        ]
        messages.success(request, gettext("Rows imported: %(figures)s.") % {"figures": ", ".join(figures)})

    def _back_to_import(self, request: HttpRequest, sentence: Any) -> HttpResponse:
        messages.error(request, sentence)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"))

    def _forget_upload(self, request: HttpRequest, form: Any) -> None:
        name = (
            getattr(form.cleaned_data.get("import_file"), "tmp_storage_name", "")
            if form.is_bound and hasattr(form, "cleaned_data")
            else ""
        )
        if name:
            StagedUpload(name=name).remove()


@dataclass(frozen=True)
class PreviewRow:
    """A row that would be added or changed: its line, what it is about, and the cells that change (column, before,
    after); a new row has those that the file fills in."""

    line: int
    name: str
    is_new: bool
    cells: list[tuple[str, str, str]]


class Preview:
    """What an import would do, in the order of the file, ready for the page."""

    def __init__(self, result: Result) -> None:
        self.totals = result.totals
        doubts = [error.error for error in result.base_errors if isinstance(error.error, DayMonthDoubt)]
        self.doubt = str(doubts[0]) if doubts else ""
        self.file_errors = [error.error for error in result.base_errors] if not doubts else []
        self.made_up: int = getattr(result, "made_up", 0)
        self.errors: list[tuple[int, str, str]] = []  # line, column, sentence
        self.ignored_columns: list[str] = getattr(result, "ignored_columns", [])
        self.rows_out_of_sight: int = getattr(result, "rows_out_of_sight", 0)
        self.effects: Effects = getattr(result, "effects", Effects())
        told: list[str] = getattr(result, "warnings", [])
        self.warnings, self.more_warnings = told[:SHOWN_WARNINGS], len(told) - SHOWN_WARNINGS
        lines: list[int] = getattr(result, "lines", [])
        if self.file_errors or self.doubt:
            return
        for row in result.invalid_rows:
            line = lines[row.number - 1]
            for attribute, sentences in row.field_specific_errors.items():
                self.errors += [(line, result.column_of(attribute), sentence) for sentence in sentences]
            self.errors += [(line, "", sentence) for sentence in row.non_field_specific_errors]
        for error_row in result.error_rows:
            self.errors += [(lines[error_row.number - 1], "", str(error.error)) for error in error_row.errors]
        self.errors.sort(key=lambda error: error[0])
        if self.errors:
            return
        changed = [
            (line, row) for line, row in zip(lines, result.rows, strict=True) if row.import_type in ("new", "update")
        ]
        self.labels: list[str] = result.labels
        self.own_labels: set[str] = result.own_labels
        self.rows = [self._row(line, row) for line, row in changed[:SHOWN_ROWS]]
        self.not_shown = len(changed) - len(self.rows)

    @property
    def readings(self) -> list[tuple[str, date]]:
        """What the doubtful day may be: the answer, and the day."""
        days = wall_time.moment_in(self.doubt)[0]
        return [("yes" if day_first else "no", day) for day, day_first in days]

    def _row(self, line: int, row: Any) -> PreviewRow:
        is_new = row.import_type == "new"
        cells = [
            (label, _said(before), _said(after))
            for label, (before, after) in zip(self.labels, row.diff, strict=True)
            if (label in self.own_labels and after not in ("", None) if is_new else before != after)
        ]
        return PreviewRow(line, str(row.instance), is_new, cells)


def _said(value: Any) -> str:
    """A cell as the page shows it."""
    if isinstance(value, datetime):
        return date_format(value, "DATETIME_FORMAT")
    return "" if value is None else str(value)
