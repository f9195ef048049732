"""The personal page of somebody whom an institution has invited: it asks, and only a button changes anything
(docs/rules.md#answers)."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import network_of
from accounts.domain import codes
from accounts.forms import ProofForm
from accounts.views import say_when_sent, too_many
from core import clock
from core.emails import readable_email
from core.limits import TooMany
from partners import access
from partners.domain import objections, responses
from partners.domain.responses import Accepted
from partners.forms import NameForm
from partners.models import Invitee
from programme.models import Session
from registrations.domain import seats
from registrations.models import Registration

_CODE = "invitation_code"  # in the web session: the code that is on its way, for which invitation


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, key: str) -> HttpResponse:
    """Who invites, to what, and what happens to one's data: accept, decline, or be forgotten."""
    try:
        invitee = access.answering(key)
    except Http404:
        return _gone(request, key)
    if not access.may_change_answer(request, invitee):
        return _ask_for_code(request, invitee)
    if request.method != "POST":
        return _show(request, invitee)
    act, first_only = request.POST.get("act", ""), invitee.status == Invitee.Status.INVITED
    try:
        if act == "accept":
            return _accept(request, invitee, first_only=first_only)
        if act == "decline":
            responses.decline(invitee, at=clock.now(), first_only=first_only)
            access.remember_answer(request, invitee)
            messages.success(request, _("You’ve declined. Your place is free for somebody else."))
        elif act == "correct":
            return _correct(request, invitee, first_only=first_only)
        elif act == "erase":
            responses.erase(invitee, at=clock.now(), first_only=first_only)
            return render(request, "partners/erased.html", {"institution": invitee.institution})
    except responses.Gone:
        return _gone(request, key)
    except responses.Answered:
        access.remember_answer(request, invitee)  # a button pressed twice: it was open when this browser pressed
    except responses.Over:
        pass  # the page says so
    except (responses.Complete, responses.OnHold) as why:
        messages.error(request, str(why))
    return redirect("partners:answer", key)


def _gone(request: HttpRequest, key: str) -> HttpResponse:
    """A link that opens nothing: of somebody who was erased, it says so."""
    if objection := objections.was_erased(key):
        return render(request, "partners/erased.html", {"institution": objection.institution}, status=410)
    return render(request, "partners/no_invitation.html", status=404)


def _ask_for_code(request: HttpRequest, invitee: Invitee) -> HttpResponse:
    """A link that has been answered tells nothing about anybody: whoever opens it types the code that is sent to the
    person, if they like."""
    now, act, form = clock.now(), request.POST.get("act", ""), ProofForm()
    asked_by, (number, code, at) = f"invitation {invitee.pk}", request.session.get(_CODE, [0, 0, 0])
    sent = codes.Sent(responses.address_of(invitee), code, at, asked_by) if number == invitee.pk else None
    try:
        if act == "send":
            sent = codes.send(
                responses.address_of(invitee),
                account=0,
                kind=codes.SIGN_IN,
                language="en" if translation.get_language() == "en" else "fr",
                at=now,
                asked_by=asked_by,
            )
            request.session[_CODE] = [invitee.pk, sent.number, sent.at]  # no address: it stands in the row
            say_when_sent(request, sent)
            return redirect(request.path)
        if act == "code" and sent:
            form = ProofForm(request.POST)
            if form.is_valid():
                if codes.is_right(sent, form.cleaned_data["code"], network=network_of(request), at=now):
                    del request.session[_CODE]
                    access.remember_answer(request, invitee)
                    return redirect(request.path)
                form.is_wrong()
    except codes.Void:
        del request.session[_CODE]
        messages.error(request, _("This code is no longer valid. Ask for a new one."))
        return redirect(request.path)
    except TooMany as limit:
        return too_many(request, limit)
    if request.method == "POST" and not form.errors:
        return redirect(request.path)
    context = {"sent": sent, "form": form, "minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60}
    return render(request, "partners/answered.html", context)


def _accept(request: HttpRequest, invitee: Invitee, *, first_only: bool) -> HttpResponse:
    language = "en" if translation.get_language() == "en" else "fr"
    accepted = responses.accept(
        invitee, request.POST.getlist("session"), language=language, at=clock.now(), first_only=first_only
    )
    _tell(request, accepted)
    user = accepted.attendee.user
    # The link of the mail signs in once, when it makes the account; afterwards a code does, and for organisers always.
    if (
        accepted.is_first_time
        and accepted.opened_account
        and user.is_active
        and not user.is_staff
        and request.user != user
    ):
        login(request, user)
    access.remember_answer(request, invitee)  # after signing in, which may begin another web session
    return redirect("partners:answer", invitee.key)


def _correct(request: HttpRequest, invitee: Invitee, *, first_only: bool) -> HttpResponse:
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            responses.correct(invitee, **form.cleaned_data, at=clock.now(), first_only=first_only)
        except responses.Moved:
            form = NameForm(request.POST | _seen(invitee))
            form.add_error("last_name", _("Somebody changed it meanwhile. Check it, then save again."))
        else:
            messages.success(request, _("Saved. Your institution now sees your name like this."))
            return redirect("partners:answer", invitee.key)
    return _show(request, invitee, form)


def _seen(invitee: Invitee) -> dict[str, str]:
    return {"seen": responses.name_seen(invitee)}


def _tell(request: HttpRequest, accepted: Accepted) -> None:
    if accepted.is_first_time:
        messages.success(request, _("Thank you. We’ve saved your answer."))
    for session, registration, refused in accepted.seats:
        if registration is None:
            messages.error(request, _("“%(session)s”: no seat. %(why)s") % {"session": session.title, "why": refused})
        elif registration.status == Registration.Status.WAITING:
            messages.info(
                request, _("“%(session)s” is full: you are on its waiting list.") % {"session": session.title}
            )
        else:
            messages.success(request, _("“%(session)s”: your seat is confirmed.") % {"session": session.title})


def _show(request: HttpRequest, invitee: Invitee, form: NameForm | None = None) -> HttpResponse:
    now, edition = clock.now(), invitee.cohort.edition
    if edition.is_public:  # the page speaks of it as the mail does
        request.edition = edition  # type: ignore[attr-defined]
    is_theirs = request.user.is_authenticated and invitee.attendee is not None and invitee.attendee.user == request.user
    kept = responses.sessions_for(invitee.cohort, now)
    pools = {pool.session_id: pool for pool in invitee.cohort.allotments.filter(session__in=kept)}
    mine = {seat.session.pk: seat for seat in seats.seats(kept, invitee.attendee, now)} if invitee.attendee else {}
    sessions = [(session, pools[session.pk], mine.get(session.pk), _beside(session, kept, invitee)) for session in kept]
    context = {
        "invitee": invitee,
        "institution": invitee.institution,
        "cohort": invitee.cohort,
        "sessions": sessions,
        "is_theirs": is_theirs,
        "overlaps": any(beside for *_one, beside in sessions),
        "other": readable_email(request.user.email)
        if request.user.is_authenticated and request.user.email != invitee.email and not is_theirs
        else "",
        "given": _given(invitee),
        "name_form": form
        or NameForm(initial={"last_name": invitee.last_name, "first_name": invitee.first_name} | _seen(invitee)),
        "asks_to_correct": form is not None or "correct" in request.GET,
        "asks_to_erase": "erase" in request.GET and form is None,
        "asks_to_decline": "decline" in request.GET and invitee.status == Invitee.Status.ACCEPTED,
    }
    return render(request, "partners/response.html", context)


def _given(invitee: Invitee) -> list[tuple[str, str]]:
    """What the institution has said about the person, under the names of the mail that told them."""
    said = [
        (_("Name"), str(invitee)),
        (_("Email"), readable_email(invitee.email)),
        (_("Number"), invitee.reference),
        (pgettext("studies", "Course"), invitee.programme),
    ]
    return [(label, value) for label, value in said if value]


def _beside(session: Session, kept: list[Session], invitee: Invitee) -> list[str]:
    """The titles of the sessions between which and `session` somebody has to choose, as long as they choose."""
    if invitee.status == Invitee.Status.ACCEPTED:
        return []
    return [
        other.title
        for other in kept
        if other != session and other.starts_at < session.ends_at and session.starts_at < other.ends_at
    ]
