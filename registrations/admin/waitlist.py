"""The waiting list of a session, as organisers see it: who waits, who is next, what keeps somebody out; and what they
may do about it."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import clock
from core.admin import WholeNumber
from core.emails import readable_email
from core.folding import found, in_order
from core.text import whole_numbers
from programme.models import Session
from registrations.admin.formatting import ask, may_change_people, may_see_people, page_of, show, tell_refused
from registrations.admin.pools import gauge
from registrations.admin.why import address
from registrations.domain import booking, explain, waitlist
from registrations.domain.ways_in import SeatRefused
from registrations.models import Membership, Registration, SeatPool

Status = Registration.Status


class PriorityForm(forms.Form):
    priority = WholeNumber(min_value=-99, max_value=99)


def waitlist_page(model_admin: ModelAdmin, request: HttpRequest, session: Session) -> HttpResponse:
    """GET shows the waiting list; POST does what a button says to those who are ticked, each by the rule of the
    domain."""
    if not may_see_people(request):
        raise PermissionDenied
    now = clock.now()
    if request.method == "POST":
        if not may_change_people(request):
            raise PermissionDenied
        return _act(model_admin, request, session, now) or HttpResponseRedirect(request.get_full_path())
    pools = list(
        SeatPool.objects.filter(session=session)
        .select_related("cohort")
        .order_by(in_order(SeatPool, "cohort__search"), "pk")
    )
    counts = dict(
        Registration.objects.live().filter(session=session).order_by().values_list("status").annotate(n=Count("pk"))
    )
    asked = request.GET.get("q", "").strip()[:100]
    waiting = Registration.objects.waiting().filter(session=session).select_related("attendee__user", "party")
    if asked:
        waiting = waiting.filter(found(asked, "attendee__search", "attendee__user__search"))
    page = page_of(request, waiting)
    offers = Registration.objects.filter(session=session, status=Status.OFFERED).select_related("attendee__user")
    drawn = getattr(session, "draw", None)
    return show(
        model_admin,
        request,
        "waitlist",
        title=_("Waiting list"),
        subtitle=str(session),
        session=session,
        mode=explain.mode_in_words(session),
        pools=[(pool, gauge(pool.taken, pool.seats)) for pool in pools],
        counts={
            "waiting": counts.get(Status.WAITING, 0),
            "offered": counts.get(Status.OFFERED, 0),
            "pending": counts.get(Status.PENDING, 0),
        },
        free=sum(pool.left for pool in pools),
        asked=asked,
        page=page,
        page_range=page.paginator.get_elided_page_range(page.number),
        rows=_rows(session, list(page.object_list), pools, now),
        offers=offers.order_by("offer_expires_at", "pk")[: 2 * page.paginator.per_page],
        draw=drawn,
        draw_is_due=not drawn
        and session.waiting_list == Session.WaitingList.DRAW
        and session.draw_at
        and session.draw_at <= now,
        by_lot=session.waiting_list == Session.WaitingList.DRAW,
        by_offer=session.waiting_list == Session.WaitingList.OFFER,
        may_change=may_change_people(request),
        may_lower=may_change_people(request) and model_admin.has_change_permission(request, session),
        why=address(session=session.pk),
        checkbox=ACTION_CHECKBOX_NAME,
    )


def _rows(session: Session, waiting: list[Registration], pools: list[SeatPool], at: datetime) -> list[dict[str, Any]]:
    places = waitlist.places(waiting)
    kept_back = explain.keeps_back(session, waiting, pools, at)
    cohorts: dict[int, list[str]] = defaultdict(list)
    members = (
        Membership.objects.filter(attendee__in=[registration.attendee_id for registration in waiting])
        .select_related("cohort")
        .order_by(in_order(Membership, "cohort__search"))
    )
    for member in members:
        cohorts[member.attendee_id].append(str(member.cohort))
    return [
        {
            "registration": registration,
            "place": places[registration.pk],
            "cohorts": cohorts[registration.attendee_id],
            "kept_back": kept_back.get(registration.pk, ""),
            "why": address(session=session.pk, attendee=registration.attendee_id),
        }
        for registration in waiting
    ]


def _act(model_admin: ModelAdmin, request: HttpRequest, session: Session, at: datetime) -> HttpResponse | None:
    action = request.POST.get("action")
    if action == "draw":
        _draw(request, session, at)
        return None
    chosen = Registration.objects.filter(
        session=session, pk__in=whole_numbers(request.POST.getlist(ACTION_CHECKBOX_NAME))
    )
    people = list(
        chosen.select_related("attendee__user", "session__event__edition", "session__room__venue").order_by(
            "-priority", "waiting_at", "pk"
        )
    )
    if not people:
        messages.warning(request, _("Tick at least one person first."))
    elif action == "give":
        _give(request, people, at)
    elif action == "priority":
        _set_priority(request, people)
    elif action == "remove" and "confirm" in request.POST:
        _remove(request, people)
    elif action == "remove":
        return _ask_to_remove(
            model_admin, request, [registration for registration in people if registration.status == Status.WAITING]
        )
    return None


def _give(request: HttpRequest, people: list[Registration], at: datetime) -> None:
    given, refusals = defaultdict[str, int](int), []
    for registration in people:
        try:
            given[waitlist.give(registration, actor=request.user, at=at).status] += 1
        except SeatRefused as refused:
            refusals.append(str(refused))
    for status, number in given.items():
        match status:
            case Status.OFFERED:
                sentence = ngettext(
                    "%d person has been offered a seat and will be told by email.",
                    "%d people have been offered a seat and will be told by email.",
                    number,
                )
            case Status.PENDING:
                sentence = ngettext(
                    "A seat is now held for %d request: you can decide on it.",
                    "Seats are now held for %d requests: you can decide on them.",
                    number,
                )
            case _:
                sentence = ngettext(
                    "%d person now has a seat and will be told by email.",
                    "%d people now have a seat and will be told by email.",
                    number,
                )
        messages.success(request, sentence % number)
    tell_refused(request, refusals)


def _set_priority(request: HttpRequest, people: list[Registration]) -> None:
    form = PriorityForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Enter the priority as a whole number between −99 and 99."))
        return
    for registration in people:
        waitlist.set_priority(registration, form.cleaned_data["priority"], actor=request.user)
    sentence = ngettext(
        "%(number)d person now has priority %(priority)d.",
        "%(number)d people now have priority %(priority)d.",
        len(people),
    )
    messages.success(request, sentence % {"number": len(people), "priority": form.cleaned_data["priority"]})


def _ask_to_remove(model_admin: ModelAdmin, request: HttpRequest, people: list[Registration]) -> HttpResponse | None:
    if not people:
        messages.warning(request, _("None of these people are still waiting."))
        return None
    number = len(people)
    return ask(
        model_admin,
        request,
        "remove",
        title=_("Remove from the waiting list?"),
        sentences=[
            ngettext(
                "%d person will lose their place on the waiting list and be told by email.",
                "%d people will lose their place on the waiting list and be told by email.",
                number,
            )
            % number,
            _("Anyone who joins again goes to the end."),
        ],
        headers=[_("Name"), _("Email address")],
        rows=[
            (registration.pk, [registration.attendee, readable_email(registration.attendee.user.email)])
            for registration in people
        ],
        yes=ngettext("Remove %d person", "Remove %d people", number) % number,
        no=_("Keep them"),
        post_to=request.get_full_path(),
        danger=True,
    )


def _remove(request: HttpRequest, people: list[Registration]) -> None:
    removed, refusals = 0, []
    for registration in (registration for registration in people if registration.status == Status.WAITING):
        try:
            ended = booking.cancel(
                registration.session,
                registration.attendee,
                actor=request.user,
                ending=Registration.Ending.BY_ORGANISERS,
                only=registration,
            )
            removed += ended is not None
        except SeatRefused as refused:
            refusals.append(f"{registration.attendee}: {refused}")
    if removed:
        sentence = ngettext(
            "%d person has been removed and will be told by email.",
            "%d people have been removed and will be told by email.",
            removed,
        )
        messages.success(request, sentence % removed)
    tell_refused(request, refusals)


def _draw(request: HttpRequest, session: Session, at: datetime) -> None:
    drawn = waitlist.draw(session, at, actor=request.user)
    if drawn is None:
        messages.error(request, _("The draw cannot be held now."))
    else:
        messages.success(
            request,
            _("The draw has been held. Anyone with the seed can repeat it: %(seed)s") % {"seed": drawn.seed},
        )
