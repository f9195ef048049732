"""The pages behind the mails: which ones people want, and whether they still come."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.access import attendee_required
from accounts.http import AttendeeRequest
from core import clock
from notices.access import question
from notices.domain import mail_preferences, reminders
from notices.forms import MailsForm
from notices.models import Topic
from registrations.domain import booking
from registrations.domain.ways_in import SeatRefused
from registrations.models import Registration


@attendee_required
@require_http_methods(["GET", "HEAD", "POST"])
def mails(request: AttendeeRequest) -> HttpResponse:
    """Which optional mails the person gets; and what is sent to everybody, which is no choice."""
    attendee = request.attendee
    form = MailsForm(request.POST)
    if request.method == "POST" and form.is_valid():
        mail_preferences.choose_all(attendee.user, form.cleaned_data["wanted"])
        messages.success(request, _("Saved."))
        return redirect("notices:mails")
    off = mail_preferences.off(attendee.user.email)
    topics = [(topic, topic not in off) for topic in mail_preferences.topics_of(attendee.user)]
    return render(request, "notices/mails.html", {"topics": topics}, status=422 if request.method == "POST" else 200)


# A mail program presses the button (RFC 8058), and has no page of ours; the key in the address is the permission.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unwanted(request: HttpRequest, key: str) -> HttpResponse:
    """Switch one kind of mail off by the address in it, without signing in. Opening the page changes nothing: programs
    open all links."""
    if (read := mail_preferences.read_key(key)) is None:
        raise Http404
    email, topic = read
    if request.method == "POST":
        mail_preferences.choose(email, topic, wanted="again" in request.POST)
    context = {"topic": Topic(topic), "is_off": topic in mail_preferences.off(email)}
    return render(request, "notices/unwanted.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def reconfirm(request: HttpRequest, key: str) -> HttpResponse:
    """Ask whether the person still comes (GET changes nothing), and take the answer (POST): the seat is kept, or goes
    to the waiting list."""
    asked = question(key)
    registration, session = asked.registration, asked.reminder.session
    person, now = registration.attendee, clock.now()
    if request.method == "POST":
        if "no" in request.POST:
            try:
                booking.cancel(session, person, actor=person.user, at=now, only=registration)
            except SeatRefused as refused:
                messages.error(request, str(refused))
        elif not reminders.still_comes(asked, now):
            messages.error(request, _("This seat is no longer yours."))
        return redirect("notices:reconfirm", key)
    state = "open" if registration.status == Registration.Status.CONFIRMED else "gone"
    if session.ends_at <= now:
        state = "over"
    elif state == "open" and asked.answered_at:
        state = "kept"
    until = max(asked.answer_until, now)
    return render(
        request, "notices/reconfirm.html", {"state": state, "session": session, "asked": asked, "until": until}
    )
