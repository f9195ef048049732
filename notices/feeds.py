"""The calendar of a person: the page that makes its address, and what stands at that address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_http_methods, require_safe

from accounts.access import attendee_required
from accounts.http import AttendeeRequest
from core import clock
from notices.access import calendar_feed
from notices.domain import calendar_feeds
from notices.domain.calendar_feeds import subscription
from notices.forms import AlarmForm
from notices.models import CalendarFeed
from outbox.domain.mail_kinds import link


@require_safe
@conditional_page
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """The seats of whoever that address was made for, in their language. Its secret is all that one needs, and opens
    nothing else."""
    feed = calendar_feed(key)
    with translation.override(feed.attendee.user.language):
        text = subscription(feed, clock.now())
    headers = {"Content-Disposition": 'inline; filename="summit.ics"', "Referrer-Policy": "no-referrer"}
    return HttpResponse(text, content_type="text/calendar; charset=utf-8; method=PUBLISH", headers=headers)


@attendee_required
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: AttendeeRequest) -> HttpResponse:
    """Make the address of one's calendar, choose its alarm, make another, or switch it off. Opening the page does none
    of it."""
    attendee = request.attendee
    user, status = attendee.user, 200
    if request.method == "POST":
        form = AlarmForm(request.POST)
        match request.POST.get("act"):
            case "open":
                calendar_feeds.open_feed(attendee, actor=user)
                said = _("Your calendar now has an address.")
            case "renew":
                calendar_feeds.renew(attendee, actor=user)
                said = _("Here is the new address. The previous one no longer works.")
            case "close":
                calendar_feeds.close(attendee, actor=user)
                said = _("The address is switched off.")
            case "alarm" if form.is_valid():
                calendar_feeds.set_alarm(attendee, form.cleaned_data["minutes"], actor=user)
                said = _("Saved: your calendar will pick this up the next time it checks.")
            case _other:
                said, status = "", 422
        if said:
            messages.success(request, said)
            return redirect("notices:calendar")
    feed = calendar_feeds.feed_of(attendee)
    address = link("calendars:feed", feed.key) if feed else ""
    context = {
        "feed": feed,
        "address": address,
        "webcal": "webcal" + address.removeprefix("https").removeprefix("http"),
        "alarms": CalendarFeed.ALARMS,
    }
    return render(request, "notices/calendar.html", context, status=status)
