from django.urls import path

from registrations import views

app_name = "registrations"

urlpatterns = [
    path("me/", views.me, name="me"),
    path("programme/seats/", views.seats, name="seats"),
    path("sessions/<slug:slug>/seat/", views.seat, name="seat"),
    path("sessions/<slug:slug>/register/", views.register, name="register"),
    path("sessions/<slug:slug>/accept/", views.accept, name="accept"),
    path("sessions/<slug:slug>/cancel/", views.cancel, name="cancel"),
    path("sessions/<slug:slug>/draw/", views.draw, name="draw"),
    path("sessions/<slug:slug>/party/", views.party, name="party"),
]
