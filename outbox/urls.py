"""The one address of the outbox: what the mail provider reports. It has no language, and exists only with
MAIL_WEBHOOK_SECRET."""

from django.urls import path

from outbox import views

app_name = "outbox"

urlpatterns = [path("mail/events/<slug:provider>/", views.provider_events, name="provider_events")]
