"""Reminders: rows that are due at a moment, queued once, whoever looks and however often (docs/rules.md#reminders)."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from accounts.models import Attendee, User
from core.wall_time import at_wall_time
from notices.domain import mail_preferences
from notices.models import Reconfirmation, Reminder, ReminderRule, Topic
from outbox.domain.posting import post, post_many
from outbox.models import Message
from programme.models import Session
from registrations.domain import ledger, waitlist
from registrations.models import Invitation, Membership, Registration

log = logging.getLogger(__name__)

Audience = ReminderRule.Audience
Timing = ReminderRule.Timing
Outcome = Reminder.Outcome
LONGEST = timedelta(minutes=ReminderRule.LONGEST_MINUTES)
KINDS = {
    Audience.CONFIRMED: "notices.reminder",
    Audience.WAITING: "notices.reminder_waiting",
    Audience.INVITED: "notices.reminder_invited",
    Audience.ABSENT: "notices.missed",
}
RECONFIRM = "notices.reconfirm"


# --- When -------------------------------------------------------------------------------------------------------------


def due_at(rule: ReminderRule, session: Session) -> datetime | None:
    """When `rule` reminds the people of `session`; None if that is not before it starts.

    A time of day is that of the venue's clocks; one that they skip in a night of March counts as if they had not jumped
    (02:30 is then 03:30), of one that comes twice in October it is the first. A time before or after is elapsed time,
    in such nights too.
    """
    match rule.timing:
        case Timing.DAY:
            day = session.day - timedelta(days=rule.days)
            due = datetime.combine(day, rule.at_time, session.zone).astimezone(UTC)
        case Timing.BEFORE:
            due = session.starts_at.astimezone(UTC) - timedelta(minutes=rule.minutes)
        case _:
            return session.ends_at.astimezone(UTC) + timedelta(minutes=rule.minutes)
    return due if due < session.starts_at else None


def odd_hours(rule: ReminderRule, at: datetime) -> list[tuple[Session, str]]:
    """The sessions for which the time of day of `rule` falls into an hour that their clocks skip or show twice, and the
    sentence."""
    if rule.timing != Timing.DAY:
        return []
    found = []
    for session in _sessions_of([rule], at):
        try:
            at_wall_time(datetime.combine(session.day - timedelta(days=rule.days), rule.at_time), session.zone)
        except ValueError as odd:
            found.append((session, str(odd)))
    return found


def _sessions_of(rules: Iterable[ReminderRule], at: datetime) -> QuerySet[Session]:
    rules = list(rules)
    of_rules = Q(pk__in=[rule.session_id for rule in rules if rule.session_id]) | Q(
        event__in={rule.event_id for rule in rules if rule.event_id}
    )
    recent = Session.objects.taking_seats().filter(of_rules, status=Session.Status.PUBLISHED, ends_at__gt=at - LONGEST)
    return recent.select_related("room__venue").order_by("starts_at", "pk")


def plan(at: datetime, sessions: Iterable[Session] | None = None) -> int:
    """Write down the moments at which people are to be reminded, of `sessions` or of all, and strike those that are so
    no longer: a session has moved, a rule has changed. Return how many are new. Doing it twice changes nothing.

    A moment that is over already when it comes to be is not made up for: whoever it concerns has just been told of the
    seat, or of the change that made it so.

    The clock does it all the time, so that whatever changed a moment is followed; whoever saves a session or a rule
    does it at once.
    """
    rules = list(ReminderRule.objects.filter(is_active=True).order_by("pk"))
    planned = Reminder.objects.all()
    found: Iterable[Session] = []
    if sessions is not None:
        known = {session.pk: session for session in sessions}
        planned = planned.filter(session__in=known)
        open_ones = Session.objects.taking_seats().filter(pk__in=known, status=Session.Status.PUBLISHED)
        found = [known[pk] for pk in open_ones.order_by("pk").values_list("pk", flat=True)] if rules else []
    elif rules:
        found = _sessions_of(rules, at)
    wanted = {
        (rule.pk, session.pk, due)
        for session in found
        for rule in rules
        if session.pk == rule.session_id or (rule.event_id and session.event_id == rule.event_id)
        if (due := due_at(rule, session))
    }
    if not wanted and not planned.filter(queued_at=None).exists():
        return 0
    rows = {
        (rule, session, due): (pk, queued)
        for pk, rule, session, due, queued in planned.values_list("pk", "rule", "session", "due_at", "queued_at")
    }
    if gone := [pk for key, (pk, queued) in rows.items() if queued is None and key not in wanted]:
        Reminder.objects.filter(pk__in=gone, queued_at=None).delete()
    new = [
        Reminder(rule_id=rule, session_id=session, due_at=due)
        for rule, session, due in sorted(wanted - rows.keys())
        if due > at
    ]
    Reminder.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


# --- Queueing what is due ---------------------------------------------------------------------------------------------


def remind(at: datetime) -> int:
    """Queue the mails of every reminder that is due at `at`; return how many. Two clocks that do it at once queue each
    mail once."""
    plan(at)
    due = Reminder.objects.filter(queued_at=None, due_at__lte=at).select_related(
        "rule", "session__event__edition", "session__room__venue"
    )
    return sum(_queue(reminder, at) for reminder in due.order_by("due_at", "pk"))


def is_current(reminder: Reminder) -> bool:
    """Whether the rule still reminds people of the session at this moment, and not at another or not at all."""
    session, rule = reminder.session, reminder.rule
    takes_place = session.status == Session.Status.PUBLISHED and session.event.edition.takes_seats
    return rule.is_active and takes_place and due_at(rule, session) == reminder.due_at


def is_useful(reminder: Reminder, at: datetime) -> bool:
    """Whether it may still leave at `at`: not later than its rule allows, nor once the session has begun."""
    rule = reminder.rule
    in_time = at - reminder.due_at <= timedelta(minutes=rule.late_minutes)
    return in_time and (rule.timing == Timing.AFTER or at < reminder.session.starts_at)


def _queue(reminder: Reminder, at: datetime) -> int:
    rule = reminder.rule
    with transaction.atomic():
        # One conditional UPDATE decides between two clocks; the key of each mail is the second wall.
        if not Reminder.objects.filter(pk=reminder.pk, queued_at=None).update(queued_at=at):
            return 0
        if not is_current(reminder) or not is_useful(reminder, at):
            Reminder.objects.filter(pk=reminder.pk).update(outcome=Outcome.MISSED)
            log.warning("Reminder %s was due at %s: too late to be of use, dropped.", reminder, reminder.due_at)
            return 0
        mails = _questions(reminder, at) if rule.answer_hours else _mails(reminder)
        post_many(RECONFIRM if rule.answer_hours else KINDS[Audience(rule.audience)], mails)
        Reminder.objects.filter(pk=reminder.pk).update(outcome=Outcome.QUEUED, people=len(mails))
        return len(mails)


def stamp(reminder: Reminder) -> str:
    """What tells this reminder from every other of the same person: the rule, and the moment, which is another when the
    session moves."""
    return f"{reminder.rule_id}:{reminder.due_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def audience(reminder: Reminder) -> QuerySet[Registration]:
    """The registrations that a reminder is for. Whoever came after its moment has just had a mail with all that it
    would say."""
    rule = reminder.rule
    registrations = Registration.objects.filter(
        session=reminder.session_id, created_at__lte=reminder.due_at, attendee__user__is_active=True
    )
    if rule.audience == Audience.WAITING:
        registrations = registrations.filter(status=Registration.Status.WAITING)
    else:
        registrations = registrations.confirmed().filter(is_absent=rule.audience == Audience.ABSENT)
    return (
        registrations
        if rule.answer_hours
        else mail_preferences.wanting(registrations, Topic.REMINDERS, "attendee__user")
    ).order_by("pk")


def _mails(reminder: Reminder) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Address, key, language and context of each mail, in one order for all, so that nobody waits in a circle."""
    kind, version = KINDS[Audience(reminder.rule.audience)], stamp(reminder)
    if reminder.rule.audience == Audience.INVITED:
        return [
            (
                email,
                f"{kind}:{version}:{reminder.session_id}:{email}"[:200],
                language,
                {"reminder": reminder.pk, "email": email},
            )
            for email, language in silent(reminder.session)
        ]
    rows = audience(reminder).values_list("uuid", "attendee__user__email", "attendee__user__language")
    return [
        (email, f"{kind}:{version}:{uuid}", language, {"reminder": reminder.pk, "registration": str(uuid)})
        for uuid, email, language in rows
    ]


def silent(session: Session, email: str = "") -> list[tuple[str, str]]:
    """The addresses, with their language, of those who were invited to `session` by name, or whose cohort has seats
    kept in it, and who have not registered, asked, or given a seat back. Only of that `email`, if it is given."""
    invited = Invitation.objects.filter(session=session)
    answered = Registration.objects.filter(session=session)
    members = Membership.objects.filter(
        cohort__allotments__session=session, cohort__allotments__seats__gt=F("cohort__allotments__taken")
    )
    members = members.filter(attendee__user__is_active=True)
    if email:
        invited, members = invited.filter(email=email), members.filter(attendee__user__email=email)
    account = User.objects.filter(email=OuterRef("email"))
    invited = invited.exclude(Exists(answered.filter(attendee__user__email=OuterRef("email"))))
    invited = invited.exclude(Exists(account.filter(is_active=False)))
    members = members.exclude(Exists(answered.filter(attendee=OuterRef("attendee"))))
    found: dict[str, str] = {}
    for address, language in invited.annotate(language=Subquery(account.values("language")[:1])).values_list(
        "email", "language"
    ):
        found[address] = language or "fr"
    found |= dict(members.values_list("attendee__user__email", "attendee__user__language"))
    unwanted = mail_preferences.unwanted(Topic.INVITATIONS, found)
    return sorted((address, language) for address, language in found.items() if address not in unwanted)


# --- Whether people still come ----------------------------------------------------------------------------------------


def _questions(reminder: Reminder, at: datetime) -> list[tuple[str, str, str, dict[str, Any]]]:
    people = list(
        audience(reminder)
        .select_related("attendee__user")
        .only("pk", "attendee__user__email", "attendee__user__language")
    )
    until = answer_until(reminder, at)
    Reconfirmation.objects.bulk_create(
        [Reconfirmation(registration=registration, reminder=reminder, answer_until=until) for registration in people],
        batch_size=1000,
        ignore_conflicts=True,
    )
    asked = dict(Reconfirmation.objects.filter(reminder=reminder).values_list("registration", "uuid"))
    return [
        (
            registration.attendee.user.email,
            f"{RECONFIRM}:{asked[registration.pk]}",
            registration.attendee.user.language,
            {"reconfirmation": str(asked[registration.pk])},
        )
        for registration in people
    ]


def answer_until(reminder: Reminder, at: datetime) -> datetime:
    """Until when those who are asked at `at` can answer: the hours of the rule, but at most half of the time that is
    left."""
    hours = timedelta(hours=reminder.rule.answer_hours or 0)
    return at + min(hours, (reminder.session.starts_at - at) / 2)


def ask_again(attendee: Attendee, *, at: datetime) -> None:
    """End the links of all questions that were mailed to that person, in the caller's transaction; those that are open
    are mailed once more, unless they have not left yet."""
    mine = Reconfirmation.objects.filter(registration__attendee=attendee)
    mine.update(key_version=F("key_version") + 1)
    is_open = {"answered_at": None, "released_at": None, "reminder__session__starts_at__gt": at}
    for question in mine.filter(registration__status=Registration.Status.CONFIRMED, **is_open):
        key = f"{RECONFIRM}:{question.uuid}"
        if Message.objects.filter(dedupe_key__startswith=key).waiting().exists():
            continue
        post(
            RECONFIRM,
            attendee.user.email,
            dedupe_key=f"{key}:{question.key_version}",
            language=attendee.user.language,
            context={"reconfirmation": str(question.uuid)},
        )


def still_comes(question: Reconfirmation, at: datetime) -> bool:
    """Note that the person still comes; tell whether the seat is theirs. Doing it twice changes nothing. It is never
    too late while the seat has not gone to somebody else."""
    registration = question.registration
    with transaction.atomic():
        ledger.lock_people([registration.attendee_id])
        holds = Registration.objects.confirmed().filter(pk=registration.pk).exists()
        if holds:
            Reconfirmation.objects.filter(pk=question.pk, answered_at=None, released_at=None).update(answered_at=at)
    return holds


def release_silent(at: datetime) -> int:
    """Give the seats of those who did not answer in time to the waiting list, each in one step with its mails; return
    how many.

    Nobody loses a seat by a mail that did not leave: the time to answer runs from then. Nor once the session has begun,
    or when it has moved since they were asked: then they are asked anew.
    """
    late = Reconfirmation.objects.filter(
        answer_until__lte=at, answered_at=None, released_at=None, reminder__session__starts_at__gt=at
    )
    late = late.filter(registration__status=Registration.Status.CONFIRMED)
    questions = list(
        late.select_related(
            "reminder__rule", "reminder__session__room__venue", "reminder__session__event__edition", "registration"
        ).order_by("pk")
    )
    keys = [f"{RECONFIRM}:{question.uuid}" for question in questions]
    sent = dict(
        Message.objects.filter(dedupe_key__in=keys, status=Message.Status.SENT).values_list("dedupe_key", "sent_at")
    )
    number = 0
    for question, key in zip(questions, keys, strict=True):
        sent_at = sent.get(key)
        if sent_at is None or not is_current(question.reminder):
            continue
        until = answer_until(question.reminder, sent_at)
        if until > at:
            Reconfirmation.objects.filter(pk=question.pk).update(answer_until=until)
        else:
            number += _release(question, at)
    return number


def _release(question: Reconfirmation, at: datetime) -> int:
    session, attendee = question.reminder.session, question.registration.attendee_id

    def act() -> int:
        # Read after the lock: an answer that came first is seen.
        open_ones = Reconfirmation.objects.filter(pk=question.pk, answered_at=None, released_at=None)
        registration = (
            Registration.objects.confirmed()
            .filter(pk=question.registration_id)
            .select_related("attendee__user", "session")
            .first()
        )
        if registration is None or not open_ones.update(released_at=at):
            return 0
        ledger.end(registration, ledger.Ending.NOT_RECONFIRMED, actor=None, at=at)
        return 1

    return waitlist.in_turn([session], [attendee], act, at)
