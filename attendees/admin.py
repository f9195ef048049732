"""The objections that organisers have to answer, and by when."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from attendees.models import PrivacyRequest
from core import clock
from core.admin import RecordAdmin, badge


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
