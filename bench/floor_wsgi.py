"""The two bare views of bench/floor.py behind no middleware, in the product's Django: for gunicorn."""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

django.setup(set_prefix=False)
# After the start: the product's apps check that their middleware is there.
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "bench.floor"
application = WSGIHandler()
