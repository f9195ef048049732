"""French at /…, English at /en/…"""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from accounts.access import organisers_sign_in
from accounts.urls import door
from core.views import receive_csp_report
from notices.urls import feed
from partners.urls import institution_sign_in
from programme.urls import without_language

admin.site.login = organisers_sign_in(admin.site.login)  # type: ignore[method-assign]  # one door for everybody: a code by mail

urlpatterns = i18n_patterns(
    path("", include("programme.urls")),
    path("", include("venues.urls")),
    path("", include("registrations.urls")),
    path("", include("allocations.urls")),
    path("", include("notices.urls")),
    path("", include("partners.urls")),
    path("", include("attendees.urls")),
    path("accounts/", include(door)),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    prefix_default_language=False,
)
# Institutions register these addresses at their own side: they know no language.
urlpatterns += [path("accounts/", include(institution_sign_in))]
urlpatterns += [path("", include("outbox.urls")), path("", include(feed)), path("", include(without_language))]

if settings.DEMO_MODE:  # these pages show everybody's mails: elsewhere they do not exist at all
    urlpatterns += i18n_patterns(path("demo/", include("summit.demo.urls")), prefix_default_language=False)

urlpatterns += [path("csp-reports/", receive_csp_report, name="csp_reports")]

handler400 = "summit.errors.bad_request"
handler500 = "summit.errors.server_error"
