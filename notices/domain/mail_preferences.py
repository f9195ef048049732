"""Which optional mails people want (docs/rules.md#mail-preferences). Mails about a seat are no choice: they are the
service."""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_noop

from accounts.models import User
from core import keys
from notices.models import OptOut, Topic
from outbox.domain.mail_kinds import NoLongerTrue, link
from outbox.models import Message

Rows = TypeVar("Rows", bound=Model)
PURPOSE = "notices.mail_preferences"


def _of(email: str) -> QuerySet[OptOut]:
    return OptOut.objects.filter(Q(user__email=email) | Q(email=email))


def off(email: str) -> set[str]:
    """The topics about which the owner of that address wants no mail."""
    return set(_of(email).values_list("topic", flat=True))


def unwanted(topic: str, emails: Iterable[str]) -> set[str]:
    """Those of `emails` whose owners want no mail about `topic`."""
    rows = OptOut.objects.filter(topic=topic).values_list("user__email", "email")
    return {account or address for account, address in rows} & set(emails)


def wanting(people: QuerySet[Rows], topic: str, user: str) -> QuerySet[Rows]:
    """Those of `people` who want mails about `topic`; `user` is the path from them to their account."""
    unwanted = OptOut.objects.filter(topic=topic)
    by_account = unwanted.filter(user__isnull=False).values("user")
    by_address = unwanted.filter(user=None).values("email")
    return people.exclude(**{f"{user}__in": by_account}).exclude(**{f"{user}__email__in": by_address})


def choose(email: str, topic: str, *, wanted: bool, actor: User | None = None) -> None:
    """Switch the mails about `topic` to that address on or off, for its account if it has one. Doing it twice changes
    nothing."""
    with suppress(IntegrityError), transaction.atomic():  # of two clicks at once, the second finds it done
        user = User.objects.filter(email=email).first()
        known = list(_of(email).filter(topic=topic))
        if wanted:
            for row in known:
                row._history_user = actor or user
                row.delete()
        elif not known:
            row = OptOut(user=user, email="" if user else email, topic=topic)
            row._history_user = actor or user
            row.save()


_audiences: dict[Topic, Callable[[User], bool]] = {}


def only_for(topic: Topic, concerns: Callable[[User], bool]) -> None:
    """Offer the choice about `topic` to those alone whom `concerns` answers for: said by the app that writes such
    mails."""
    _audiences[topic] = concerns


def topics_of(user: User) -> list[Topic]:
    """The topics about which `user` may get mails."""
    return [topic for topic in Topic if topic not in _audiences or _audiences[topic](user)]


def choose_all(user: User, wanted: Collection[str]) -> None:
    """Let `user` have the mails about the topics `wanted`, and about no other of theirs."""
    with transaction.atomic():
        for topic in topics_of(user):
            choose(user.email, topic, wanted=topic in wanted, actor=user)


def key(message: Message, topic: str) -> str:
    """What stands in the address by which mails about `topic` are switched off, for whom `message` goes to, without
    signing in. It opens nothing else, and names nobody."""
    return keys.key(f"{PURPOSE}.{topic}", message.uuid, _version(message.to))


def read_key(value: str) -> tuple[str, str] | None:
    """The address and the topic of a key that we gave out; None for any other, and for one that was revoked."""
    row = keys.row_of(value)
    if row is None:
        return _read_old_key(value)
    email = Message.objects.filter(uuid=row).values_list("to", flat=True).first()
    if not email:  # no such mail, or its person was erased
        return None
    version = _version(email)
    for topic in Topic.values:
        if keys.is_right(value, f"{PURPOSE}.{topic}", row, version):
            return email, topic
    return None


def _read_old_key(value: str) -> tuple[str, str] | None:
    """One that was mailed before keys were derived: it holds the address, signed."""
    try:
        read: Any = signing.loads(value, salt=PURPOSE)
    except signing.BadSignature:
        return None
    email, topic = read
    return (email, topic) if topic in Topic.values and not _version(email) else None


def _version(email: str) -> int:
    """How often the owner of the address has revoked their links; one who has another address by now, too."""
    of_now = User.objects.filter(email=email).values_list("links_version", flat=True).first()
    if of_now is not None:
        return of_now
    owners = User.history.filter(email=email).order_by("-history_id").values("id")[:1]
    return User.objects.filter(pk__in=owners).values_list("links_version", flat=True).first() or 0


def way_out(topic: Topic, message: Message) -> tuple[dict[str, str], str]:
    """How to be rid of mails such as `message`: in the headers (RFC 8058) and by an address. Raises NoLongerTrue for
    whoever has said so already."""
    if topic in off(message.to):
        raise NoLongerTrue(gettext_noop("They have opted out of these emails."))
    url = link("notices:unwanted", key(message, topic))
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}, url
