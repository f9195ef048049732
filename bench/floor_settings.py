"""The product's settings without middleware, for the two bare views of bench/floor.py."""

from summit.settings import *  # noqa: F403
from summit.settings import INSTALLED_APPS

ROOT_URLCONF = "bench.floor"
MIDDLEWARE: list[str] = []
INSTALLED_APPS = [app for app in INSTALLED_APPS if not app.startswith("allauth")]  # it will not start without its middleware
