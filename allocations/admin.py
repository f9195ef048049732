"""Allocations for organisers: what is given out, simulations side by side, who got what and why, and the one that is
put into force."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, IntegerField, JSONField, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Attendee
from allocations.domain import allocation as allocating
from allocations.domain import wishes
from allocations.domain.allocation import number, person_key
from allocations.models import Allocation, AllocationRun, Wish
from core import audit_log, clock
from core.admin import BilingualAdmin, CarefulAdmin, Form, ReadOnlyInline, RecordAdmin, badge, in_two_languages
from core.folding import found, in_order
from core.text import validate_line, whole_number
from programme.models import Session
from registrations.domain import ways_in
from registrations.domain.ways_in import SeatRefused

PEOPLE_FOUND = 10


class SessionBoxes(AutocompleteSelectMultiple):
    """The box in which one types to find sessions; what comes back and is no key is left out, and no crash."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        sent = super().value_from_datadict(data, files, name) or []
        return [key for key in sent if whole_number(key) is not None]


class AllocationForm(Form):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        opens_at, closes_at = data.get("opens_at"), data.get("closes_at")
        if opens_at and closes_at and closes_at <= opens_at:
            self.add_error("closes_at", _("Wishes must close after they open."))
        if public := [session for session in data.get("sessions", ()) if session.access == Session.Access.PUBLIC]:
            sentence = _("“%(session)s” is open to all, so it has no seats to give out.") % {"session": public[0]}
            self.add_error("sessions", sentence)
        return data


class SeedForm(forms.Form):
    seed = forms.CharField(
        label=_("Seed"),
        required=False,
        max_length=64,
        validators=[validate_line],
        help_text=_(
            "Leave empty to draw one at random. You can enter one that was announced beforehand, for example the "
            "numbers from a lottery draw yet to take place."
        ),
    )


def state_of(allocation: Any) -> SafeString:
    """`allocation.in_force` says whether one of its runs is."""
    now = clock.now()
    if allocation.in_force:
        return badge(_("given out"), "quiet")
    if now < allocation.opens_at:
        return badge(_("not yet open"), "quiet")
    return badge(_("open"), "") if now < allocation.closes_at else badge(_("to be given out"), "warn")


def share(figures: dict[str, Any], ranks: int) -> str:
    """Which part of the people got one of their first `ranks` wishes, and how many they are."""
    people = sum(figures["best"][:ranks])
    return _("%(percent)d%% (%(people)d)") % {"percent": people * 100 // max(figures["people"], 1), "people": people}


def with_figures(runs: QuerySet[AllocationRun]) -> QuerySet[Any]:
    """`runs` with what they come to, but without the megabytes of what went in and came out."""
    figures = KeyTransform("figures", F("results"), output_field=JSONField())
    return runs.defer("inputs", "results").select_related("allocation", "created_by").annotate(figures=figures)


def count(rows: QuerySet[Any], what: Any) -> Coalesce:
    """`what` counted over the `rows` of an allocation, in a query of its own: joined, they would multiply each
    other."""
    of_allocation = rows.filter(allocation=OuterRef("pk")).order_by().values("allocation")
    return Coalesce(
        Subquery(of_allocation.annotate(n=Count(what, distinct=True)).values("n"), output_field=IntegerField()), 0
    )


class RunInline(ReadOnlyInline):
    """The simulations of an allocation, side by side."""

    model = AllocationRun
    fields = readonly_fields = ["run_link", "created_by", "first", "first_three", "nothing", "state"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AllocationRun]:
        return with_figures(super().get_queryset(request))

    @admin.display(description=_("run at"))
    def run_link(self, run: AllocationRun) -> SafeString:
        url = reverse("admin:allocations_allocationrun_change", args=[run.pk])
        return format_html(
            '<a href="{}">{}</a>', url, date_format(timezone.localtime(run.created_at), "SHORT_DATETIME_FORMAT")
        )

    @admin.display(description=_("1st wish"))
    def first(self, run: Any) -> str:
        return share(run.figures, 1)

    @admin.display(description=_("1st to 3rd wish"))
    def first_three(self, run: Any) -> str:
        return share(run.figures, 3)

    @admin.display(description=_("no seat"))
    def nothing(self, run: Any) -> int:
        return run.figures["nothing"]

    @admin.display(description=_("status"))
    def state(self, run: AllocationRun) -> SafeString:
        return badge(_("applied"), "") if run.committed_at else badge(_("simulation"), "quiet")


@admin.register(Allocation)
class AllocationAdmin(CarefulAdmin, BilingualAdmin, RecordAdmin):
    """Groups of sessions that are given out by wishes. Once a run is in force, an allocation is only read."""

    form = AllocationForm
    list_display = [
        "title",
        "state",
        "opens_at",
        "closes_at",
        "number_of_sessions",
        "number_of_people",
        "number_of_wishes",
    ]
    search_fields = ["search"]
    date_hierarchy = "closes_at"
    autocomplete_fields = ["sessions"]
    prepopulated_fields = {"slug": ["title"]}
    actions = ["simulate"]
    object_actions = ("simulate",)
    fieldsets = [
        *in_two_languages("title"),
        (None, {"fields": ["slug"]}),
        (_("Wishes"), {"fields": ["opens_at", "closes_at", "wishes_at_most", "people_so_far"]}),
        (
            _("What is given out"),
            {
                "fields": ["sessions", "seats_at_most", "holds_seats"],
                "description": _("Seats taken before the allocation is applied can no longer be given out."),
            },
        ),
    ]
    readonly_fields = ["people_so_far"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allocation]:
        wished = Wish.objects.all()
        return (
            super()
            .get_queryset(request)
            .annotate(
                sessions_count=count(Allocation.sessions.through.objects.all(), "session"),
                people_count=count(wished, "attendee"),
                wishes_count=count(wished, "pk"),
                in_force=Count("runs", filter=Q(runs__committed_at__isnull=False)),
            )
        )

    def get_inlines(self, request: HttpRequest, obj: Allocation | None) -> list[Any]:
        return [RunInline] if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        done = (
            ["slug", "opens_at", "closes_at", "wishes_at_most", "seats_at_most", "holds_seats", "sessions"]
            if obj and obj.in_force
            else []
        )
        return [*self.readonly_fields, *done]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj and obj.in_force else super().get_prepopulated_fields(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{"widget": SessionBoxes(db_field, self.admin_site)} | kwargs
        )

    def has_delete_permission(self, request: HttpRequest, obj: Allocation | None = None) -> bool:
        # Its wishes would go with it.
        return super().has_delete_permission(request, obj) and obj is not None and not obj.wishes.exists()

    def has_simulate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("allocations.add_allocationrun")

    def offers(self, name: str, obj: Any) -> bool:
        return not obj.in_force

    @admin.action(description=_("Simulate…"), permissions=["simulate"])
    def simulate(self, request: HttpRequest, queryset: QuerySet[Allocation]) -> HttpResponse | None:
        allocation = queryset.first()
        if allocation is None or queryset.count() > 1:
            self.message_user(request, _("Choose one allocation."), messages.WARNING)
            return None
        form = SeedForm(request.POST if "confirm" in request.POST else None)
        if form.is_valid():
            try:
                run = allocating.simulate(allocation, actor=request.user, seed=form.cleaned_data["seed"])
            except SeatRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return None
            self.message_user(request, _("This is a simulation: nobody gets a seat from it, and nobody is told."))
            return HttpResponseRedirect(reverse("admin:allocations_allocationrun_change", args=[run.pk]))
        now = clock.now()
        given_out = list(allocating.sessions_given_out(allocation))
        context = self.admin_site.each_context(request) | {
            "title": _("Simulate: %(allocation)s") % {"allocation": allocation},
            "opts": self.opts,
            "allocation": allocation,
            "form": form,
            "is_open": now < allocation.closes_at,
            "sessions": len(given_out),
            "registering": []
            if allocation.holds_seats
            else [session for session in given_out if not ways_in.refusal(session, now)],
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/allocations/allocation/simulate.html", context)

    @admin.display(description=_("status"))
    def state(self, allocation: Any) -> SafeString:
        return state_of(allocation)

    @admin.display(description=_("sessions"), ordering="sessions_count")
    def number_of_sessions(self, allocation: Any) -> int:
        return allocation.sessions_count

    @admin.display(description=_("people"), ordering="people_count")
    def number_of_people(self, allocation: Any) -> int:
        return allocation.people_count

    @admin.display(description=_("wishes"), ordering="wishes_count")
    def number_of_wishes(self, allocation: Any) -> int:
        return allocation.wishes_count

    @admin.display(description=_("so far"))
    def people_so_far(self, allocation: Any) -> str:
        if allocation.pk is None:
            return "–"
        return _("Wishes: %(wishes)d. People: %(people)d.") % {
            "wishes": allocation.wishes_count,
            "people": allocation.people_count,
        }


@admin.register(AllocationRun)
class AllocationRunAdmin(RecordAdmin):
    """Simulations, and the one that is in force: read, compared, put into force; never changed."""

    list_display = ["__str__", "state", "created_by", "people", "first", "first_three", "nothing"]
    list_filter = ["allocation"]
    search_fields = ["allocation__search", "seed", "uuid"]
    date_hierarchy = "created_at"
    actions = ["put_into_force"]
    object_actions = ("put_into_force",)
    fields = ()

    state, first, first_three, nothing = RunInline.state, RunInline.first, RunInline.first_three, RunInline.nothing

    def get_queryset(self, request: HttpRequest) -> QuerySet[AllocationRun]:
        return with_figures(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        download = path(
            "<path:object_id>/download/",
            self.admin_site.admin_view(self.download),
            name="allocations_allocationrun_download",
        )
        return [download, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # whoever simulates until they like the result can be seen to

    def has_commit_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("allocations.change_allocationrun")

    def offers(self, name: str, obj: Any) -> bool:
        return clock.now() >= obj.allocation.closes_at and not allocating.in_force(obj.allocation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run: Any = self.get_object(request, unquote(object_id))
        context = dict(extra_context or {})
        if run and self.has_view_permission(request, run):
            context |= _told(run, request.GET.get("q", "").strip()[:100])
        return super().change_view(request, object_id, form_url, context)

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What went in and what came out, as a file that `replay_allocation` reads."""
        run = self.get_object(request, unquote(object_id))
        if run is None:
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        audit_log.record("exported", run, actor=request.user, format="json")
        file = JsonResponse(allocating.exported(run), json_dumps_params={"indent": 1})
        file.headers["Content-Disposition"] = f'attachment; filename="{run.allocation.slug}-{run.uuid}.json"'
        return file

    @admin.action(description=_("Apply…"), permissions=["commit"])
    def put_into_force(self, request: HttpRequest, queryset: QuerySet[AllocationRun]) -> HttpResponse | None:
        run: Any = queryset.first()
        if run is None or queryset.count() > 1:
            self.message_user(request, _("Choose one simulation."), messages.WARNING)
            return None
        if "confirm" in request.POST:
            try:
                allocating.commit(run, actor=request.user)
            except SeatRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                seats = run.figures["seats"]
                words = ngettext(
                    "%d seat has been given out, and everybody will be told by email.",
                    "%d seats have been given out, and everybody will be told by email.",
                    seats,
                )
                self.message_user(request, words % seats)
            return None
        context = self.admin_site.each_context(request) | {
            "title": _("Apply this simulation?"),
            "opts": self.opts,
            "run": run,
            "figures": run.figures,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "back": "_back" in request.POST,
        }
        return TemplateResponse(request, "admin/allocations/allocationrun/put_into_force.html", context)

    @admin.display(description=_("people"))
    def people(self, run: Any) -> int:
        return run.figures["people"]


def _told(run: Any, asked: str) -> dict[str, Any]:
    """What the page of a run shows: its figures, each session, the other runs beside it, and the people whom one looks
    for."""
    figures = run.figures
    sessions = Session.objects.with_place().in_bulk([number(key) for key in figures["sessions"]])
    rows = [(sessions.get(number(key)), key, row) for key, row in figures["sessions"].items()]
    rows.sort(key=lambda found: (-found[2]["first"], -found[2]["wishes"], found[1]))
    others = with_figures(AllocationRun.objects.filter(allocation=run.allocation_id)).order_by("created_at", "pk")
    return {
        "run": run,
        "figures": figures,
        "shares": [(ranks, share(figures, ranks)) for ranks in range(1, min(len(figures["best"]), 3) + 1)],
        "rows": rows,
        "others": [(other, [share(other.figures, ranks) for ranks in (1, 2, 3)]) for other in others],
        "asked": asked,
        "found": _people(run, asked) if asked else [],
        "people_found": PEOPLE_FOUND,
    }


def _people(run: AllocationRun, asked: str) -> list[dict[str, Any]]:
    """The first of those who took part and whose name, address or number is `asked` for, with every answer."""
    inputs, answers = run.inputs["people"], run.results["answers"]
    named = found(asked, "search", "user__search")
    if asked[:1] == "a" and whole_number(asked[1:]) is not None:
        named |= Q(pk=number(asked))
    part = (
        Attendee.objects.filter(named, wishes__allocation=run.allocation_id)
        .distinct()
        .select_related("user")
        .order_by(in_order(Attendee), "pk")
    )
    attendees = [person for person in part[: 5 * PEOPLE_FOUND] if person_key(person.pk) in inputs][:PEOPLE_FOUND]
    parts = {
        person.pk: (inputs[person_key(person.pk)]["wishes"], answers[person_key(person.pk)]) for person in attendees
    }
    outcomes = wishes.outcomes_of(parts)
    return [
        {
            "attendee": person,
            "key": person_key(person.pk),
            "weight": inputs[person_key(person.pk)]["weight"],
            "outcomes": outcomes[person.pk],
        }
        for person in attendees
    ]
