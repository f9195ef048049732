from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    name = "outbox"
    verbose_name = _("Emails")

    def ready(self) -> None:
        from outbox import receivers  # noqa: F401, PLC0415 - hears what the mail provider reports
