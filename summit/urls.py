"""French at /…, English at /en/…"""

from allauth.account.decorators import secure_admin_login
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one door for everybody: a code by mail

urlpatterns = i18n_patterns(
    path("", include("programme.urls")),
    path("", include("venues.urls")),
    path("", include("registrations.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    prefix_default_language=False,
)
