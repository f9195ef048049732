from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AllocationsConfig(AppConfig):
    name = "allocations"
    verbose_name = _("Allocations")

    def ready(self) -> None:
        from allocations import mail_kinds, receivers  # noqa: F401, PLC0415 - models must be loaded first
