"""Which edition of the summit is the current one, and what may become of an edition (docs/rules.md#editions)."""

from datetime import date, datetime

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from core import clock
from programme.domain import legal_facts
from programme.models import Edition, Session
from programme.signals import edition_closing, edition_moved

KEY = "programme.edition"
State = Edition.State


def current() -> Edition | None:
    """The edition that stands at `/`, or None while there is none. Asks the database."""
    return Edition.objects.filter(is_current=True).first()


def shown() -> Edition | None:
    """The same for pages and mails, at most PUBLIC_CACHE_SECONDS old."""
    if settings.DEBUG or not settings.PUBLIC_CACHE_SECONDS:
        return current()
    # In a list: None is what a cache says of a key that it does not have.
    found: list[Edition | None] | None = caches["pages"].get(KEY)
    if found is None:
        found = [current()]
        caches["pages"].set(KEY, found, settings.PUBLIC_CACHE_SECONDS)
    return found[0]


def last_day() -> date | None:
    """The last day of the current edition."""
    edition = shown()
    return edition.ends_on if edition else None


def forget_shown() -> None:
    """Have the next page of this process ask anew."""
    caches["pages"].delete(KEY)


def open_edition(edition: Edition, *, actor: User | None) -> bool:
    """Show an edition that was in preparation, or archived, to the public; it becomes the current one if there is none.
    Return whether it was not open yet: doing it twice changes nothing.

    Raises ValidationError while a fact is missing that the law asks of its pages, and names each.
    """
    with transaction.atomic():
        edition = locked(edition)
        if edition.state == State.OPEN:
            return False
        edition.state = State.OPEN
        edition.is_current = edition.is_current or current() is None
        _refuse_without_facts(edition)
        _save(edition, actor, moved=edition.is_current)
        return True


def archive(edition: Edition, *, actor: User | None, at: datetime | None = None) -> bool:
    """Close an open edition for good: it can be read, and gives no seats any more. Return whether it was open: doing it
    twice changes nothing.

    Raises ValidationError while somebody has, or asks for, a seat in a session of it that is not over, and says who;
    and for one in preparation.
    """
    with transaction.atomic():
        edition = locked(edition)
        if edition.state == State.ARCHIVED:
            return False
        if edition.state == State.PREPARATION:
            raise ValidationError(_("“%(edition)s” is in preparation: open it first.") % {"edition": edition})
        if edition.takes_seats:
            edition_closing.send(sender=Edition, edition=edition, at=at or clock.now())
        edition.state = State.ARCHIVED
        _save(edition, actor, moved=edition.is_current)
        return True


def make_current(edition: Edition, *, actor: User | None, at: datetime | None = None) -> bool:
    """Put a public edition at `/`, in the place of the one that stood there and can then be read only. Return whether
    that changed anything.

    Raises ValidationError for one in preparation, or without the facts that the law asks for, and while somebody has,
    or asks for, a seat to come in the other.
    """
    with transaction.atomic():
        before = current()
        if before == edition:
            return False
        if before:
            before = locked(before)
        edition = locked(edition)
        if not edition.is_public:
            raise ValidationError(_("“%(edition)s” is in preparation: open it first.") % {"edition": edition})
        if before and before.is_current:
            if before.takes_seats:
                edition_closing.send(sender=Edition, edition=before, at=at or clock.now())
            before.is_current = False
            _save(before, actor, moved=True)
        edition.is_current = True
        _refuse_without_facts(edition)
        _save(edition, actor, moved=True)
        return True


def take_back(edition: Edition, *, actor: User | None) -> bool:
    """Hide an open edition from the public again. Return whether it was open.

    Raises ValidationError for the current one, whose pages people have, and for an archived one.
    """
    with transaction.atomic():
        edition = locked(edition)
        if edition.state == State.PREPARATION:
            return False
        if edition.is_current or edition.state == State.ARCHIVED:
            raise ValidationError(
                _("“%(edition)s” can’t be hidden: it is either current or archived.") % {"edition": edition}
            )
        edition.state = State.PREPARATION
        _save(edition, actor, moved=False)
        return True


def locked(edition: Edition) -> Edition:
    """`edition` as it is now. Its sessions first, as whoever saves one has it before anything else."""
    list(Session.objects.of(edition).select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))
    return Edition.objects.select_for_update(no_key=True).get(pk=edition.pk)


def _refuse_without_facts(edition: Edition) -> None:
    if lacks := legal_facts.missing(edition):
        said = {"edition": edition, "facts": ", ".join(fact.name for fact in lacks)}
        raise ValidationError(
            _("“%(edition)s” can’t be shown to the public yet. The law asks for what is missing here: %(facts)s.")
            % said
        )


def _save(edition: Edition, actor: User | None, *, moved: bool) -> None:
    edition._history_user = actor
    try:
        with transaction.atomic():
            edition.save()
    except IntegrityError as error:  # of two at the same moment, one comes first
        raise ValidationError(_("Another edition has just become the current one: look again.")) from error
    if moved:
        edition_moved.send(sender=Edition, edition=edition)
