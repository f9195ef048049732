"""The kinds of mail that leave at a moment of their own, one place for each: its name, its standard words, what may be
filled in, and what it is shown about before anybody gets it (docs/rules.md#mail-templates)."""

from datetime import timedelta
from functools import partial

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee, User
from core import clock
from notices import mails
from notices.domain import changes, inviting
from notices.models import Change, ReminderRule
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, link
from programme.models import Session
from registrations.domain import examples
from registrations.domain.facts import PLACEHOLDERS
from registrations.models import Cohort, Invitation, Registration

Status = Registration.Status
CHANGES = {"name": _("the person’s name"), "title": _("the title of the session"), "number": _("how many sessions")}


def _reminder_sample(key: str, status: str, reader: User) -> Letter | None:
    registration = examples.registration(Q(status=status, is_absent=key == "missed"), {"status": status}, reader)
    if registration is None:
        return None
    rule = ReminderRule.objects.filter(is_active=True).exclude(note_fr="").order_by("pk").first()
    return mails.reminder_letter(
        key, registration.session, registration.attendee.name, rule.note if rule else "", to=examples.mail()
    )


def _question_sample(reader: User) -> Letter | None:
    registration = examples.registration(Q(status=Status.CONFIRMED), {"status": Status.CONFIRMED}, reader)
    if registration is None:
        return None
    return mails.question_letter(
        registration.session,
        registration.attendee.name,
        "",
        clock.database_now() + timedelta(hours=24),
        link("registrations:me"),
        to=examples.mail(),
    )


def _changes_sample(reader: User, *, number: int) -> Letter | None:
    """The last session that has moved, else one as if it had stood an hour earlier."""
    change = Change.objects.filter(session__status=Session.Status.PUBLISHED).select_related(
        "session__event__edition", "session__room__venue"
    )
    made: Registration | None
    if found := change.order_by("-pk").first():
        made = Registration(
            session=found.session, attendee=Attendee(user=reader, name=reader.get_short_name()), status=Status.CONFIRMED
        )
        [was] = changes.stood([changes.before_of(found)], [found.session.room])
    elif made := examples.registration(Q(status=Status.CONFIRMED), {"status": Status.CONFIRMED}, reader):
        hour = timedelta(hours=1)
        was = changes.Stood(made.session.starts_at - hour, made.session.ends_at - hour, made.session.room)
    else:
        return None
    return mails.changes_letter(
        made.attendee, [changes.Moved(made, was, changes.stands(made.session), (), ())] * number
    )


def _cohort_sample(reader: User) -> Letter | None:
    for cohort in Cohort.objects.select_related("institution").order_by("pk"):
        if letter := mails.cohort_letter(cohort, reader.get_short_name()):
            return letter
    return None


def _invited_sample(reader: User) -> Letter | None:
    invitation = (
        Invitation.objects.select_related("session__event__edition", "session__room__venue").order_by("-pk").first()
    )
    session = invitation.session if invitation else examples.session()
    return mails.invitation_letter(session, to=examples.mail()) if session else None


mail_templates.register(
    mail_templates.Kind(
        "notices.changes",
        _("Session moved"),
        _("Sessions"),
        _("Changed: %(title)s"),
        _("%(name)s, one of your sessions has moved."),
        _("If you can no longer come, please give up your seat: someone else will be glad of it."),
        CHANGES,
        partial(_changes_sample, number=1),
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.changes.several",
        _("Several sessions moved"),
        _("Sessions"),
        _("Changed: %(number)s of your sessions"),
        _("%(name)s, %(number)s of your sessions have moved."),
        _("If you can no longer come, please give up your seat: someone else will be glad of it."),
        CHANGES,
        partial(_changes_sample, number=2),
    )
)
mail_templates.register(
    mail_templates.Kind(
        inviting.COHORT,
        _("Invitation to a cohort"),
        _("Invitations"),
        _("%(institution)s invites you: choose your sessions"),
        _("%(name)s, you belong to “%(cohort)s” (%(institution)s). Seats are reserved for this group:"),
        _("Seats are first come, first served."),
        {
            "name": _("the person’s name"),
            "cohort": _("the name of the cohort"),
            "institution": _("the name of the institution"),
            "number": _("how many sessions"),
        },
        _cohort_sample,
    )
)
mail_templates.register(
    mail_templates.Kind(
        inviting.BY_NAME,
        _("Invitation to a session"),
        _("Invitations"),
        _("You are invited: %(title)s"),
        _("The organisers invite you to this session."),
        _("The invitation does not hold a seat for you: take yours while there are still seats."),
        {name: words for name, words in PLACEHOLDERS.items() if name != "name"},
        _invited_sample,
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.reminder",
        _("Reminder"),
        _("Reminders"),
        _("Reminder: %(title)s"),
        _("%(name)s, you have a seat in this session."),
        _("If you can’t come, please give up your seat: someone else will be glad of it."),
        PLACEHOLDERS,
        partial(_reminder_sample, "reminder", Status.CONFIRMED),
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.reminder_waiting",
        _("Reminder to people on the waiting list"),
        _("Reminders"),
        _("Still on the waiting list: %(title)s"),
        _("%(name)s, you are still waiting for a seat in this session. None has come free for you so far."),
        _("If you no longer want one, leave the waiting list so that others can move up."),
        PLACEHOLDERS,
        partial(_reminder_sample, "reminder_waiting", Status.WAITING),
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.reminder_invited",
        _("Reminder to invited people"),
        _("Reminders"),
        _("Your invitation: %(title)s"),
        _("You are invited to this session but have not said yet whether you will come."),
        "",
        {name: words for name, words in PLACEHOLDERS.items() if name != "name"},
        partial(_reminder_sample, "reminder_invited", Status.CONFIRMED),
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.reconfirm",
        _("Question: are you still coming?"),
        _("Reminders"),
        _("Are you still coming? %(title)s"),
        _("%(name)s, are you still coming? Please answer by %(until)s."),
        "",
        PLACEHOLDERS | {"until": _("the deadline for the answer")},
        _question_sample,
    )
)
mail_templates.register(
    mail_templates.Kind(
        "notices.missed",
        _("To people who were absent"),
        _("Reminders"),
        _("We missed you: %(title)s"),
        _("%(name)s, a seat was held for you in this session, but it stayed empty."),
        _("Next time, please give up your seat if you can’t come: somebody on the waiting list could have had it."),
        PLACEHOLDERS,
        partial(_reminder_sample, "missed", Status.CONFIRMED),
    )
)
