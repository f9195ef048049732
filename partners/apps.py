from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = _("Partners")

    def ready(self) -> None:
        from accounts.domain import sign_in_methods  # noqa: PLC0415
        from partners import mail_kinds, receivers  # noqa: F401, PLC0415 - models must be loaded first
        from partners.views import sign_in_methods_of_institutions  # noqa: PLC0415

        sign_in_methods.register(sign_in_methods_of_institutions)
