"""Who came in, or could not, for owners; and the page on which one of them resets a second step that was lost."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.domain import factors, sign_in_log
from accounts.models import SignInEvent, User
from core import clock
from core.admin import ListAdmin


@admin.register(SignInEvent)
class SignInEventAdmin(ListAdmin):
    """The sign-in log: nobody writes in it by hand."""

    list_display = ["happened_at", "account", "kind", "by", "network", "browser", "actor"]
    list_filter = ["kind", "account__is_staff"]
    list_select_related = ["account", "actor"]
    search_fields = ["account__search", "network"]
    date_hierarchy = "happened_at"
    list_display_links = None

    @admin.display(description=_("by what means"))
    def by(self, event: SignInEvent) -> str:
        return sign_in_log.in_words(event.means)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.account_view)
        return [path("of/<int:pk>/", page, name="accounts_signinevent_of"), *super().get_urls()]

    def account_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How one account is protected and who came in lately; a button resets the second step, with what follows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = get_object_or_404(User.objects.select_related("attendee"), pk=pk)
        if request.method == "POST":
            if user == request.user:
                self.message_user(request, gettext("Your own second step is yours to change."), messages.ERROR)
            elif factors.reset(user, actor=cast("User", request.user), at=clock.now()):
                self.message_user(request, gettext("Reset: you both get an email."), messages.SUCCESS)
            else:
                self.message_user(request, gettext("There was nothing to reset."), messages.WARNING)
            return HttpResponseRedirect(request.path)
        context = self.admin_site.each_context(request) | {
            "opts": User._meta,
            "title": gettext("Sign-in: %(email)s") % {"email": user.email},
            "account": user,
            "steps": factors.steps(factors.of(user)),
            "events": [(one, sign_in_log.in_words(one.means)) for one in sign_in_log.latest(user)],
        }
        return TemplateResponse(request, "admin/accounts/signinevent/account.html", context)
