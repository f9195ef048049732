"""Where somebody is expected, and what they cannot attend because of it (docs/rules.md#clashes)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee
from core.folding import in_order
from core.templatetags.when import bdi, duration, wall_time
from programme.models import Duty, Participation, Session
from registrations.domain.ways_in import HOLDS
from registrations.models import Registration
from venues.domain.travel import Travel

# Sessions a day apart never clash, wherever they are: nobody is asked to look up the way.
TIME_FOR_ANY_WAY = timedelta(days=1)

SPEAKING, DUTY = "speaking", "duty"


@dataclass(frozen=True)
class Commitment:
    """A session in which somebody is expected, or may come to be: `kind` is the status of their registration,
    "speaking" or "duty"."""

    session: Session
    kind: str
    registration: Registration | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the person has the place already, not just a hope of it."""
        return self.kind not in (Registration.Status.PENDING, Registration.Status.WAITING)


@dataclass(frozen=True)
class Clash:
    """A commitment that keeps somebody from another session.

    `travel_minutes` is what the way between the two venues takes, in the order of the sessions; `gap_minutes` what lies
    between the end of the first and the start of the second, negative when they overlap; `comes_first` whether the
    commitment is the first.
    """

    commitment: Commitment
    overlaps: bool
    travel_minutes: int
    gap_minutes: int
    comes_first: bool = True

    @property
    def can_be_left(self) -> bool:
        """Whether the person may give the commitment up by themselves: a registration, but no speech and no duty."""
        return self.commitment.registration is not None

    def sentence(self) -> str:
        """What to tell the person, in the language of the moment and the time of the venue."""
        session = self.commitment.session
        return self._say(session.title, session.room.venue.name)

    @property
    def marked_sentence(self) -> SafeString:
        """The same for a page, where each name says in which language it is."""
        session = self.commitment.session
        return SafeString(self._say(bdi(session, "title"), bdi(session.room.venue, "name")))

    def _say(self, title: str, venue: str) -> str:
        session = self.commitment.session
        if self.overlaps:
            return _at_the_same_time(self.commitment.kind) % {"session": title}
        moment = session.local_ends_at if self.comes_first else session.local_starts_at
        where = {"session": title, "venue": venue, "time": wall_time(moment)}
        match self.comes_first, self.commitment.is_certain:
            case True, True:
                expected = _("You leave “%(session)s” (%(venue)s) at %(time)s.") % where
            case True, False:
                expected = _("If you get a seat in “%(session)s”, you’ll leave %(venue)s at %(time)s.") % where
            case False, True:
                expected = _("You’re expected in “%(session)s” (%(venue)s) at %(time)s.") % where
            case _:
                expected = _("If you get a seat in “%(session)s”, you’ll be expected at %(venue)s at %(time)s.") % where
        needed = duration(timedelta(minutes=self.travel_minutes))
        return f"{expected} " + _("Getting there takes %(duration)s: you’d be late.") % {"duration": needed}


def commitments_of(
    attendees: Iterable[Attendee], *, registrations: Mapping[int, list[Registration]] | None = None
) -> dict[int, list[Commitment]]:
    """What each of `attendees` is committed to, by their id: live registrations, speeches and duties. Cancelled
    sessions commit nobody; a speech or a duty counts once its session is public.

    Three queries, however many people. Give the live `registrations` by attendee if they are known (with session,
    event, room and venue): one less. People read with `on_duty=has_duties()` whose answer is no cost nothing more.
    """
    attendees = list(attendees)
    if registrations is None:
        registrations = _live_registrations(attendees)
    commitments = {
        attendee.pk: [
            Commitment(registration.session, registration.status, registration)
            for registration in registrations.get(attendee.pk, ())
            if registration.session.status != Session.Status.CANCELLED
        ]
        for attendee in attendees
    }
    by_user: dict[int | None, list[Commitment]] = {
        attendee.user_id: commitments[attendee.pk] for attendee in attendees if getattr(attendee, "on_duty", True)
    }
    if by_user:
        of_session = ("session__event__edition", "session__room__venue")
        public = Q(session__status=Session.Status.PUBLISHED)
        for part in (
            Participation.objects.filter(public, speaker__user__in=by_user)
            .select_related("speaker", *of_session)
            .order_by("pk")
        ):
            by_user[part.speaker.user_id].append(Commitment(part.session, SPEAKING))
        for duty in Duty.objects.filter(public, user__in=by_user).select_related(*of_session).order_by("pk"):
            by_user[duty.user_id].append(Commitment(duty.session, DUTY))
    return commitments


def has_duties(user: str = "user") -> Q:
    """For `Attendee.objects.annotate(on_duty=has_duties())`: whether the person speaks or has a duty somewhere. `user`
    is the path from the rows to the account."""
    speaks = Participation.objects.filter(speaker__user=OuterRef(user))
    return Q(Exists(speaks)) | Q(Exists(Duty.objects.filter(user=OuterRef(user))))


def is_live() -> Exists:
    """For `Attendee.objects.annotate(is_live=is_live())`: whether the person has any live registration."""
    return Exists(Registration.objects.live().filter(attendee=OuterRef("pk")))


def clashes_with(session: Session, commitments: Iterable[Commitment], travel: Travel) -> list[Clash]:
    """Those of `commitments` that keep somebody from `session`, by their start: they overlap [starts_at, ends_at[, or
    leave less time than the way between the venues takes. One commitment a session: of a seat and a speech in the same
    one, the speech.
    """
    firmest: dict[int, Commitment] = {}
    for commitment in commitments:
        if commitment.session.pk != session.pk and (
            commitment.registration is None or commitment.session.pk not in firmest
        ):
            firmest[commitment.session.pk] = commitment
    clashes = [clash for commitment in firmest.values() if (clash := _clash(session, commitment, travel))]
    return sorted(clashes, key=lambda clash: (clash.commitment.session.starts_at, clash.commitment.session.pk))


def clashing_people(session: Session) -> list[tuple[Registration, list[Clash]]]:
    """The people of `session` who are expected elsewhere meanwhile, and where. A constant number of queries, however
    many people."""
    live = (
        Registration.objects.live()
        .filter(session=session)
        .select_related("attendee__user")
        .order_by(in_order(Registration, "attendee__search"), "pk")
    )
    people = list(live)
    expected = commitments_of([registration.attendee for registration in people])
    travel = Travel()
    found = [
        (registration, clashes_with(session, expected[registration.attendee_id], travel)) for registration in people
    ]
    return [(registration, clashing) for registration, clashing in found if clashing]


@dataclass(frozen=True)
class Late:
    """How many people have seats in two sessions that lie too close to each other for the way between them."""

    first: Session
    second: Session
    people: int
    travel_minutes: int

    def sentence(self) -> str:
        words = ngettext(
            "%(people)d person would be late getting from “%(first)s” to “%(second)s”: the journey takes %(duration)s.",
            "%(people)d people would be late getting from “%(first)s” to “%(second)s”: the journey takes %(duration)s.",
            self.people,
        )
        needed = duration(timedelta(minutes=self.travel_minutes))
        return words % {"people": self.people, "first": self.first, "second": self.second, "duration": needed}


def late_between(venues: Collection[int], at: datetime) -> list[Late]:
    """Who would be late on the ways from and to `venues` (their ids), of those with seats in sessions to come; in order
    of time. Four queries, however many people."""
    other = "attendee__registrations"
    seats = {"status__in": HOLDS, "session__status": Session.Status.PUBLISHED, "session__starts_at__gt": at}
    pairs = (
        # In one filter, so that all of it is asked of one other registration.
        Registration.objects.filter(
            Q(session__room__venue__in=venues) | Q(**{f"{other}__session__room__venue__in": venues}),
            **seats,
            **{f"{other}__{name}": value for name, value in seats.items()},
            **{f"{other}__session__starts_at__gte": F("session__ends_at")},
            **{f"{other}__session__starts_at__lt": F("session__ends_at") + TIME_FOR_ANY_WAY},
        )
        .order_by()
        .values_list("session", f"{other}__session")
        .annotate(n=Count("attendee", distinct=True))
    )
    counted = list(pairs)
    sessions = Session.objects.with_place().in_bulk({pk for first, second, _n in counted for pk in (first, second)})
    travel = Travel()
    found = []
    for one, two, people in counted:
        first, second = sessions[one], sessions[two]
        minutes = travel.minutes(first.room.venue_id, second.room.venue_id)
        if second.starts_at - first.ends_at < timedelta(minutes=minutes):
            found.append(Late(first, second, people, minutes))
    return sorted(found, key=lambda late: (late.first.starts_at, late.second.starts_at, late.first.pk, late.second.pk))


def _clash(session: Session, commitment: Commitment, travel: Travel) -> Clash | None:
    other = commitment.session
    comes_first = (other.starts_at, other.ends_at, other.pk) < (session.starts_at, session.ends_at, session.pk)
    first, second = (other, session) if comes_first else (session, other)
    gap = second.starts_at - first.ends_at
    if gap >= TIME_FOR_ANY_WAY:
        return None
    minutes = travel.minutes(first.room.venue_id, second.room.venue_id)
    if gap >= timedelta(minutes=minutes):
        return None
    return Clash(commitment, gap < timedelta(0), minutes, int(gap // timedelta(minutes=1)), comes_first)


def _live_registrations(attendees: Iterable[Attendee]) -> dict[int, list[Registration]]:
    found: dict[int, list[Registration]] = {}
    live = Registration.objects.live().filter(attendee__in=attendees).exclude(session__status=Session.Status.CANCELLED)
    for registration in live.select_related("session__event__edition", "session__room__venue").order_by("pk"):
        found.setdefault(registration.attendee_id, []).append(registration)
    return found


def _at_the_same_time(kind: str) -> str:
    match kind:
        case Registration.Status.CONFIRMED:
            return _("You have a seat in “%(session)s” at the same time.")
        case Registration.Status.OFFERED:
            return _("You’ve been offered a seat in “%(session)s” at the same time.")
        case Registration.Status.PENDING:
            return _("You’ve asked for a seat in “%(session)s” at the same time.")
        case Registration.Status.WAITING:
            return _("You’re waiting for a seat in “%(session)s” at the same time.")
        case "speaking":
            return _("You’re speaking in “%(session)s” at the same time.")
        case _:
            return _("You’re on duty in “%(session)s” at the same time.")
