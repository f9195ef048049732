from django.urls import path

from summit.demo import views

app_name = "demo"

urlpatterns = [
    path("mail/", views.mails, name="mails"),
    path("mail/<uuid:uuid>/", views.mail, name="mail"),
    path("mail/<uuid:uuid>/html/", views.mail_html, name="mail_html"),
    path("mail/<uuid:uuid>/session.ics", views.mail_calendar, name="mail_calendar"),
]
