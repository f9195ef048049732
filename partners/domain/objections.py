"""People whom the lists of an institution do not invite again: only a hash of their address is kept
(docs/rules.md#erasure)."""

from collections.abc import Iterable

from django.db.models import QuerySet

from core.emails import normalise_email
from core.hashes import keyed_hash
from partners.models import Invitee, Objection


def hash_of(institution_id: int, email: str) -> str:
    """A hash of the address that says nothing without the site's key, and another one for each institution."""
    words = f"partners.objection:{institution_id}:{normalise_email(email)}"
    return keyed_hash(words)


def key_hash_of(key: str) -> str:
    """A hash of a personal link, by which it is known again when its person is erased."""
    words = f"partners.objection.link:{key}"
    return keyed_hash(words)


def was_erased(key: str) -> Objection | None:
    """What is left of somebody who had themselves erased, by their personal link."""
    return Objection.objects.filter(key_hash=key_hash_of(key)).select_related("institution").first()


def among(institution_id: int, emails: Iterable[str], *, by_hand: bool) -> set[str]:
    """Those of `emails` whose people are not invited again by a list, or, `by_hand`, by nobody; one query."""
    known = Objection.objects.filter(institution=institution_id)
    hashes = set((known.filter(is_final=True) if by_hand else known).values_list("address_hash", flat=True))
    return {email for email in emails if hash_of(institution_id, email) in hashes} if hashes else set()


def remember(invitees: Iterable[Invitee]) -> None:
    """Remember of `invitees`, who are taken off, those who had declined: the next list does not ask them again."""
    declined = [invitee for invitee in invitees if invitee.status == Invitee.Status.DECLINED]
    Objection.objects.bulk_create(
        [
            Objection(
                institution_id=invitee.institution_id,
                cohort_id=invitee.cohort_id,
                address_hash=hash_of(invitee.institution_id, invitee.email),
                is_final=False,
            )
            for invitee in declined
        ],
        ignore_conflicts=True,
    )


def forget(institution_id: int, emails: Iterable[str]) -> None:
    """Let these people be on the institution's lists again, but for those who had themselves erased."""
    _of(institution_id, emails).filter(is_final=False).delete()


def of_addresses(emails: Iterable[str]) -> QuerySet[Objection]:
    """The objections of the people of `emails`, to whichever institution."""
    objecting = Objection.objects.order_by().values_list("institution", flat=True).distinct()
    hashes = [hash_of(institution, email) for institution in objecting for email in emails]
    return Objection.objects.filter(address_hash__in=hashes)


def _of(institution_id: int, emails: Iterable[str]) -> QuerySet[Objection]:
    return Objection.objects.filter(
        institution=institution_id, address_hash__in=[hash_of(institution_id, email) for email in emails]
    )
