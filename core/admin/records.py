"""What all lists and forms of the administration share."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import display_for_value, unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime, AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import yesno
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper

from core import clock, wall_time
from core.admin import edit_conflicts
from core.effects import FIELD, HOLD, Effects, hold_asked, tried, watched
from core.folding import by_name, fold
from core.text import whole_number

WARNINGS_TOLD = 5  # after one form


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
        days = wall_time.days_in(value) if isinstance(value, str) else []
        if not days:
            return super().to_python(value)
        fitting = [day for day, first in days if first is not False] if get_language() == "fr" else []
        if len(days) > 1 and not fitting:
            one, other = (date_format(day, "j F Y") for day, _first in days)
            raise ValidationError(
                _("“%(text)s” is %(one)s or %(other)s: write the one that is meant.")
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
    }

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Chooser(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


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


class ListAdmin(Boxes, admin.ModelAdmin):
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
        response = super().response_action(request, queryset)
        if isinstance(response, HttpResponseRedirect) and "_back" in request.POST:
            pk = request.POST.get("_selected_action", "")
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])
            )
        return response


class _Words(HistoricalRecordContextHelper):
    """A change in the organisers' words: the label of a choice, the time on our clocks, a dash for nothing; not what is
    stored."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        if choices := dict(self.model._meta.get_field(change.field).flatchoices):
            value = choices.get(value, value)
        if isinstance(value, bool):
            return yesno(value)
        if isinstance(value, DeletedObject) and value.pk is None:  # how the library says that a relation is empty
            value = None
        return "–" if value == "" else display_for_value(super().prepare_delta_change_value(change, value), "–")


class RecordAdmin(ListAdmin, SimpleHistoryAdmin):
    """An admin whose history tells who changed what and when. It is read, never rewritten or gone back to. A form that
    was open while somebody else saved is answered with both versions (outbox/edit_conflicts.py).
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
                words = ngettext("And %d more thing to look at.", "And %d more things to look at.", more)
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

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not unquote(object_id).isdecimal():
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def history_view_title(self, request: HttpRequest, obj: Any) -> str:
        return _("History: %(name)s") % {"name": obj}

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise Http404  # the library's form would save an old version past every rule of the domain

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoricalRecordContextHelper:
        return _Words(self.model, historical_record)


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
                _("Nothing was saved: something changed at the same moment. Please check and try again.")
                + (f" {reason}" if reason else ""),
            )
            return HttpResponseRedirect(request.get_full_path())
