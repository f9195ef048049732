from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.identity import said_by


class ProgrammeConfig(AppConfig):
    name = "programme"
    verbose_name = _("Programme")

    def ready(self) -> None:
        from accounts.domain import access_needs  # noqa: PLC0415 - models must be loaded first
        from core.retention import chosen_by  # noqa: PLC0415
        from programme import receivers  # noqa: F401, PLC0415
        from programme.domain import editions, retention  # noqa: PLC0415

        said_by(editions.shown)
        access_needs.last_day_by(editions.last_day)
        chosen_by(lambda edition: retention.policy(edition or editions.shown()))
