import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.access import where
from accounts.domain import sign_in_log, web_sessions
from accounts.models import User
from core import clock


@receiver(user_logged_in)
def note_when_and_where_somebody_signed_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is None:
        return
    here = where(request)
    web_sessions.begin(request.session, here.browser, time.time())
    means = sign_in_log.means_of(get_authentication_records(request, user)) or ["invitation"]
    sign_in_log.record(sign_in_log.Kind.SIGNED_IN, user, at=clock.now(), means=means, here=here)
