"""What has moved since people were last told, and telling each of them once (docs/rules.md#changes)."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee, User
from core.effects import Effects
from notices.models import Change, QuietWindow
from outbox.domain.posting import post_many
from programme.models import Session
from registrations.domain import clashes, ways_in
from registrations.domain.clashes import Clash, Commitment
from registrations.models import Registration, SeatPool
from venues.domain import places
from venues.domain.travel import Travel
from venues.models import Room

SETTLING = timedelta(minutes=5)  # after the last of several edits
LONGEST_SETTLING = timedelta(minutes=30)  # after the first, should the edits go on and on
NEVER_HELD = timedelta(hours=24)  # a change of a session that is, or was, this near is held back by no quiet window
KIND = "notices.changes"
ALTERNATIVES = 3

Place = dict[str, Any]


def place_of(session: Session) -> Place:
    """Where and when a session stands, as it is kept: instants in UTC, the room by its key and in words."""
    return {
        "starts_at": session.starts_at.isoformat(),
        "ends_at": session.ends_at.isoformat(),
        "room": session.room_id,
        "place": session.place,
    }


def before_of(change: Change) -> Place:
    return {
        "starts_at": change.was_starts_at.isoformat(),
        "ends_at": change.was_ends_at.isoformat(),
        "room": change.was_room_id,
        "place": change.was_place,
    }


def is_same(one: Place, other: Place) -> bool:
    return (
        all(
            (datetime.fromisoformat(one[name]) == datetime.fromisoformat(other[name]))
            for name in ("starts_at", "ends_at")
        )
        and one["room"] == other["room"]
        and not places.is_elsewhere(one.get("place", {}), other.get("place", {}))
    )


# --- Keeping what is to be told ---------------------------------------------------------------------------------------


def note(session: Session, before: dict[str, Any], at: datetime) -> None:
    """Keep that `session` has moved from `before` (the fields of Session.PLACE_AND_TIME), in the transaction that moves
    it. Several moves are one change, from where it stood first; one that ends where it began is none."""
    if session.status != Session.Status.PUBLISHED:
        return
    change = Change.objects.select_for_update().filter(session=session, told_at=None).first()
    if change is None:
        kept = (*Session.PLACE_AND_TIME, "place")
        was = {f"was_{name}": value for name, value in before.items() if name in kept}
        Change.objects.create(session=session, first_at=at, changed_at=at, **was)
    elif is_same(before_of(change), place_of(session)):
        change.delete()
    else:
        change.changed_at = at
        change.save(update_fields=["changed_at"])


def open_window(event_id: int | None, *, actor: User) -> QuietWindow:
    """Tell nobody of changes from now on, until they are published. Raises IntegrityError when a window is open there
    already."""
    window = QuietWindow(event_id=event_id)
    window._history_user = actor
    window.save()
    return window


def held_by(window: QuietWindow, at: datetime) -> list[Change]:
    """The changes that publishing `window` tells."""
    found = _untold().filter(_held(at))
    if window.event_id:
        return list(found.filter(session__event=window.event_id))
    # Those of events with a window of their own wait for that one.
    return list(found.exclude(Exists(_open_windows().filter(event=OuterRef("session__event")))))


def settled(at: datetime) -> list[Change]:
    """The changes that go out by themselves: no quiet window holds them, and nobody has edited any of them for some
    minutes."""
    found = list(_untold().exclude(_held(at)))
    if not found:
        return []
    last, first = max(change.changed_at for change in found), min(change.first_at for change in found)
    return found if last <= at - SETTLING or first <= at - LONGEST_SETTLING else []


def _untold() -> Any:
    return (
        Change.objects.filter(told_at=None)
        .select_related("session__event__edition", "session__room__venue")
        .order_by("session__starts_at", "pk")
    )


def _open_windows() -> Any:
    return QuietWindow.objects.filter(published_at=None)


def _held(at: datetime) -> Q:
    windows = _open_windows().filter(Q(event=None) | Q(event=OuterRef("session__event")))
    return Q(Exists(windows)) & _is_far(at)


def _is_far(at: datetime) -> Q:
    return Q(session__starts_at__gt=at + NEVER_HELD, was_starts_at__gt=at + NEVER_HELD)


# --- Telling ----------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What telling one change means: who is told, by the status of their registration, and who of them is expected
    elsewhere now."""

    change: Change
    was: "Stood"
    now: "Stood"
    registrations: list[Registration] = field(default_factory=list)
    elsewhere: set[int] = field(default_factory=set)  # keys of attendees

    @property
    def clashing(self) -> int:
        return len(self.elsewhere)


@dataclass(frozen=True)
class Stood:
    """Where and when a session stands, or stood."""

    starts_at: datetime
    ends_at: datetime
    room: Room

    @property
    def local_starts_at(self) -> datetime:
        return self.starts_at.astimezone(self.room.venue.zone)

    @property
    def local_ends_at(self) -> datetime:
        return self.ends_at.astimezone(self.room.venue.zone)


def stands(session: Session) -> Stood:
    return Stood(session.starts_at, session.ends_at, session.room)


def stood(stood_at: Iterable[Place], rooms: Iterable[Room]) -> list[Stood]:
    """Where and when sessions stood, with the rooms as they were then. What was kept before rooms were kept in words is
    looked up, unless `rooms` (with their venues) holds it."""
    stood_at = list(stood_at)
    known = {room.pk: room for room in rooms}
    if unknown := {place["room"] for place in stood_at if not place.get("place")} - known.keys():
        known |= Room.objects.select_related("venue").in_bulk(unknown)
    return [
        Stood(
            datetime.fromisoformat(place["starts_at"]),
            datetime.fromisoformat(place["ends_at"]),
            places.room_at(place["room"], place["place"]) if place.get("place") else known[place["room"]],
        )
        for place in stood_at
    ]


def preview(changes: Sequence[Change]) -> list[Told]:
    """What telling `changes` would mean, in a constant number of queries. Reads only."""
    people = _people(changes)
    before = stood([before_of(change) for change in changes], [change.session.room for change in changes])
    told = [
        Told(change, was, stands(change.session), people[change.pk])
        for change, was in zip(changes, before, strict=True)
    ]
    attendees = {
        registration.attendee_id: registration.attendee for each in told for registration in each.registrations
    }
    expected = clashes.commitments_of(attendees.values())
    travel = Travel()
    for each in told:
        each.elsewhere = {
            registration.attendee_id
            for registration in each.registrations
            if clashes.clashes_with(each.change.session, expected[registration.attendee_id], travel)
        }
    return told


def _people(changes: Sequence[Change]) -> dict[int, list[Registration]]:
    """Those to tell of each of `changes`: who has, asks for, or waits for a seat that they knew elsewhere."""
    by_session = {change.session_id: change for change in changes if change.session.status == Session.Status.PUBLISHED}
    found: dict[int, list[Registration]] = defaultdict(list)
    live = Registration.objects.live().filter(session__in=by_session, attendee__user__is_active=True)
    for registration in live.select_related("attendee__user").order_by("attendee_id", "pk"):
        change = by_session[registration.session_id]
        if not is_same(_known_to(registration, change), place_of(change.session)):
            found[change.pk].append(registration)
    return found


def _known_to(registration: Registration, change: Change) -> Place:
    """Where the session stood for that person: before the change, or in the midst of it for whoever came meanwhile."""
    if registration.created_at <= change.first_at:
        return before_of(change)
    if registration.created_at > change.changed_at:
        return place_of(change.session)
    then = change.session.history.filter(history_date__lte=registration.created_at).first()
    return place_of(then) if then else before_of(change)


def effects(since: datetime, at: datetime) -> Effects:
    """What the changes kept since then would mean to people: how many are told, how many of them would be expected
    elsewhere, and when the mails leave."""
    changes = list(_untold().filter(changed_at__gte=since))
    told = preview(changes)
    people = {each.change.pk: {one.attendee_id for one in each.registrations} for each in told}

    def those(changes: Iterable[int]) -> int:
        return len(set().union(*(people[pk] for pk in changes)))

    concerned = {pk for pk, some in people.items() if some}
    if not concerned:
        return Effects()
    number = those(concerned)
    said = [
        ngettext("%(n)d person will be told by email.", "%(n)d people will be told by email.", number) % {"n": number}
    ]
    if clashing := len(set().union(*(each.elsewhere for each in told))):
        words = ngettext(
            "%(n)d of them would be expected elsewhere at that time.",
            "%(n)d of them would be expected elsewhere at that time.",
            clashing,
        )
        said.append(words % {"n": clashing})
    held = set(_untold().filter(_held(at), pk__in=concerned).values_list("pk", flat=True))
    may_wait = set(_may_wait(at).filter(pk__in=concerned).values_list("pk", flat=True))
    leaving = concerned - held
    waits, leaves, near = those(held), those(leaving), those(leaving - may_wait)
    if not leaves:
        said.append(_("The emails will wait until the quiet window is published."))
    elif not waits:
        said.append(_("The emails will be sent five minutes after the last change."))
    else:
        words = ngettext(
            "%(n)d email will wait until the quiet window is published.",
            "%(n)d emails will wait until the quiet window is published.",
            waits,
        )
        said.append(words % {"n": waits})
        words = ngettext(
            "%(n)d email will be sent five minutes after the last change.",
            "%(n)d emails will be sent five minutes after the last change.",
            leaves,
        )
        said.append(words % {"n": leaves})
    if may_wait and near:
        words = ngettext(
            "%(n)d email will not wait for a quiet window: it is about a session in the next 24 hours.",
            "%(n)d emails will not wait for a quiet window: they are about sessions in the next 24 hours.",
            near,
        )
        said.append(words % {"n": near})
    return Effects(tuple(said), can_wait=bool(may_wait))


def hold(since: datetime, at: datetime, *, actor: User) -> int:
    """Let the changes kept since then wait: open a quiet window for each of their events that has none, and return how
    many. What concerns a session of the next hours never waits."""
    changes = _may_wait(at).filter(changed_at__gte=since)
    events = sorted(set(changes.values_list("session__event", flat=True).order_by()))
    for event_id in events:
        with suppress(IntegrityError), transaction.atomic():  # somebody else has opened it meanwhile
            open_window(event_id, actor=actor)
    return len(events)


def _may_wait(at: datetime) -> Any:
    """The changes that no quiet window holds, and one could."""
    return _untold().filter(_is_far(at)).exclude(_held(at))


def publish(window: QuietWindow, *, actor: User, at: datetime) -> int:
    """Close `window` and tell what it held, one mail for each person; return how many people. Doing it twice changes
    nothing."""
    with transaction.atomic():
        found = QuietWindow.objects.select_for_update(of=("self",)).filter(pk=window.pk, published_at=None).first()
        if found is None:
            return 0
        found.published_at = at
        found.people = _tell(held_by(found, at), at)
        found._history_user = actor
        found.save()
        return found.people


def tell_settled(at: datetime) -> int:
    """Tell the changes that no quiet window holds, once they have settled; return how many people were told."""
    changes = settled(at)
    return _tell(changes, at) if changes else 0


def _tell(changes: Iterable[Change], at: datetime) -> int:
    with transaction.atomic():
        # Locked and read anew: of two clocks, or a clock and an organiser, one tells it.
        keys = [change.pk for change in changes]
        found = list(_untold().select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk"))
        people = _people(found)
        mails: dict[int, list[dict[str, Any]]] = defaultdict(list)
        attendees: dict[int, Attendee] = {}
        for change in found:
            for registration in people[change.pk]:
                attendees[registration.attendee_id] = registration.attendee
                before = _known_to(registration, change)
                mails[registration.attendee_id].append(
                    {"registration": str(registration.uuid), "before": before, "now": place_of(change.session)}
                )
            change.told_at, change.people = at, len(people[change.pk])
        Change.objects.bulk_update(found, ["told_at", "people"])
        batch = uuid.uuid4()
        post_many(
            KIND,
            [
                (
                    attendees[pk].user.email,
                    f"{KIND}:{batch}:{pk}",
                    attendees[pk].user.language,
                    {"attendee": pk, "changes": mails[pk]},
                )
                for pk in sorted(mails)
            ],
        )
        return len(mails)


# --- What the mail says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """One session that has moved, for one person: where it was and is, what it clashes with now, and what else there
    is."""

    registration: Registration
    was: Stood
    now: Stood
    clashes: tuple[Clash, ...]
    alternatives: tuple[Session, ...]

    @property
    def has_other_time(self) -> bool:
        return any(
            getattr(self.was, name).replace(tzinfo=None) != getattr(self.now, name).replace(tzinfo=None)
            or getattr(self.was, name) != getattr(self.now, name)
            for name in ("local_starts_at", "local_ends_at")
        )

    @property
    def has_other_room(self) -> bool:
        was, now = self.was.room, self.now.room
        return was != now or any(
            getattr(was.venue, name) != getattr(now.venue, name) for name in ("pk", "address", "city")
        )


def moved(attendee: Attendee, said: Sequence[dict[str, Any]], at: datetime) -> list[Moved]:
    """What is still true of the changes that a mail to `attendee` was queued for, with what follows from them, by their
    start.

    Left out is what a later mail tells: a seat that was given back since, a session that moved again. One query for
    most people; one more when a room has changed, two when they speak or have a duty somewhere, three when there is a
    clash.
    """
    live = (
        Registration.objects.live()
        .filter(attendee=attendee)
        .select_related("session__event__edition", "session__room__venue")
    )
    live = live.annotate(on_duty=clashes.has_duties("attendee__user"))
    mine = {str(registration.uuid): registration for registration in live.order_by("pk")}
    for registration in mine.values():
        registration.attendee = attendee  # known already
    known = [
        (mine[one["registration"]], one)
        for one in said
        if one["registration"] in mine and is_same(one["now"], place_of(mine[one["registration"]].session))
    ]
    before = stood([one["before"] for _mine, one in known], [registration.session.room for registration, _one in known])
    attendee.on_duty = any(registration.on_duty for registration in mine.values())  # type: ignore[attr-defined]
    expected = clashes.commitments_of([attendee], registrations={attendee.pk: list(mine.values())})[attendee.pk]
    travel = Travel()
    moves = []
    for (registration, _one), was in zip(known, before, strict=True):
        clashing = clashes.clashes_with(registration.session, expected, travel)
        others = _alternatives(registration.session, expected, travel, at) if clashing else []
        moves.append(Moved(registration, was, stands(registration.session), tuple(clashing), tuple(others)))
    return sorted(moves, key=lambda each: (each.now.starts_at, each.registration.pk))


def _alternatives(session: Session, expected: Sequence[Commitment], travel: Travel, at: datetime) -> list[Session]:
    """Some sessions of the same event with free seats, that the person may take and could attend: of the same track
    first, then the nearest in time."""
    free = SeatPool.objects.filter(session=OuterRef("pk"), cohort=None, closed=False, taken__lt=F("seats"))
    held = {commitment.session.pk for commitment in expected}
    sessions = Session.objects.filter(
        Exists(free),
        event=session.event_id,
        status=Session.Status.PUBLISHED,
        access=Session.Access.REGISTRATION,
        starts_at__gt=at,
    )
    others = [
        session
        for session in sessions.exclude(pk__in=held).select_related("event__edition", "room__venue")
        if not ways_in.refusal(session, at)
    ]
    others.sort(
        key=lambda other: (other.track_id != session.track_id, abs(other.starts_at - session.starts_at), other.pk)
    )
    # What the person leaves if they change is the session itself: it is in nobody's way.
    left = [commitment for commitment in expected if commitment.session.pk != session.pk]
    fitting = (session for session in others if not clashes.clashes_with(session, left, travel))
    return [session for session, _number in zip(fitting, range(ALTERNATIVES), strict=False)]
