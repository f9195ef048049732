from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """What every app uses and no app owns (docs/architecture.md#core)."""

    name = "core"
    verbose_name = _("What all apps share")

    def ready(self) -> None:
        autodiscover_modules("personal_data")
