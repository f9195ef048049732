"""Hashes that say nothing to whoever lacks the site's key."""

import hashlib
import hmac

from django.conf import settings


def keyed_hash(words: str) -> str:
    """An HMAC of `words`, in hexadecimal. They begin with what the hash is for, so that no two uses share one."""
    return hmac.new(settings.SECRET_KEY.encode(), words.encode(), hashlib.sha256).hexdigest()
