import logging

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

log = logging.getLogger(__name__)


@csrf_exempt
def provider_events(request: HttpRequest, provider: str) -> HttpResponse:
    """Hear what `provider` (as django-anymail calls it) reports about mails: anymail proves who speaks,
    outbox/receivers.py acts.

    The provider signs its reports, or knows the name and password that are written into the address
    (docs/operations.md#providers).
    """
    if not settings.MAIL_WEBHOOK_SECRET:
        raise Http404
    try:
        # Looked up here, and not with the other addresses: anymail's views for all providers are heavy.
        return resolve(f"/{provider}/tracking/", urlconf="anymail.urls").func(request)
    except (Resolver404, ImproperlyConfigured) as error:
        log.warning("A report of the mail provider “%s” cannot be read: %s", provider, error)
        raise Http404 from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        log.warning(
            "A report of the mail provider “%s” is not in its form: %s: %s", provider, type(error).__name__, error
        )
        return HttpResponseBadRequest()
