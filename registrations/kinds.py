"""The kinds of mail about sessions and seats, one place for each: its name, its standard words, what may be filled in, and what it is
shown about before anybody gets it (docs/rules.md#wording)."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee, User
from outbox.domain import wordings
from outbox.domain.kinds import Letter, NoLongerTrue, link
from outbox.models import Message
from programme.models import Session
from registrations import mails, notices
from registrations.domain import changes, clock, digests, examples, inviting
from registrations.models import Change, Cohort, Institution, Invitation, Registration, ReminderRule

Status = Registration.Status
Ending = Registration.Ending
EXAMPLE = "example@example.org"  # whom a mail is shown for: it has switched nothing off

# --- Seats ----------------------------------------------------------------------------------------------------------------------

PLACEHOLDERS = {
    "name": _("the person’s name"),
    "title": _("the title of the session"),
    "event": _("the event that it belongs to"),
    "when": _("the day and the time"),
    "where": _("the venue and the room"),
}
UNTIL = PLACEHOLDERS | {"until": _("the end of the offer")}


def _sample(write: Callable[[Registration], Letter], find: Q, like: dict[str, Any], session_status: str, reader: User) -> Letter | None:
    found = examples.registration(find, like, reader, session_status=session_status)
    if found is None:
        return None
    if found.status == Status.OFFERED and (found.offer_expires_at is None or found.offer_expires_at <= timezone.now()):
        found.offer_expires_at = timezone.now() + timedelta(hours=6)
    return write(found)


def _seat(
    key: str,
    label: Any,
    write: Callable[[Registration], Letter],
    subject: Any,
    opening: Any,
    closing: Any = "",
    *,
    find: Q,
    like: dict[str, Any],
    placeholders: dict[str, Any] = PLACEHOLDERS,
    session_status: str = "",
) -> None:
    sample = partial(_sample, write, find, like, session_status)
    kind = wordings.Kind(f"registrations.{key}", label, _("Seats"), subject, opening, closing, placeholders, sample)
    wordings.register(kind)


_holds = Q(status=Status.CONFIRMED)
_seat(
    "confirmed",
    _("Seat confirmed"),
    mails.confirmed_letter,
    _("Your seat: %(title)s"),
    _("%(name)s, your seat is confirmed."),
    _("If you cannot come, please give your seat back: someone else will be glad of it."),
    find=_holds & Q(reason="", waiting_at=None),
    like={"status": Status.CONFIRMED},
)
_seat(
    "confirmed.promoted",
    _("A seat from the waiting list"),
    mails.confirmed_letter,
    _("A seat for you: %(title)s"),
    _("%(name)s, a seat has become free: it is yours."),
    _("If you cannot come, please give your seat back: someone else will be glad of it."),
    find=_holds & Q(reason="", waiting_at__isnull=False) & ~Q(session__waiting_list=Session.WaitingList.OFFER),
    like={"status": Status.CONFIRMED, "waiting_at": timezone.now()},
)
_seat(
    "confirmed.granted",
    _("Request granted"),
    mails.confirmed_letter,
    _("Request granted: %(title)s"),
    _("%(name)s, the organisers have granted your request: you have a seat."),
    _("If you cannot come, please give your seat back: someone else will be glad of it."),
    find=_holds & ~Q(reason=""),
    like={"status": Status.CONFIRMED, "reason": "…"},
)
_seat(
    "requested",
    _("Request received"),
    mails.requested_letter,
    _("Request received: %(title)s"),
    _("%(name)s, the organisers have your request."),
    find=Q(status=Status.PENDING),
    like={"status": Status.PENDING},
)
_seat(
    "declined",
    _("Request declined"),
    mails.declined_letter,
    _("Your request: %(title)s"),
    _("%(name)s, the organisers cannot give you a seat in this session."),
    find=Q(status=Status.DECLINED),
    like={"status": Status.DECLINED},
)
_seat(
    "waiting",
    _("On the waiting list"),
    mails.waiting_letter,
    _("On the waiting list: %(title)s"),
    _("%(name)s, this session is full: you wait for a seat."),
    _(
        "You need do nothing: a mail tells you as soon as a seat becomes free for you.\nIf you no longer wait for it, leave the list on its page."
    ),
    find=Q(status=Status.WAITING),
    like={"status": Status.WAITING},
)
_seat(
    "offered",
    _("Seat offered"),
    mails.offered_letter,
    _("A seat is offered to you: %(title)s"),
    _("%(name)s, a seat has become free. It is kept for you until %(until)s."),
    _("Without an answer, the seat goes to the next in line, and you leave the waiting list."),
    find=Q(status=Status.OFFERED),
    like={"status": Status.OFFERED},
    placeholders=UNTIL,
)
_seat(
    "offer_ends",
    _("Offer about to end"),
    partial(mails.offered_letter, key="offer_ends"),
    _("Your answer is awaited: %(title)s"),
    _("%(name)s, a seat is kept for you until %(until)s, and you have not answered yet."),
    _("Without an answer, the seat goes to the next in line, and you leave the waiting list."),
    find=Q(status=Status.OFFERED),
    like={"status": Status.OFFERED},
    placeholders=UNTIL,
)
_seat(
    "moved_to_line",
    _("Back on the waiting list"),
    partial(mails.moved_to_line_letter, had_seat=True),
    _("Back on the waiting list: %(title)s"),
    _("%(name)s, fewer people can come to this session than planned. We had to take your seat back, and we are sorry."),
    find=Q(pk=None),  # whoever waits now may have waited from the beginning
    like={"status": Status.WAITING},
)


def _ended(
    key: str,
    ending: str,
    label: Any,
    subject: Any,
    opening: Any,
    closing: Any = "",
    *,
    had_seat: bool = True,
    session_status: str = "",
    placeholders: dict[str, Any] = PLACEHOLDERS,
) -> None:
    find = Q(status=Status.CANCELLED, ending=ending)
    if session_status:
        find &= Q(session__status=session_status)
    if ending == Ending.BY_PERSON:
        was_confirmed = Exists(Registration.history.filter(uuid=OuterRef("uuid"), status=Status.CONFIRMED))
        find &= Q(was_confirmed) if had_seat else ~Q(was_confirmed)
    like = {"status": Status.CANCELLED, "ending": ending}
    write = partial(mails.cancelled_letter, had_seat=had_seat)
    _seat(
        f"cancelled.{key}",
        label,
        write,
        subject,
        opening,
        closing,
        find=find,
        like=like,
        session_status=session_status,
        placeholders=placeholders,
    )


_ended(
    "by_person",
    Ending.BY_PERSON,
    _("Seat given back"),
    _("Seat given back: %(title)s"),
    _("%(name)s, your seat is given back."),
    _("You can register again as long as places are left."),
)
_ended(
    "withdrawn",
    Ending.BY_PERSON,
    _("Request withdrawn"),
    _("Request withdrawn: %(title)s"),
    _("%(name)s, your request is withdrawn."),
    _("You can ask again as long as places are left."),
    had_seat=False,
)
_ended(
    "swapped",
    Ending.SWAPPED,
    _("Seat given up for another"),
    _("Seat given up: %(title)s"),
    _("%(name)s, you gave this seat up for another session."),
)
_ended(
    "offer_declined",
    Ending.OFFER_DECLINED,
    _("Offer declined"),
    _("Offer declined: %(title)s"),
    _("%(name)s, you declined the seat that was offered to you: it goes to the next in line."),
    had_seat=False,
)
_ended(
    "offer_expired",
    Ending.OFFER_EXPIRED,
    _("Offer ended without an answer"),
    _("Offer ended: %(title)s"),
    _("%(name)s, the time to answer is over: the seat that was offered to you went to the next in line."),
    _("You are no longer on the waiting list. You can join it again, at its end."),
    had_seat=False,
)
_ended(
    "not_reconfirmed",
    Ending.NOT_RECONFIRMED,
    _("Seat released without an answer"),
    _("Seat released: %(title)s"),
    _("%(name)s, you did not say that you still come: your seat went to the next in line."),
    _("If you want to come after all, register again: as long as places are left, or by the waiting list."),
)
_ended(
    "by_organisers",
    Ending.BY_ORGANISERS,
    _("Registration cancelled by organisers"),
    _("Registration cancelled: %(title)s"),
    _("%(name)s, the organisers have cancelled your registration for this session."),
)
_ended(
    "left_cohort",
    Ending.LEFT_COHORT,
    _("Taken off the list of an institution"),
    _("Registration cancelled: %(title)s"),
    _("%(name)s, you are no longer on the list of your institution, %(institution)s. The seat that it kept for you is given back."),
    _("If this is a mistake, please tell your institution. You can register by yourself for whatever is open to everybody."),
    placeholders=PLACEHOLDERS | {"institution": _("the institution whose list it was")},
)
_ended(
    "session_cancelled",
    Ending.SESSION_CANCELLED,
    _("Session cancelled"),
    _("Session cancelled: %(title)s"),
    _("%(name)s, this session is cancelled. We are sorry."),
    session_status=Session.Status.CANCELLED,
)
_ended(
    "takes_place",
    Ending.SESSION_CANCELLED,
    _("Session takes place after all"),
    _("It takes place after all: %(title)s"),
    _("%(name)s, this session had been cancelled, and your registration with it. It takes place after all."),
    _("If you still want to come, register again."),
    session_status=Session.Status.PUBLISHED,
)


def _allocated_sample(_reader: User) -> Letter | None:
    """The last result that was told and is still kept."""
    told = Message.objects.filter(kind="registrations.allocated", purged_at=None).order_by("-pk").first()
    try:
        return mails.allocated_letter(told.context) if told else None
    except ObjectDoesNotExist:
        return None


wordings.register(
    wordings.Kind(
        "registrations.allocated",
        _("Result of an allocation"),
        _("Seats"),
        _("%(title)s: your result"),
        _("%(name)s, here is what became of your wishes."),
        "",
        {"name": _("the person’s name"), "title": _("the title of the allocation")},
        _allocated_sample,
    )
)


# --- Moments: changes, invitations, reminders -------------------------------------------------------------------------------------

CHANGES = {"name": _("the person’s name"), "title": _("the title of the session"), "number": _("how many sessions")}
Sample = Callable[[User], Letter | None]


def _kind(key: str, label: Any, group: Any, texts: tuple[Any, Any, Any], placeholders: dict[str, Any], sample: Sample) -> None:
    def shown(reader: User) -> Letter | None:
        try:
            return sample(reader)
        except NoLongerTrue:  # the organiser wants no such mails, or what it was about is over
            return None

    name = key if key.startswith("registrations.") else f"registrations.{key}"
    wordings.register(wordings.Kind(name, label, group, *texts, placeholders, shown))


def _reminder_sample(key: str, status: str, reader: User) -> Letter | None:
    found = examples.registration(Q(status=status, is_absent=key == "missed"), {"status": status}, reader)
    if found is None:
        return None
    rule = ReminderRule.objects.filter(is_active=True).exclude(note_fr="").order_by("pk").first()
    return notices.reminder_letter(key, found.session, found.attendee.name, rule.note if rule else "", to=EXAMPLE)


def _question_sample(reader: User) -> Letter | None:
    found = examples.registration(Q(status=Status.CONFIRMED), {"status": Status.CONFIRMED}, reader)
    if found is None:
        return None
    return notices.question_letter(
        found.session,
        found.attendee.name,
        "",
        clock.now() + timedelta(hours=24),
        link("registrations:me"),
        to=EXAMPLE,
    )


def _changes_sample(reader: User, *, number: int) -> Letter | None:
    """The last session that has moved, else one as if it had stood an hour earlier."""
    change = Change.objects.filter(session__status=Session.Status.PUBLISHED).select_related("session__event", "session__room__venue")
    made: Registration | None
    if found := change.order_by("-pk").first():
        made = Registration(session=found.session, attendee=Attendee(user=reader, name=reader.get_short_name()), status=Status.CONFIRMED)
        [was] = changes.stood([changes.before_of(found)], [found.session.room])
    elif made := examples.registration(Q(status=Status.CONFIRMED), {"status": Status.CONFIRMED}, reader):
        hour = timedelta(hours=1)
        was = changes.Stood(made.session.starts_at - hour, made.session.ends_at - hour, made.session.room)
    else:
        return None
    return notices.changes_letter(made.attendee, [changes.Moved(made, was, changes.stands(made.session), (), ())] * number)


def _cohort_sample(reader: User) -> Letter | None:
    for cohort in Cohort.objects.select_related("institution").order_by("pk"):
        if letter := notices.cohort_letter(cohort, reader.get_short_name()):
            return letter
    return None


def _invited_sample(reader: User) -> Letter | None:
    found = Invitation.objects.select_related("session__event", "session__room__venue").order_by("-pk").first()
    session = found.session if found else examples.session()
    return notices.invitation_letter(session, to=EXAMPLE) if session else None


def _digest_sample(reader: User) -> Letter | None:
    institution = Institution.objects.filter(cohorts__isnull=False).order_by("pk").first()
    return notices.digest_letter(institution, reader, clock.now(), to=EXAMPLE) if institution else None


_kind(
    "changes",
    _("Session moved"),
    _("Sessions"),
    (
        _("Changed: %(title)s"),
        _("%(name)s, a session of yours has moved."),
        _("If you cannot come now, please give your seat back: someone else will be glad of it."),
    ),
    CHANGES,
    partial(_changes_sample, number=1),
)
_kind(
    "changes.several",
    _("Several sessions moved"),
    _("Sessions"),
    (
        _("Changed: %(number)s of your sessions"),
        _("%(name)s, %(number)s sessions of yours have moved."),
        _("If you cannot come now, please give your seat back: someone else will be glad of it."),
    ),
    CHANGES,
    partial(_changes_sample, number=2),
)
_kind(
    inviting.COHORT,
    _("Invitation to a cohort"),
    _("Invitations"),
    (
        _("%(institution)s invites you: choose your sessions"),
        _("%(name)s, you belong to “%(cohort)s” (%(institution)s). Seats are kept for this group:"),
        _("Seats go to those who take them first, as long as there are any."),
    ),
    {
        "name": _("the person’s name"),
        "cohort": _("the name of the cohort"),
        "institution": _("the name of the institution"),
        "number": _("how many sessions"),
    },
    _cohort_sample,
)
_kind(
    inviting.BY_NAME,
    _("Invitation to a session"),
    _("Invitations"),
    (
        _("You are invited: %(title)s"),
        _("The organisers invite you to this session."),
        _("The invitation keeps no seat: take yours while there are any."),
    ),
    {name: words for name, words in PLACEHOLDERS.items() if name != "name"},
    _invited_sample,
)
_kind(
    "reminder",
    _("Reminder"),
    _("Reminders"),
    (
        _("Reminder: %(title)s"),
        _("%(name)s, you have a seat in this session."),
        _("If you cannot come, please give your seat back: someone else will be glad of it."),
    ),
    PLACEHOLDERS,
    partial(_reminder_sample, "reminder", Status.CONFIRMED),
)
_kind(
    "reminder_waiting",
    _("Reminder to those in line"),
    _("Reminders"),
    (
        _("Still on the waiting list: %(title)s"),
        _("%(name)s, you still wait for a seat in this session. None has become free for you so far."),
        _("If you no longer wait for it, leave the list: it moves on for the others."),
    ),
    PLACEHOLDERS,
    partial(_reminder_sample, "reminder_waiting", Status.WAITING),
)
_kind(
    "reminder_invited",
    _("Reminder to those invited"),
    _("Reminders"),
    (
        _("Your invitation: %(title)s"),
        _("You are invited to this session, and have not said yet whether you will come."),
        "",
    ),
    {name: words for name, words in PLACEHOLDERS.items() if name != "name"},
    partial(_reminder_sample, "reminder_invited", Status.CONFIRMED),
)
_kind(
    "reconfirm",
    _("Question whether somebody still comes"),
    _("Reminders"),
    (
        _("Do you still come? %(title)s"),
        _("%(name)s, do you still come? Please answer by %(until)s."),
        "",
    ),
    PLACEHOLDERS | {"until": _("until when they can answer")},
    _question_sample,
)
_kind(
    "missed",
    _("To those who were absent"),
    _("Reminders"),
    (
        _("We missed you: %(title)s"),
        _("%(name)s, a seat was kept for you in this session, and it stayed empty."),
        _("Next time, give your seat back if you cannot come: somebody in line would have taken it."),
    ),
    PLACEHOLDERS,
    partial(_reminder_sample, "missed", Status.CONFIRMED),
)
_kind(
    digests.KIND,
    _("Weekly news for partners"),
    _("Partners"),
    (
        _("%(institution)s: your people this week"),
        _("%(name)s, here is how the seats of your people stand today."),
        "",
    ),
    {"name": _("the person’s name"), "institution": _("the name of the institution")},
    _digest_sample,
)
