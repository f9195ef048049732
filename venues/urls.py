from django.urls import path

from venues import views

app_name = "venues"

urlpatterns = [
    path("venues/", views.venues, name="venues"),
    path("venues/<slug:slug>/", views.venue, name="venue"),
]
