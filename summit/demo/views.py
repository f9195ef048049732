"""The mails of the demo, read as a mailbox would show them. These pages have an address in demo mode only
(summit/urls.py)."""

import hashlib
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from core.admin.mail_preview import framed
from outbox.models import Message
from summit.demo.cast import CROWD

MOST_SHOWN = 50


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """The latest mails, newest first; `to` narrows them to an address. The page asks again every two seconds, and hears
    nothing (204) as long as it would show the same."""
    to = request.GET.get("to", "").strip()[:254]
    # The crowd that fills some sessions got a mail each: they would bury what the reader looks for.
    wanted = (
        Message.objects.filter(to__icontains=to)
        if to
        else Message.objects.exclude(to__startswith=CROWD, to__endswith="@demo.example")
    )
    messages = list(wanted[: MOST_SHOWN + 1])
    seen = hashlib.sha256("".join(f"{message.uuid}{message.status}" for message in messages).encode()).hexdigest()[:16]
    asked_again = "HX-Request" in request.headers
    if asked_again and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {
        "mails": messages[:MOST_SHOWN],
        "more": len(messages) > MOST_SHOWN,
        "most": MOST_SHOWN,
        "to": to,
        "seen": seen,
    }
    return render(request, "demo/_mails.html" if asked_again else "demo/mails.html", context)


@require_safe
def mail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    return render(request, "demo/mail.html", {"mail": get_object_or_404(Message, uuid=uuid)})


@require_safe
@xframe_options_sameorigin
def mail_html(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The HTML of one mail, alone, for the frame of its page."""
    html = get_object_or_404(Message, uuid=uuid).html
    if not html:
        raise Http404
    return framed(html)


@require_safe
def mail_calendar(request: HttpRequest, uuid: UUID) -> HttpResponse:
    calendar = get_object_or_404(Message, uuid=uuid).calendar
    if not calendar:
        raise Http404
    return HttpResponse(
        calendar,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="session.ics"'},
    )
