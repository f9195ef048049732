from django.urls import path

from notices import feeds, views

app_name = "notices"

urlpatterns = [
    path("me/calendar/", feeds.calendar, name="calendar"),
    path("me/mails/", views.mails, name="mails"),
    path("mails/<str:key>/", views.unwanted, name="unwanted"),
    path("still-coming/<str:key>/", views.reconfirm, name="reconfirm"),
]

# Outside of the addresses with a language: a calendar program knows none, the person's is used.
# A name comes last, by which some programs call the calendar; addresses that end with the secret were given out before.
feed = (
    [path("calendar/<str:key>/summit.ics", feeds.feed, name="feed"), path("calendar/<str:key>.ics", feeds.feed)],
    "calendars",
)
