"""The session's form and list, with what organisers do about its people: its line, its capacity, its clashes, and that
it is cancelled."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from programme.admin import SessionAdmin, SessionForm
from programme.domain import publication
from programme.domain.warnings import warnings
from programme.models import Session
from registrations.admin.capacity import capacity
from registrations.admin.formatting import ask, may_change_people, may_see_people, page_of, show, status_badge
from registrations.admin.waitlist import waitlist_page
from registrations.domain import explain, pools
from registrations.domain.clashes import clashing_people
from registrations.models import Registration

Status = Registration.Status
COUNTED = [Status.CONFIRMED, Status.OFFERED, Status.PENDING, Status.WAITING]
WHEN_AND_WHERE = {"starts_at", "ends_at", "room"}


def clashing(model_admin: ModelAdmin, request: HttpRequest, session: Session) -> HttpResponse:
    """The people of a session who are expected elsewhere meanwhile."""
    if not may_see_people(request):
        raise PermissionDenied
    page = page_of(request, clashing_people(session))
    rows = [
        (registration, status_badge(registration), [explain.in_words(clash) for clash in found])
        for registration, found in page
    ]
    context = {
        "session": session,
        "page": page,
        "page_range": page.paginator.get_elided_page_range(page.number),
        "rows": rows,
    }
    return show(model_admin, request, "clashes", title=_("Expected elsewhere"), subtitle=str(session), **context)


PAGES: dict[str, Callable[[ModelAdmin, HttpRequest, Session], HttpResponse]] = {
    "waitlist": waitlist_page,
    "capacity": capacity,
    "clashes": clashing,
}


class SessionWithPeopleForm(SessionForm):
    """A capacity below what is taken is refused with the way to the page that says what may become of the people."""

    def _update_errors(self, errors: ValidationError) -> None:
        super()._update_errors(errors)
        if self.has_error("capacity", code=pools.BELOW_TAKEN):
            address = reverse("admin:programme_session_capacity", args=[self.instance.pk])
            words = _("Choose what happens to the people…")
            self.add_error(
                "capacity", format_html('<a href="{}?capacity={}">{}</a>', address, self.instance.capacity, words)
            )


class SessionDesk(SessionAdmin):
    form = SessionWithPeopleForm
    actions = [*SessionAdmin.actions, "cancel_sessions", "reinstate"]
    object_actions = (*SessionAdmin.object_actions, "cancel_sessions", "reinstate")

    def get_urls(self) -> list[URLPattern]:
        def address(name: str) -> URLPattern:
            def page(request: HttpRequest, pk: int) -> HttpResponse:
                sessions = Session.objects.select_related("event__edition", "room__venue", "draw")
                return PAGES[name](self, request, get_object_or_404(sessions, pk=pk))

            return path(f"<int:pk>/{name}/", self.admin_site.admin_view(page), name=f"programme_session_{name}")

        return [*map(address, PAGES), *super().get_urls()]

    def offers(self, name: str, obj: Any) -> bool:
        states = {"cancel_sessions": Session.Status.PUBLISHED, "reinstate": Session.Status.CANCELLED}
        return obj.status == states[name] if name in states else super().offers(name, obj)

    def object_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, Any]]:
        links = super().object_links(request, obj)
        if may_see_people(request) and obj.access != Session.Access.PUBLIC:
            links.append((reverse("admin:programme_session_waitlist", args=[obj.pk]), _("Waiting list")))
        return links

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and WHEN_AND_WHERE & set(form.changed_data) and may_see_people(request):
            self._tell_clashes(request, obj)

    def _tell_clashes(self, request: HttpRequest, session: Session) -> None:
        number = len(clashing_people(session))
        if not number:
            return
        sentence = ngettext(
            "%d person in this session is now expected elsewhere.",
            "%d people in this session are now expected elsewhere.",
            number,
        )
        address = reverse("admin:programme_session_clashes", args=[session.pk])
        message = format_html('{} <a href="{}">{}</a>', sentence % number, address, _("See who and where"))
        self.message_user(request, message, messages.WARNING)

    # --- That a session is public, and that it does not take place ---

    @admin.action(description=_("Publish"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        """What there is to look at is shown before the public sees it."""
        drafts = queryset.filter(status=Session.Status.DRAFT).values_list("pk", flat=True)
        found = warnings(drafts) if "confirm" not in request.POST else []
        if not found:
            super().publish(request, queryset)
            return None
        chosen = list(drafts.order_by("starts_at", "pk"))
        sentences: dict[int, list[str]] = {pk: [] for pk in chosen}
        for warning in found:
            sentences[warning.session.pk].append(capfirst(warning.sentence))
        sessions = Session.objects.select_related("room__venue").in_bulk(chosen)
        return ask(
            self,
            request,
            "publish",
            title=ngettext("Publish this session?", "Publish these sessions?", len(chosen)),
            sentences=[_("Check the points below first. None of them stops you from publishing.")],
            headers=[_("Session"), _("To check")],
            rows=[
                (
                    pk,
                    [
                        format_html("{} <small>{}</small>", sessions[pk], self.when(sessions[pk])),
                        format_html_join(mark_safe("<br>"), "{}", [[sentence] for sentence in sentences[pk]]),
                    ],
                )
                for pk in chosen
            ],
            yes=ngettext("Publish %d session", "Publish %d sessions", len(chosen)) % len(chosen),
            no=_("Make no changes"),
        )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and may_change_people(request)

    @admin.action(description=_("Cancel this session…"), permissions=["cancel"])
    def cancel_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        chosen = list(
            queryset.filter(status=Session.Status.PUBLISHED).select_related("room__venue").order_by("starts_at", "pk")
        )
        if not chosen:
            self.message_user(
                request, _("None of these sessions is published, so there is nothing to cancel."), messages.WARNING
            )
            return None
        if "confirm" in request.POST:
            number = publication.cancel(chosen, request.user)
            sentence = ngettext(
                "%d session has been cancelled; everybody registered will be told by email.",
                "%d sessions have been cancelled; everybody registered will be told by email.",
                number,
            )
            self.message_user(request, sentence % number)
            return None
        people: dict[int, Counter[str]] = {session.pk: Counter() for session in chosen}
        live = Registration.objects.live().filter(session__in=chosen).order_by()
        for pk, status, number in live.values_list("session", "status").annotate(n=Count("pk")):
            people[pk][status] = number
        return ask(
            self,
            request,
            "cancel_sessions",
            title=ngettext("Cancel this session?", "Cancel these sessions?", len(chosen)),
            sentences=[
                _told(sum(sum(counts.values()) for counts in people.values())),
                _(
                    "It stays in the programme, marked as cancelled. You can bring it back as a draft, but people will "
                    "then have to register again."
                ),
            ],
            headers=[_("Session"), *(status.label for status in COUNTED)],
            rows=[
                (
                    session.pk,
                    [
                        format_html("{} <small>{}</small>", session, self.when(session)),
                        *(people[session.pk][status] for status in COUNTED),
                    ],
                )
                for session in chosen
            ],
            yes=ngettext("Cancel %d session", "Cancel %d sessions", len(chosen)) % len(chosen),
            no=_("Make no changes"),
            danger=True,
        )

    @admin.action(description=_("Bring back as a draft"), permissions=["cancel"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        try:
            number = publication.reinstate(queryset, request.user)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        except IntegrityError:
            self.message_user(request, _("Another session now has the room."), messages.ERROR)
            return
        sentence = ngettext(
            "%d session is a draft again. Once published, it takes new registrations.",
            "%d sessions are drafts again. Once published, they take new registrations.",
            number,
        )
        self._tell(request, number, sentence, _("None of these sessions had been cancelled."))


def _told(number: int) -> str:
    if not number:
        return str(_("Nobody is registered."))
    return (
        ngettext(
            "%d person will lose their seat, offer, request or place on the waiting list, and be told by email.",
            "%d people will lose their seat, offer, request or place on the waiting list, and each be told by email.",
            number,
        )
        % number
    )
