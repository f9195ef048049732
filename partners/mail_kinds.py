"""The mails of partners whose template organisers may change, with their standard texts."""

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import clock
from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter
from partners import mails
from partners.domain import applying, digests, roles
from partners.models import PartnerRole
from registrations.domain import examples
from registrations.models import Cohort, Institution

INVITED = {
    "name": _("the person’s name"),
    "cohort": _("the name of the cohort"),
    "institution": _("the name of the institution"),
    "number": _("how many sessions"),
    "summit": _("the name of the summit"),
}


def _sample(kind: str) -> Letter | None:
    cohorts = Cohort.objects.filter(allotments__isnull=False).select_related("institution").order_by("pk")[:1]
    invitee = mails.sample_of(cohorts)
    return mails.invitation_letter(invitee, kind) if invitee else None


def _team_sample(reader: User) -> Letter | None:
    institution = Institution.objects.filter(cohorts__isnull=False).order_by("pk").first()
    return mails.team_letter(PartnerRole(institution=institution, user=reader)) if institution else None


mail_templates.register(
    mail_templates.Kind(
        applying.INVITATION,
        _("Invitation from an institution"),
        _("Partners"),
        _("%(summit)s: an invitation from %(institution)s"),
        _(
            "%(name)s, %(institution)s is inviting you to the %(summit)s (list “%(cohort)s”). Seats are reserved for "
            "your group. Will you be there?"
        ),
        _("Seats go to the first people to answer."),
        INVITED,
        lambda _reader: _sample(applying.INVITATION),
    ),
    mail_templates.Kind(
        applying.REMINDER,
        _("Reminder of an invitation from an institution"),
        _("Partners"),
        _("%(summit)s: %(institution)s is waiting for your answer"),
        _(
            "%(name)s, %(institution)s has invited you to the %(summit)s (list “%(cohort)s”), and you haven’t answered "
            "yet. Will you be there?"
        ),
        _("If you can’t come, let us know: somebody else will be glad of your place."),
        INVITED,
        lambda _reader: _sample(applying.REMINDER),
    ),
    mail_templates.Kind(
        roles.WELCOME,
        _("Welcome to somebody new working for an institution"),
        _("Partners"),
        _("You now work on the lists for %(institution)s"),
        _("You can upload and follow the lists of people sent by %(institution)s. Your role: %(role)s."),
        "",
        {"institution": _("the name of the institution"), "role": _("the role")},
        _team_sample,
    ),
)


def _digest_sample(reader: User) -> Letter | None:
    institution = Institution.objects.filter(cohorts__isnull=False).order_by("pk").first()
    return mails.digest_letter(institution, reader, clock.database_now(), to=examples.mail()) if institution else None


mail_preferences.only_for(Topic.DIGESTS, lambda user: PartnerRole.objects.filter(user=user).exists())
mail_templates.register(
    mail_templates.Kind(
        digests.KIND,
        _("Weekly update for partners"),
        _("Partners"),
        _("%(institution)s: your people this week"),
        _("%(name)s, here’s where things stand today with your people’s seats."),
        "",
        {"name": _("the person’s name"), "institution": _("the name of the institution")},
        _digest_sample,
    )
)
