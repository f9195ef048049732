from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = _("Partners")

    def ready(self) -> None:
        from accounts.domain import doors  # noqa: PLC0415
        from partners import mail_kinds, receivers  # noqa: F401, PLC0415 - models must be loaded first
        from partners.views import doors_of_institutions  # noqa: PLC0415

        doors.register(doors_of_institutions)
