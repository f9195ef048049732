from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class SummitConfig(AppConfig):
    """The project itself: base templates, static files, commands. It has no models."""

    name = "summit"
    default = True


class AdministrationConfig(admin_apps.AdminConfig):
    """Django's admin, with the organisers' home."""

    default = False
    default_site = "summit.admin.OrganisersSite"
