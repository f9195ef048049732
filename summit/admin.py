"""The organisers' home: what needs them first, then the lists in the order of their work."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import Count, F, Model, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog

from core import clock
from core.admin import ListAdmin
from core.admin.django_words import SCRIPT_WORDS, SELECTED
from outbox.models import Hold, Message
from programme.domain.warnings import warnings
from programme.models import Edition, Event, Participation, Session, Speaker, Track
from registrations.models import Cohort, Institution, Registration, SeatPool
from venues.models import Room, Venue

ORDER = {
    "programme": ["Session", "Event", "Speaker", "Participation", "Track", "Day", "Edition"],
    "venues": ["Venue", "Room", "TravelTime"],
    "registrations": [
        "Registration",
        "Invitation",
        "SeatPool",
        "Cohort",
        "Membership",
        "Institution",
    ],
    "allocations": ["Allocation", "AllocationRun"],
    "notices": ["ReminderRule", "Change", "QuietWindow", "Announcement"],
    "partners": ["Invitee", "Upload", "SignIn"],
    "accounts": ["Attendee", "User", "SignInEvent", "Group"],
    "attendees": ["PrivacyRequest", "LegalHold", "AuditLogEntry", "CspReport"],
    "outbox": ["Message", "MailTemplate", "SuppressedAddress"],
}
SOURCED: list[type[Model]] = [Session, Event, Speaker, Track, Participation, Venue, Room, Institution, Cohort, SeatPool]


LIVE = "&edition=live"  # of the lists: without what is archived


class Choices(AutocompleteJsonView):
    """What a chooser offers, told apart as the list it chooses from says."""

    model_admin: Any

    def get_queryset(self) -> QuerySet[Any]:
        found, there = super().get_queryset(), self.model_admin
        return there.for_chooser(found) if isinstance(there, ListAdmin) else found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        is_ours = isinstance(self.model_admin, ListAdmin)
        text = self.model_admin.in_chooser(obj) if is_ours else str(obj)
        return {"id": str(getattr(obj, to_field_name)), "text": text}


class ScriptWords(JavaScriptCatalog):
    """The words of Django's scripts, those of core/admin/django_words.py in our own French."""

    def get_catalog(self) -> dict[str, Any]:
        catalog = super().get_catalog()
        plurals = [gettext(SELECTED)] * len(catalog.get(SELECTED, [SELECTED]))
        return catalog | {words: gettext(words) for words in SCRIPT_WORDS} | {SELECTED: plurals}


class OrganisersSite(admin.AdminSite):
    site_title = site_header = _("Administration")
    index_title = _("Organisers’ home")
    empty_value_display = "–"
    enable_nav_sidebar = False  # the lists need the width; base_site.html has a row of them

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        apps = {app["app_label"]: app for app in super().get_app_list(request, app_label)}
        for label, place in {"auth": "accounts", "core": "attendees"}.items() if app_label is None else ():
            if label in apps and place in apps:
                apps[place]["models"] += apps.pop(label)["models"]
        for label, names in ORDER.items():
            if label in apps:
                apps[label]["models"].sort(key=lambda model, names=names: names.index(model["object_name"]))
        return sorted(apps.values(), key=lambda app: [*ORDER, app["app_label"]].index(app["app_label"]))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        apps = self.get_app_list(request)
        to_verify = _to_verify()
        for app in apps:
            for model in app["models"]:
                model["to_verify"] = to_verify.get(model["model"]._meta.label)
        context = {"figures": list(_figures(request)), "app_list": apps} | (extra_context or {})
        return super().index(request, context)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return Choices.as_view(admin_site=self)(request)

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return ScriptWords.as_view(packages=["django.contrib.admin"])(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        raise Http404  # nobody has a password

    password_change_done = password_change


def _figures(request: HttpRequest) -> Iterator[dict[str, Any]]:
    """What somebody who opens the administration wants to know, as far as they may see it: a label, a number, a list, a
    tone."""
    today = clock.today()
    if request.user.has_perm("registrations.view_registration"):
        worked_on = Registration.objects.exclude(session__event__edition__state=Edition.State.ARCHIVED)
        number = worked_on.live().filter(created_at__date=today).count()
        live = ",".join(status for status in Registration.Status if status not in Registration.ENDED)
        query = f"?created_at__year={today.year}&created_at__month={today.month}&created_at__day={today.day}"
        query += f"&status__in={live}{LIVE}"
        registrations = reverse("admin:registrations_registration_changelist")
        yield {"label": _("registrations today"), "number": number, "url": registrations + query}
        asked = worked_on.filter(status=Registration.Status.PENDING).count()
        yield {
            "label": _("requests to decide on"),
            "number": asked,
            "url": registrations + "?status__exact=pending" + LIVE,
            "tone": "warn",
        }
    if request.user.has_perm("programme.view_session"):
        full = SeatPool.objects.filter(cohort=None, seats__gt=0, taken__gte=F("seats"))
        full = full.exclude(session__event__edition__state=Edition.State.ARCHIVED)
        yield {
            "label": _("sessions full"),
            "number": full.count(),
            "url": reverse("admin:programme_session_changelist") + "?filling=full" + LIVE,
            "tone": "warn",
        }
        drafts = Session.objects.not_archived().filter(status=Session.Status.DRAFT).count()
        yield {
            "label": _("sessions to publish"),
            "number": drafts,
            "url": reverse("admin:programme_session_changelist") + "?status__exact=draft" + LIVE,
            "tone": "warn",
        }
        yield {
            "label": _("things to check"),
            "number": len(warnings()),
            "url": reverse("admin:programme_session_warnings"),
            "tone": "warn",
        }
    if request.user.has_perm("outbox.view_message"):
        failed = Message.objects.filter(status=Message.Status.FAILED).count()
        yield {
            "label": _("emails that failed"),
            "number": failed,
            "url": reverse("admin:outbox_message_changelist") + "?status__exact=failed",
            "tone": "bad",
        }
        if Hold.objects.filter(released_at=None).exists():
            waiting = Message.objects.waiting().count()
            yield {
                "label": _("emails held back"),
                "number": waiting,
                "url": reverse("admin:outbox_message_changelist") + "?status__in=queued,sending",
                "tone": "bad",
            }


def _to_verify() -> dict[str, int]:
    """How many rows of each model hold values that nobody vouches for, in one query."""
    counts = [
        # A plain queryset: modeltranslation's would add columns of its own.
        QuerySet(model)
        .order_by()
        .exclude(assumed_fields="")
        .values(of=Value(model._meta.label))
        .annotate(n=Count("pk"))
        for model in SOURCED
    ]
    return {row["of"]: row["n"] for row in counts[0].union(*counts[1:], all=True)}
