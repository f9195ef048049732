"""What browsers have blocked on our pages, in words, for whoever answers for the site."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core import audit_log, csp_reports
from core.admin.records import ListAdmin
from core.models import CspReport

WHAT = {
    "script-src": _("a script"),
    "style-src": _("a style"),
    "img-src": _("an image"),
    "font-src": _("a font"),
    "connect-src": _("a connection"),
    "frame-src": _("another page inside the page"),
    "form-action": _("the sending of a form"),
    "frame-ancestors": _("the page inside another site"),
    "base-uri": _("another base for links"),
    "manifest-src": _("a manifest"),
    "media-src": _("a sound or video"),
    "object-src": _("a plugin"),
    "worker-src": _("a background script"),
    "default-src": _("something"),
}
# What browsers write in place of an address.
WHERE = {
    "inline": pgettext_lazy("blocked content", "written into the page"),
    "eval": pgettext_lazy("blocked content", "made from text"),
    "wasm-eval": pgettext_lazy("blocked content", "made from text"),
    "self": pgettext_lazy("blocked content", "of this site"),
    "data": pgettext_lazy("blocked content", "inside an address (data:)"),
    "blob": pgettext_lazy("blocked content", "inside an address (blob:)"),
}


def sentence(report: CspReport) -> str:
    """“A script, https://evil.example”."""
    kind = report.directive.removesuffix("-elem").removesuffix("-attr")
    return capfirst(f"{WHAT.get(kind, report.directive)}, {WHERE.get(report.blocked, report.blocked)}")


class CspReportAdmin(ListAdmin):
    """Counted from what browsers send; cleared in one step."""

    list_display = ["what", "where", "number", "first_seen_at", "last_seen_at"]
    list_display_links = None
    actions = None
    empty_words = _("Nothing has been blocked.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.clear_view)
        return [path("clear/", page, name="core_cspreport_clear"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        number = CspReport.objects.count()
        context = {"is_full": number >= csp_reports.ROWS, "may_clear": number and self.has_delete_permission(request)}
        return super().changelist_view(request, context | (extra_context or {}))

    def clear_view(self, request: HttpRequest) -> HttpResponse:
        """Forget all of them: what is still blocked comes back."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        number = CspReport.objects.all().delete()[0]
        audit_log.record("deleted", CspReport, actor=request.user, rows=number)
        said = ngettext("%(number)d line cleared.", "%(number)d lines cleared.", number) % {"number": number}
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:core_cspreport_changelist"))

    @admin.display(description=_("what was blocked"), ordering="directive")
    def what(self, report: CspReport) -> str:
        return sentence(report)

    @admin.display(description=_("page"), ordering="page")
    def where(self, report: CspReport) -> str:
        return gettext("a page that does not exist") if report.page == csp_reports.NO_PAGE else f"/{report.page}"
