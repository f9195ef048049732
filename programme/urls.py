from django.urls import include, path

from programme import views

app_name = "programme"

# Of the current edition at `/`, of any other one below its own address.
pages = [
    path("", views.home, name="home"),
    path("programme/", views.programme, name="programme"),
    path("sessions/<slug:slug>/", views.session, name="session"),
    path("speakers/", views.speakers, name="speakers"),
    path("speakers/<slug:slug>/", views.speaker, name="speaker"),
    path("events/<slug:slug>/", views.event, name="event"),
]

urlpatterns = [
    *pages,
    path("editions/", views.editions, name="editions"),
    # What the law asks for, of the current edition alone.
    path("legal/", views.legal, name="legal"),
    path("privacy/", views.privacy, name="privacy"),
    path("cookies/", views.cookies, name="cookies"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("editions/<slug:edition>/", include(pages)),
]

# Without a language.
without_language = [
    path("accents/<str:colour>.css", views.accent, name="accent"),
    path(".well-known/security.txt", views.security_txt, name="security_txt"),
]
