from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """What every app uses and no app owns (docs/architecture.md#core)."""

    name = "core"
    verbose_name = _("What all apps share")
