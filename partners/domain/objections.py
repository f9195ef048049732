"""People who do not want an institution to name them again: only a hash of their address is kept (docs/rules.md#erasure)."""

import hashlib
import hmac
from collections.abc import Iterable

from django.conf import settings

from partners.models import Objection


def hash_of(institution_id: int, email: str) -> str:
    """A hash of the address that says nothing without the site's key, and another one for each institution."""
    words = f"partners.objection:{institution_id}:{email.strip().lower()}"
    return hmac.new(settings.SECRET_KEY.encode(), words.encode(), hashlib.sha256).hexdigest()


def among(institution_id: int, emails: Iterable[str]) -> set[str]:
    """Those of `emails` whose people have objected to being named by the institution; one query."""
    known = set(Objection.objects.filter(institution=institution_id).values_list("address_hash", flat=True))
    return {email for email in emails if hash_of(institution_id, email) in known} if known else set()
