"""The lists of those who are invited gain the mails that invite them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import clock
from core.admin import (
    badge,
)
from notices.domain import inviting
from registrations.admin.cohorts import CohortAdmin
from registrations.admin.formatting import ask
from registrations.admin.invitations import InvitationAdmin
from registrations.models import Cohort, Invitation


class CohortWithMailsAdmin(CohortAdmin):
    """A cohort, whose members may be written to."""

    actions = ["invite"]
    object_actions = ("invite",)

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.change_cohort")

    @admin.action(description=_("Invite by email…"), permissions=["invite"])
    def invite(self, request: HttpRequest, queryset: QuerySet[Cohort]) -> HttpResponse | None:
        """Write to the members who were not written to yet, what seats are kept for them; asks first."""
        chosen = list(queryset.select_related("institution").order_by("slug"))
        if "confirm" in request.POST:
            sent = sum(inviting.invite_members(cohort) for cohort in chosen)
            self.message_user(
                request, ngettext("%d invitation is on its way.", "%d invitations are on their way.", sent) % sent
            )
            return None
        now = clock.now()
        rows = [(cohort, len(inviting.uninvited(cohort)), len(inviting.sessions_for(cohort, now))) for cohort in chosen]
        return ask(
            self,
            request,
            "invite",
            title=_("Invite by email"),
            sentences=[
                _(
                    "Each member who has not been invited by email yet gets one email, listing the sessions that still "
                    "have seats for the cohort."
                ),
                _("To invite people who join later, do this again: nobody is invited twice."),
            ],
            headers=[_("Cohort"), _("Emails"), _("Sessions")],
            rows=[
                (cohort.pk, [cohort.name, mails, sessions or badge(_("none: nothing is sent"), "warn")])
                for cohort, mails, sessions in rows
            ],
            yes=_("Invite"),
            no=_("Not yet"),
        )


class InvitationWithMailsAdmin(InvitationAdmin):
    """Who is invited to what, and may be written to."""

    actions = ["send"]
    object_actions = ("send",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.add_invitation")

    @admin.action(description=_("Email the invitations"), permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Write to those chosen who were not written to yet."""
        sent = inviting.invite_by_name(list(queryset))
        self.message_user(
            request, ngettext("%d invitation is on its way.", "%d invitations are on their way.", sent) % sent
        )


for model, admin_class in ((Cohort, CohortWithMailsAdmin), (Invitation, InvitationWithMailsAdmin)):
    admin.site.unregister(model)
    admin.site.register(model, admin_class)
