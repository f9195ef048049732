from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AttendeesConfig(AppConfig):
    """What a visitor has of their own, over everything below: the page of their account."""

    name = "attendees"
    verbose_name = _("People’s data")

    def ready(self) -> None:
        from attendees import mails  # noqa: F401, PLC0415 - registers what writes
