"""What only accounts know about the erasure of a person (core/erasure.py)."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.domain import codes
from accounts.domain.addresses import of_accounts
from accounts.domain.web_sessions import address_hash
from accounts.models import Attendee, User, WebSession
from core.erasure import People, Why
from core.limits import forget
from core.personal_data import Erasure, declared
from outbox.domain.erasure import blank
from outbox.models import Message


def widen(people: People) -> None:
    """Find the names and the addresses of the accounts, past ones too."""
    people.addresses |= of_accounts(people.accounts)
    for rows in (Attendee.objects, Attendee.history):
        people.names.update(rows.filter(user__in=people.accounts).values_list("name", flat=True))


def leave(people: People) -> None:
    """What is the address of an account that stays is left to it."""
    taken = User.objects.filter(email__in=people.addresses).exclude(pk__in=people.accounts)
    people.addresses -= set(taken.values_list("email", flat=True))


def last_superusers(accounts: Collection[int], superusers: QuerySet[User] | None = None) -> set[int]:
    """Those of `accounts` without whom no account has full rights."""
    active = (User.objects if superusers is None else superusers).filter(is_superuser=True, is_active=True)
    ids = set(active.order_by("pk").values_list("pk", flat=True))
    return set() if ids - set(accounts) else ids


def refuse(people: People) -> dict[int, str]:
    """The last account with full rights stays: nobody could give them again."""
    sentence = _("This is the last account with full rights: give them to someone else first.")
    return dict.fromkeys(last_superusers(people.accounts, User.objects.select_for_update(no_key=True)), sentence)


def lock_out(people: People) -> None:
    """What is being written about the people is waited for, and found; what comes later finds nobody to write about."""
    users = User.objects.select_for_update().filter(pk__in=people.accounts).order_by("pk")
    list(users.values_list("pk", flat=True))
    attendees = Attendee.objects.select_for_update(of=("self",)).filter(user__in=people.accounts).order_by("pk")
    list(attendees.values_list("pk", flat=True))
    widen(people)  # whoever was just changing their address has done so by now
    leave(people)


def organisers(accounts: Collection[int]) -> Iterable[int]:
    return User.objects.filter(pk__in=accounts, is_staff=True).values_list("pk", flat=True)


def clean_sessions(people: People) -> None:
    """Forget the web sessions in which somebody typed one of the addresses and did not sign in; and how often they
    tried: of people whom retention erases, nothing is that young."""
    hashes = [address_hash(address) for address in people.addresses]
    strangers = WebSession.objects.filter(address_hash__in=hashes)
    people.keys[WebSession] |= set(strangers.values_list("pk", flat=True))
    if people.why != Why.RETENTION:
        codes.forget(people.addresses)  # in the order in which a code is issued: nobody waits in a circle
        forget(people.addresses)


def clean_log(people: People) -> None:
    """Delete the lines of the administration's log that the people wrote, or that are about a row of theirs, one that
    is no longer there too; and take their names out of what others' lines say about tables."""
    types = ContentType.objects.get_for_models(*people.keys)
    about = Q(user__in=people.accounts)
    for model, keys in people.keys.items():
        if keys and _is_in_the_log(model):
            about |= Q(content_type=types[model], object_id__in=[str(key) for key in keys])
    people.keys[LogEntry] |= set(LogEntry.objects.filter(about).values_list("pk", flat=True))
    if people.why != Why.RETENTION:  # what organisers did is kept for a time of its own
        people.keys[LogEntry] |= _of_rows_that_are_gone(people, types)
    # A row of a table is named in the line of the object that the table belongs to.
    words = _words_for_rows()
    said = LogEntry.objects.filter(change_message__contains='"object"').exclude(pk__in=people.keys[LogEntry])
    for line in said.only("change_message").iterator():
        written = json.loads(line.change_message)
        if (cleaned := _without_names(written, people, words)) != written:
            cleaned = json.dumps(cleaned)
            LogEntry.objects.filter(pk=line.pk).update(change_message=cleaned)
            people.report.count(LogEntry, Erasure.BLANKED, 1)


def _is_in_the_log(model: type[Any]) -> bool:
    return any(kind.model is model and kind.is_deleted for kind in declared()) and model not in (WebSession, LogEntry)


def _of_rows_that_are_gone(people: People, types: Mapping[type[Any], ContentType]) -> set[int]:
    """The lines that name them for a row that somebody has deleted since: only its words say whose it was. Those of
    rows that are there are found by them."""
    models = {content.pk: model for model, content in types.items() if _is_in_the_log(model)}
    found: dict[Any, dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
    first = sorted(people.first_words)
    for some in (first[start : start + 100] for start in range(0, len(first), 100)):
        named = reduce(or_, (Q(object_repr__startswith=word) for word in some))
        lines = LogEntry.objects.filter(named, content_type__in=models).exclude(pk__in=people.keys[LogEntry])
        for pk, words, key, content in lines.values_list("pk", "object_repr", "object_id", "content_type"):
            if people.come_first_in(words):
                found[content][key].add(pk)
    gone: set[int] = set()
    for content, by_key in found.items():
        there = set(map(str, models[content]._base_manager.filter(pk__in=by_key).values_list("pk", flat=True)))
        gone.update(pk for key, pks in by_key.items() if key not in there for pk in pks)
    return gone


def _words_for_rows() -> set[str]:
    """What the log calls rows about people: whoever is called like a session takes nothing out of the lines about
    it."""
    words = set()
    for language in (None, *dict(settings.LANGUAGES)):
        with translation.override(language):
            words |= {str(kind.model._meta.verbose_name) for kind in declared() if kind.is_deleted}
    return words


def _without_names(said: Any, people: People, words: Collection[str]) -> Any:
    if isinstance(said, list):
        return [_without_names(value, people, words) for value in said]
    if not isinstance(said, dict):
        return said
    if isinstance(said.get("object"), str) and said.get("name") in words and people.come_first_in(said["object"]):
        return said | {"object": ""}
    return {key: _without_names(value, people, words) for key, value in said.items()}


def clean_codes(people: People) -> None:
    """Blank the mails to addresses that the people wanted and never proved: nothing else says that they are theirs."""
    sent = Message.objects.filter(dedupe_key__startswith=f"{codes.NEW_ADDRESS}:")
    keys = [pk for pk, key in sent.values_list("pk", "dedupe_key") if int(key.split(":")[1]) in people.accounts]
    if keys:
        people.report.count(Message, Erasure.BLANKED, blank(Message.objects.filter(pk__in=keys), people.at))
