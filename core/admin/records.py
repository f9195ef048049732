"""What all lists and forms of the administration share."""

from collections import Counter
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.utils import NestedObjects, unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime, AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Page, Paginator
from django.db import IntegrityError, models, router, transaction
from django.db.models import Model, ProtectedError, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import yesno
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from core import audit_log, clock, wall_time
from core.admin import edit_conflicts, history
from core.effects import FIELD, HOLD, Effects, hold_asked, tried, watched
from core.folding import by_name, fold
from core.text import validate_line, validate_lines, whole_number, whole_numbers

WARNINGS_TOLD = 5  # after one form
NOTHING = "–"  # chosen
STANDING_TOLD = 20  # of what keeps something from being deleted
HISTORY_PER_PAGE = 100


def yes_or_no(value: bool | None) -> str:
    return "–" if value is None else capfirst(str(yesno(value)))


# Django's pictures say “True” and “False” to whoever hears them, in every language.
admin_list._boolean_icon = yes_or_no  # type: ignore[attr-defined]


def badge(text: object, tone: str = "") -> SafeString:
    """A state as a word on a wash. `tone`: "" for what is well, "warn" for what waits, "bad" for what needs you,
    "quiet" for the rest."""
    return format_html('<span class="badge {}">{}</span>', tone, text)


class Values(admin.AllValuesFieldListFilter):
    """A filter by the values that occur; the empty one has a name too."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice | {"display": choice["display"] or _("(none)")}


class Form(forms.ModelForm):
    """A form whose labels end without a colon: some carry a mark."""

    conflict: edit_conflicts.Conflict | None = None  # what somebody else saved while it was open
    effects: Effects | None = None  # what follows for people, which nobody has read yet

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.conflict:
            self.add_error(None, self.conflict.sentence())
        elif self.effects:
            said = [_("Nothing has been saved yet."), *self.effects.sentences, _("Save again to confirm.")]
            self.add_error(None, " ".join(map(str, said)))


class WholeNumber(forms.IntegerField):
    """A count in the digits of our keyboards: the others that Python reads are mistakes, or tricks."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str) and not value.isascii():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class Day(forms.DateField):
    """A day as people write it. Where it may be two, the reader is asked; in French the day stands first."""

    def to_python(self, value: Any) -> Any:
        day = self._day(value)
        try:
            if day:
                wall_time.check_year(day)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return day

    def _day(self, value: Any) -> Any:
        days = wall_time.days_in(value) if isinstance(value, str) else []
        if not days:
            return super().to_python(value)
        fitting = [day for day, first in days if first is not False] if get_language() == "fr" else []
        if len(days) > 1 and not fitting:
            one, other = (date_format(day, "j F Y") for day, _first in days)
            raise ValidationError(
                _("“%(text)s” could be %(one)s or %(other)s: write the date you mean.")
                % {"text": value, "one": one, "other": other}
            )
        return (fitting or [days[0][0]])[0]


class Hour(forms.TimeField):
    """A time of day as people write it: 14:30, 14h30, 14 h 30, 2:30 pm."""

    def to_python(self, value: Any) -> Any:
        hour = wall_time.hour_in(value) if isinstance(value, str) else None
        return super().to_python(value) if hour is None else hour


class Moment(forms.SplitDateTimeField):
    def __init__(self, **kwargs: Any) -> None:
        super(forms.SplitDateTimeField, self).__init__((Day(), Hour()), **kwargs)

    def compress(self, data_list: Any) -> Any:
        """The moment at which clocks show that; a night on which they change is told as in a sheet."""
        if not data_list or any(value in self.empty_values for value in data_list):
            return super().compress(data_list)
        try:
            return wall_time.at_wall_time(datetime.combine(*data_list), timezone.get_current_timezone())
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Paragraphs(forms.CharField):
    """A text of several lines: a browser sends other line ends than the ones that it was given."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.to_python(initial), data)


class Chooser(AutocompleteSelect):
    """The box that searches as one types; when a form comes back with what is no key, it is empty and not a crash."""

    def optgroups(self, name: str, value: list[Any], attrs: Any = None) -> Any:
        return super().optgroups(name, [str(key) for key in value if whole_number(str(key)) is not None], attrs)


class Boxes(BaseModelAdmin):
    """What forms share, on a page of their own or as a row of another's."""

    formfield_overrides = {
        models.PositiveIntegerField: {"form_class": WholeNumber},
        models.PositiveSmallIntegerField: {"form_class": WholeNumber},
        models.TextField: {"form_class": Paragraphs},
        models.DateField: {"form_class": Day},
        models.TimeField: {"form_class": Hour},
        models.DateTimeField: {"form_class": Moment},
        models.URLField: {"assume_scheme": "https"},
    }

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A text holds no character that a sheet would lose, or a mail be forged with."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.CharField):
            field.validators.append(validate_lines if isinstance(field.widget, forms.Textarea) else validate_line)
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = NOTHING if field.empty_label else None
        elif isinstance(field, forms.ChoiceField):
            field.choices = [(value, NOTHING if value == "" else label) for value, label in field.choices]
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Chooser(db_field, self.admin_site))
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        there = self.admin_site._registry.get(db_field.remote_field.model)
        if field and isinstance(there, ListAdmin) and there.has_view_permission(request):
            field.label_from_instance = there.in_chooser
            field.queryset = there.for_chooser(field.queryset)
        return field


class AlphabeticalList(ChangeList):
    """A list whose names are sorted as people sort them, in the language of the reader, on every database."""

    def get_ordering_field(self, field_name: str) -> Any:
        field = super().get_ordering_field(field_name)
        return (isinstance(field, str) and by_name(self.model, field)) or field

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return [
            (isinstance(field, str) and by_name(self.model, field)) or field
            for field in super().get_ordering(request, queryset)
        ]


class Ticks(admin.ModelAdmin):
    """A list that takes no row for ticked whose key is none, and whose changes leave a trace."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What no history holds is written into the audit log: a model without one, and what was chosen of others."""
        super().save_related(request, form, formsets, change)
        names = list(form.changed_data)
        if hasattr(self.model, "history"):
            names = [name for name in names if name in {field.name for field in self.opts.many_to_many}]
        if names or (not change and not hasattr(self.model, "history")):
            audit_log.record("changed" if change else "added", form.instance, actor=request.user, fields=names)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset if not hasattr(self.model, "history") else ():
            audit_log.record("deleted", obj, actor=request.user)
        return super().log_deletions(request, queryset)

    def get_action_choices(self, request: HttpRequest, default_choices: Any = None) -> list[tuple[str, str]]:
        return super().get_action_choices(request, [("", NOTHING)])

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        request.POST = request.POST.copy()
        keys = whole_numbers(request.POST.getlist(ACTION_CHECKBOX_NAME))
        request.POST.setlist(ACTION_CHECKBOX_NAME, [str(key) for key in keys])
        return super().response_action(request, queryset)


class ListAdmin(Boxes, Ticks):
    """What all lists share: titles that say what one looks at, boxes with names, and some of the list's actions as
    buttons on the page of one object (admin/change_form_object_tools.html).
    """

    form = Form
    list_per_page = 50
    object_actions: tuple[str, ...] = ()
    secret_fields: tuple[str, ...] = ()  # not shown, and not to be guessed letter by letter with ?field__startswith=

    def get_ordering(self, request: HttpRequest) -> Any:
        # Said again here: a list that counts related rows would forget the order of its model.
        return super().get_ordering(request) or self.opts.ordering

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AlphabeticalList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What is typed is folded as the columns `search` are (core/folding.py)."""
        return super().get_search_results(request, queryset, fold(search_term))

    def get_secret_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.secret_fields

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] not in self.get_secret_fields(request) and super().lookup_allowed(
            lookup, value, request
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(
            request, {"title": capfirst(self.opts.verbose_name_plural)} | (extra_context or {})
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        widget = getattr(field, "widget", None)
        if isinstance(widget, RelatedFieldWidgetWrapper):
            widget.can_delete_related = False  # too much goes with it for a small cross beside a box
        if isinstance(widget, AdminSplitDateTime):
            widget.widgets[0].attrs["aria-label"] = _("%(field)s, date") % {"field": field.label}
            widget.widgets[1].attrs["aria-label"] = _("%(field)s, time") % {"field": field.label}
            widget.widgets[1].format = "%H:%M"
        return field

    def for_chooser(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of a chooser, with what `in_chooser` says of them."""
        return queryset.select_related(*(self.list_select_related or ()))

    def in_chooser(self, obj: Any) -> str:
        """What tells `obj` from others of its name, where one is chosen."""
        return str(obj)

    # --- Deleting ---

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _description = actions["delete_selected"]
            actions["delete_selected"] = (function, name, _("Delete…"))
        return actions

    def get_action_choices(self, request: HttpRequest, default_choices: Any = None) -> list[tuple[str, Any]]:
        return super().get_action_choices(request, default_choices=[("", _("Choose…"))])

    def why_kept(self, obj: Any) -> str:
        """In a sentence, why `obj` may not be deleted as it is; empty where it may."""
        return ""

    def goes_along(self, row: Model) -> bool:
        """Whether `row` is deleted with the object that it hangs on, rather than keeps it from being deleted. Rows of
        the form's own tables go along, and what has no page of its own."""
        model = type(row)
        if model._meta.auto_created:  # a line of what was chosen somewhere: there, or here
            return model in {field.remote_field.through for field in self.opts.many_to_many}
        return model in {inline.model for inline in self.inlines} or not self.admin_site.is_registered(model)

    def goes_first(self, row: Model) -> bool:
        """Whether `row`, which keeps its object from being deleted, is deleted with it by `delete_queryset`."""
        return False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """What goes along, counted, and what stands in the way, with the way there. The right to delete an object is
        the right to delete the rows that are parts of it."""
        chosen = list(objs)
        refused = {self.opts.verbose_name for obj in chosen if not self.has_delete_permission(request, obj)}
        sentences = [sentence for obj in chosen if (sentence := self.why_kept(obj))]
        collector = NestedObjects(using=router.db_for_write(self.model), origin=chosen)
        collector.collect(chosen)
        rows = {row for found in collector.model_objs.values() for row in found}.difference(chosen)
        along = [row for row in rows if self.goes_along(row)]
        against = rows.difference(along) | {row for row in collector.protected if not self.goes_first(row)}
        counts = Counter(type(row)._meta.verbose_name_plural for row in along if not type(row)._meta.auto_created)
        kept = sorted(against, key=lambda row: (str(row._meta.verbose_name), row.pk))
        shown = [self._standing(row, request) for row in kept[:STANDING_TOLD]]
        if (more := len(kept) - STANDING_TOLD) > 0:
            shown.append(ngettext("and %d more", "and %d more", more) % more)
        return [str(obj) for obj in chosen], counts, refused, list(dict.fromkeys([*sentences, *shown]))

    def _standing(self, row: Any, request: HttpRequest) -> str | SafeString:
        """What `row` is, and its name for those who may see it."""
        if chosen_by := row._meta.auto_created:
            row = getattr(row, chosen_by._meta.model_name)
        name, there = capfirst(row._meta.verbose_name), self.admin_site._registry.get(type(row))
        if not isinstance(there, ListAdmin) or not there.has_view_permission(request, row):
            return name
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        return format_html('{} – <a href="{}">{}</a>', name, url, there.in_chooser(row))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method != "POST":
            return super().delete_view(request, object_id, extra_context)
        try:
            with transaction.atomic():
                # Whoever would hang something on it waits, or is seen here.
                pk = whole_number(unquote(object_id))
                list(self.model._base_manager.select_for_update().filter(pk=pk).values_list("pk"))
                return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, IntegrityError):
            return self._not_deleted(request)

    def _not_deleted(self, request: HttpRequest) -> HttpResponse:
        sentence = _("Nothing was deleted because something changed at the same time. Check, then try again.")
        self.message_user(request, sentence, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def offers(self, name: str, obj: Model) -> bool:
        """Whether the action `name` makes sense for `obj` as it is."""
        return True

    def object_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, Any]]:
        """Addresses and names of the pages about `obj` that stand beside its history."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj") or context.get("original")
        if obj:
            context["title"], context["subtitle"] = str(obj), capfirst(self.opts.verbose_name)
            context["object_links"] = self.object_links(request, obj)
            actions = self.get_actions(request)
            context["object_actions"] = [
                (name, actions[name][2]) for name in self.object_actions if name in actions and self.offers(name, obj)
            ]
        else:
            context["title"] = _("Add: %(name)s") % {"name": self.opts.verbose_name}
        return super().render_change_form(request, context, *args, **kwargs)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            response = super().response_action(request, queryset)
        except ProtectedError:  # of a selection that is deleted, by one statement in one transaction
            return self._not_deleted(request)
        if isinstance(response, HttpResponseRedirect) and "_back" in request.POST:
            pk = request.POST.get("_selected_action", "")
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])
            )
        return response


class RecordAdmin(ListAdmin, SimpleHistoryAdmin):
    """An admin whose history tells who changed what and when. It is read, never rewritten or gone back to. A form that
    was open while somebody else saved is answered with both versions (core/admin/edit_conflicts.py).
    """

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, *args, **kwargs)
        with watched() as watch:
            response = self._saved(request, object_id, *args, **kwargs)
        if response.status_code == 302:
            told = watch.warnings()
            for sentence in told[:WARNINGS_TOLD]:
                self.message_user(request, sentence, messages.WARNING)
            if (more := len(told) - WARNINGS_TOLD) > 0:
                words = ngettext("And %d more thing to check.", "And %d more things to check.", more)
                self.message_user(request, words % more, messages.WARNING)
        return response

    def _saved(self, request: HttpRequest, object_id: str | None, *args: Any, **kwargs: Any) -> HttpResponse:
        if object_id is None or edit_conflicts.FIELD not in request.POST:
            return super().changeform_view(request, object_id, *args, **kwargs)
        with transaction.atomic():
            conflict = self._conflict(request, object_id)
            if self.tells_effects and not conflict:
                request.effects = self._effects(request, object_id)  # type: ignore[attr-defined]
            since = clock.now()
            response = super().changeform_view(request, object_id, *args, **kwargs)
            if self.tells_effects and response.status_code == 302 and request.POST.get(HOLD):
                hold_asked.send(sender=type(self), since=since, actor=request.user)
        if conflict:
            response.status_code = 409
        return response

    tells_effects = False  # whether people are told of what is saved here

    def _effects(self, request: HttpRequest, object_id: str) -> Effects | None:
        """What saving the form would mean to people, unless whoever sends it has read that."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_change_permission(request, obj):
            return None
        form = self.get_form(request, obj, change=True)(request.POST, request.FILES, instance=obj)
        with tried() as found:
            if form.is_valid() and form.changed_data:
                form.save()
        [effects] = found or [Effects(surprises=False)]
        return effects if effects.surprises and request.POST.get(FIELD) != effects.mark else None

    def _conflict(self, request: HttpRequest, object_id: str) -> edit_conflicts.Conflict | None:
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_change_permission(request, obj):
            return None
        # Whoever saves next waits here, and sees what this one wrote.
        list(self.model._base_manager.select_for_update(no_key=True).filter(pk=obj.pk).values_list("pk"))
        conflict = edit_conflicts.conflict(self, request, self.model._base_manager.get(pk=obj.pk))
        if conflict:
            request.POST, request.edit_conflict = conflict.merged, conflict  # type: ignore[attr-defined]
        return conflict

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.conflict = getattr(request, "edit_conflict", None)  # type: ignore[attr-defined]
        form.effects = getattr(request, "effects", None)  # type: ignore[attr-defined]
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj, conflict = kwargs.get("obj"), getattr(request, "edit_conflict", None)
        if obj and self.has_change_permission(request, obj):
            drawn = request.POST.get(edit_conflicts.FIELD) if not conflict else None
            context |= {"version": drawn or edit_conflicts.version(self, request, obj), "conflict": conflict}
            context["effects"] = getattr(request, "effects", None)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change or form.changed_data:  # a form that changes nothing leaves no line in the history
            super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.deleted_view)
        return [
            path("deleted/", page, name=f"{self.opts.app_label}_{self.opts.model_name}_deleted"),
            *super().get_urls(),
        ]

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """What was deleted, by whom and when; each leads to its history."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        page = Paginator(history.deleted(self.model.history), self.list_per_page).get_page(request.GET.get(PAGE_VAR))
        rows = list(page)
        names = map(history.name_of, history.revived(rows, self.admin_site))
        context = self._page_context(request, page) | {
            "title": _("Deleted: %(names)s") % {"names": self.opts.verbose_name_plural},
            "rows": list(zip(rows, map(history.who_did, rows), names, strict=True)),
        }
        return TemplateResponse(request, "admin/deleted.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What became of the object and of the rows in its tables, and also of what has been deleted."""
        if (pk := whole_number(unquote(object_id))) is None:
            raise Http404
        obj = self.get_object(request, str(pk))
        is_gone = obj is None
        if is_gone:
            last = history.deleted(self.model.history).filter(**{self.opts.pk.attname: pk}).first()
            if last is None:
                raise Http404
            [obj] = history.revived([last], self.admin_site)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        found = history.sources(self, request, obj)
        page = Paginator(history.in_order(found), HISTORY_PER_PAGE).get_page(request.GET.get(PAGE_VAR))
        context = self._page_context(request, page) | {
            "title": _("History: %(name)s") % {"name": history.name_of(obj)},
            "object": obj,
            "is_gone": is_gone,
            "lines": history.lines(found, page, request),
        }
        return TemplateResponse(request, "admin/history.html", context)

    def _page_context(self, request: HttpRequest, page: Page) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "opts": self.opts,
            "page_obj": page,
            "page_var": PAGE_VAR,
            "page_range": page.paginator.get_elided_page_range(page.number),
        }

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """What has been deleted is answered with its history, which says when and by whom."""
        pk = whole_number(unquote(object_id))
        if pk is None or not history.deleted(self.model.history).filter(**{opts.pk.attname: pk}).exists():
            return super()._get_obj_does_not_exist_redirect(request, opts, object_id)
        self.message_user(request, _("This has been deleted: here is its history."), messages.WARNING)
        return HttpResponseRedirect(reverse(f"admin:{opts.app_label}_{opts.model_name}_history", args=[pk]))

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise Http404  # the library's form would save an old version past every rule of the domain


class CarefulAdmin(admin.ModelAdmin):
    """Answers with a sentence when somebody else's change, at the same moment, made this one impossible."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, ValidationError) as error:
            if request.method != "POST":
                raise
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else ""
            messages.error(
                request,
                _("Nothing was saved because something changed at the same time. Check, then try again.")
                + (f" {reason}" if reason else ""),
            )
            return HttpResponseRedirect(request.get_full_path())
