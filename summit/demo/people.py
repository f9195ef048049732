"""Signed-in people by the thousand, for load tests: never on a summit with real people."""

import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from string import ascii_letters, digits

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.utils.crypto import get_random_string
from simple_history.utils import bulk_create_with_history

from accounts.models import Attendee, User
from core import clock


def make_people(number: int) -> Iterator[str]:
    """Create `number` people who have given their name and are signed in; yield for each a line of JSON.

    A line holds the e-mail, the session cookie and the CSRF cookie, whose value is also a valid `csrfmiddlewaretoken`.
    """
    batch = get_random_string(6, "abcdefghijklmnopqrstuvwxyz")  # a second call makes other people
    with transaction.atomic():
        users = [
            User(email=f"bench-{batch}-{n}@example.org", password=make_password(None)) for n in range(1, number + 1)
        ]
        users = bulk_create_with_history(users, User, batch_size=1000)
        attendees = [Attendee(user=user, name=f"Personne d’essai {n}") for n, user in enumerate(users, 1)]
        bulk_create_with_history(attendees, Attendee, batch_size=1000)
        EmailAddress.objects.bulk_create(
            [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users], batch_size=1000
        )
        store: SessionStore = import_module(settings.SESSION_ENGINE).SessionStore()
        expire_date = clock.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        sessions = [
            store.model(
                session_key=get_random_string(32, "abcdefghijklmnopqrstuvwxyz" + digits),
                session_data=store.encode(_signed_in(user)),
                expire_date=expire_date,
            )
            for user in users
        ]
        store.model.objects.bulk_create(sessions, batch_size=1000)
    for user, session in zip(users, sessions, strict=True):
        cookies = {
            settings.SESSION_COOKIE_NAME: session.session_key,
            settings.CSRF_COOKIE_NAME: get_random_string(32, ascii_letters + digits),
        }
        yield json.dumps({"email": user.email, "cookies": cookies})


def _signed_in(user: User) -> dict[str, str]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
