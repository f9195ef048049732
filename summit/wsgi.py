import os

from celery import current_app
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from summit.erasures import replay_at_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "summit.settings")
application = get_wsgi_application()
# Before anything is shown, in the one import for all workers. Whatever keeps it from that keeps the web from starting.
replay_at_start()

# Read now, once for all workers, what the first visitors of each would otherwise wait half a second for: the addresses,
# and the driver of the broker (no connection is opened: it could not be shared by workers).
_addresses = get_resolver().url_patterns
_driver = current_app.amqp, current_app.connection_for_write().get_transport_cls()
