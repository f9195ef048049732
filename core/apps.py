from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _
from simple_history.signals import pre_create_historical_record

from core import clock


class CoreConfig(AppConfig):
    """What every app uses and no app owns (docs/architecture.md#core)."""

    name = "core"
    verbose_name = _("Shared by all apps")

    def ready(self) -> None:
        from core import audit_log, retention  # noqa: PLC0415 - models can be imported by now

        autodiscover_modules("personal_data", "retention")
        retention.add_part("sign_ins", audit_log.OLD)
        if settings.CLOCK_MOVES:
            pre_create_historical_record.connect(_stamp)


def _stamp(history_instance: Any, instance: Any, **kwargs: Any) -> None:
    """The history goes by the clock that was moved, like everything else."""
    history_instance.history_date = getattr(instance, "_history_date", None) or clock.now()
