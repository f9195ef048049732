from django.urls import path

from registrations import feeds, views, views_notices, views_wishes

app_name = "registrations"

urlpatterns = [
    path("me/", views.me, name="me"),
    path("me/calendar/", feeds.calendar, name="calendar"),
    path("me/mails/", views_notices.mails, name="mails"),
    path("mails/<str:key>/", views_notices.unwanted, name="unwanted"),
    path("still-coming/<uuid:code>/", views_notices.reconfirm, name="reconfirm"),
    path("wishes/", views_wishes.allocations, name="wishes"),
    path("wishes/<slug:slug>/", views_wishes.allocation, name="allocation"),
    path("programme/seats/", views.seats, name="seats"),
    path("sessions/<slug:slug>/seat/", views.seat, name="seat"),
    path("sessions/<slug:slug>/register/", views.register, name="register"),
    path("sessions/<slug:slug>/accept/", views.accept, name="accept"),
    path("sessions/<slug:slug>/cancel/", views.cancel, name="cancel"),
    path("sessions/<slug:slug>/draw/", views.draw, name="draw"),
    path("sessions/<slug:slug>/party/", views.party, name="party"),
]

# Outside of the addresses with a language: a calendar program knows none, the person's is used.
feed = ([path("calendar/<str:token>.ics", feeds.feed, name="feed")], "calendars")
