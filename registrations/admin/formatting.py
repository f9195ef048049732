"""How the administration shows seats and states, asks before it acts, and tells what was refused."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from core.admin import badge
from registrations.models import Registration

ON_A_PAGE = 100
REFUSALS_TOLD = 10


def may_see_people(request: HttpRequest) -> bool:
    return request.user.has_perm("registrations.view_registration") or may_change_people(request)


def may_change_people(request: HttpRequest) -> bool:
    return request.user.has_perm("registrations.change_registration")


def status_badge(registration: Registration, detail: object = "") -> SafeString:
    """The state of a registration in a word, and below it what one asks next about it."""
    tones = {"confirmed": "", "declined": "quiet", "cancelled": "quiet"}
    shown = badge(registration.get_status_display(), tones.get(registration.status, "warn"))
    return format_html("{} <small>{}</small>", shown, detail) if detail else shown


def page_of(request: HttpRequest, rows: Any) -> Page[Any]:
    return Paginator(rows, ON_A_PAGE).get_page(request.GET.get("p"))


def show(model_admin: ModelAdmin, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    context = model_admin.admin_site.each_context(request) | {"opts": model_admin.opts} | context
    return TemplateResponse(request, f"admin/registrations/desk/{template}.html", context)


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    action: str,
    *,
    title: str,
    sentences: Sequence[str],
    headers: Sequence[str],
    rows: Sequence[tuple[int, Sequence[Any]]],
    yes: str,
    no: str,
    post_to: str = "",
    **context: Any,
) -> HttpResponse:
    """The page that says what `action` would do to the `rows` (the key of each, and what to show of it) and asks: `yes`
    or `no`."""
    address = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    from_object = "_back" in request.POST
    post_to = post_to or reverse(f"{address}_changelist")
    back = reverse(f"{address}_change", args=[rows[0][0]]) if from_object else post_to
    context |= {"title": title, "sentences": sentences, "headers": headers, "yes": yes, "no": no}
    context["rows"] = [(pk, list(zip(headers, cells, strict=True))) for pk, cells in rows]
    context |= {
        "action": action,
        "post_to": post_to,
        "back": back,
        "name": ACTION_CHECKBOX_NAME,
        "from_object": from_object,
    }
    return show(model_admin, request, "ask", **context)


def tell_refused(request: HttpRequest, refusals: Sequence[str]) -> None:
    """One message for each of the first refusals, and how many more there were."""
    for sentence in refusals[:REFUSALS_TOLD]:
        messages.error(request, sentence)
    if (more := len(refusals) - REFUSALS_TOLD) > 0:
        messages.error(request, ngettext("And %d more like this.", "And %d more like these.", more) % more)
