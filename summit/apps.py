from django.apps import AppConfig


class SummitConfig(AppConfig):
    """The project itself: base templates, static files, commands. It has no models."""

    name = "summit"
