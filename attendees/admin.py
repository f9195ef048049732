"""The objections that organisers have to answer, and by when; and what is held about somebody, on their behalf."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import UserAdmin
from accounts.models import User
from attendees.domain import export
from attendees.forms import ReasonForm
from attendees.models import PrivacyRequest
from core import clock
from core.admin import RecordAdmin, badge


class UserWithExportAdmin(UserAdmin):
    """An account, whose data an organiser may fetch for its person."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.export_view)
        return [path("<int:pk>/data/", page, name="accounts_user_data"), *super().get_urls()]

    def object_links(self, request: HttpRequest, obj: User) -> list[tuple[str, Any]]:
        data = [(reverse("admin:accounts_user_data", args=[obj.pk]), _("Download their data"))]
        return [*super().object_links(request, obj), *(data if self.has_change_permission(request, obj) else [])]

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For who may change the account, and thereby never of one with more rights: asks for a reason, which is
        kept."""
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        form = ReasonForm(request.POST if request.method == "POST" else None, label_suffix="")
        if form.is_valid():
            data = export.on_behalf(
                user,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                may_read_needs=request.user.has_perm("accounts.view_access_needs"),
                at=clock.now(),
            )
            response = HttpResponse(data, content_type="application/zip")
            response["Content-Disposition"] = f'attachment; filename="summit-{clock.now():%Y-%m-%d}.zip"'
            return response
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": gettext("Download the data of %(name)s") % {"name": user},
            "object": user,
            "form": form,
        }
        return TemplateResponse(request, "admin/attendees/data.html", context)


admin.site.unregister(User)
admin.site.register(User, UserWithExportAdmin)


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(RecordAdmin):
    """Written by people, on the page of their account; organisers note when they have answered."""

    list_display = ["user", "created_at", "state"]
    list_filter = [("answered_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__search"]
    date_hierarchy = "created_at"
    empty_words = _("No objections. People write them on the page of their account.")
    fields = ["user", "text", "created_at", "answer_by", "answered_at"]
    readonly_fields = ["user", "text", "created_at", "answer_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("to be answered by"))
    def answer_by(self, request: PrivacyRequest) -> Any:
        return request.answer_by

    @admin.display(description=_("status"), ordering="answered_at")
    def state(self, request: PrivacyRequest) -> SafeString:
        if request.answered_at:
            return badge(_("answered"))
        return badge(_("late"), "bad") if request.answer_by < clock.now() else badge(_("to be answered"), "warn")
