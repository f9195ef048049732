"""The requests that our views get, as middleware and decorators complete them."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import Attendee, User
from core.identity import Identity


class Request(HttpRequest):
    """Any request (django_htmx.middleware). `page_address`: where the page that answers it can be asked for again, if
    not here; `edition`: whose page it is, if not the current one's (summit/context_processors.py)."""

    htmx: HtmxDetails
    page_address: str
    edition: Identity


class SignedInRequest(Request):
    """A request of somebody who is signed in (accounts.access.sign_in_required)."""

    user: User


class AttendeeRequest(SignedInRequest):
    """A request of somebody who has given their name (accounts.access.attendee_required)."""

    attendee: Attendee
