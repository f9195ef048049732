"""Why somebody has no seat: the rules in the order in which they are judged, and what each one finds
(docs/rules.md#organisers).

Everything is asked of the very functions that give the seats (ways_in, clashes, waitlist): a trace with rules of its
own could lie.
"""

from collections import defaultdict
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee
from core.templatetags.when import day, duration, wall_time
from programme.models import Event, Session
from registrations.domain import clashes, waitlist, ways_in
from registrations.domain.clashes import Clash
from registrations.models import Limit, Membership, Registration, SeatPool
from venues.domain.travel import Travel

Status = Registration.Status
Mode = Session.WaitingList


@dataclass(frozen=True)
class Step:
    """One rule: its code, whether it lets the person have the seat, and what it finds. The last one is the
    conclusion."""

    rule: str
    holds: bool
    sentence: str


def explain(session: Session, attendee: Attendee, at: datetime) -> list[Step]:
    """Why `attendee` has no seat in `session` at `at`, rule by rule as far as they are judged, then in one sentence.

    Reads only, a constant number of queries. `session` with event, room and venue; `attendee` with user.
    """
    case = _Case(session, attendee, at)
    if case.mine and not case.waits:
        steps = [case.registration()]
    elif case.closed:
        steps = [case.door(), case.registration()]
    elif session.access == Session.Access.PUBLIC and not case.mine:
        steps = [case.door(), case.access()]
    else:
        steps = [case.door(), case.access(), case.registration(), case.clash(), case.limit(), case.seats()]
        if case.waits:
            steps += [case.waiting_list(), *case.party()]
    return [*steps, case.conclusion()]


class _Case:
    """What is known about one person and one session, each thing read once."""

    def __init__(self, session: Session, attendee: Attendee, at: datetime) -> None:
        self.session, self.attendee, self.at = session, attendee, at
        registrations = Registration.objects.filter(session=session, attendee=attendee)
        self.last = (
            registrations.select_related("attendee__user", "session", "pool__cohort", "party").order_by("-id").first()
        )
        self.mine = self.last if self.last and self.last.status not in Registration.ENDED else None
        self.waits = bool(self.mine and self.mine.status == Status.WAITING)
        self.closed = ways_in.closed(session, at, to_all=self.mine is None)
        self.pools = list(ways_in.pools_for(attendee).filter(session=session))
        cohorts = {pool.cohort_id for pool in self.pools if pool.cohort_id and pool.mine}  # type: ignore[attr-defined]
        invited = session.access == Session.Access.INVITATION and ways_in.is_invited(session, attendee)
        usable = ways_in.usable(session, self.pools, cohorts, at, let_in=invited)
        self.usable = [pool for pool in usable if pool.seats or pool.cohort_id is None]
        self.free = sum(pool.left for pool in self.usable)
        self.refused = self._refused()
        self.companions = self._companions()
        self.clashes, self.over, self.companion_is_kept_out = self._kept_out()
        self.place = waitlist.places([self.mine])[self.mine.pk] if self.mine and self.waits else 0

    def _refused(self) -> ways_in.SeatRefused | None:
        """What refuses somebody without a registration for what they are."""
        if self.mine or self.closed:
            return None
        try:
            ways_in.enter(self.session, self.attendee, self.pools, self.at)
        except ways_in.SeatRefused as refused:
            return refused
        return None

    def _companions(self) -> list[Registration]:
        """Those who wait together with the person, themselves included."""
        if not (self.mine and self.waits):
            return []
        if not self.mine.party_id:
            return [self.mine]
        return list(
            Registration.objects.waiting()
            .filter(session=self.session, party=self.mine.party_id)
            .select_related("attendee__user")
        )

    def _kept_out(self) -> tuple[list[Clash], ways_in.OverLimit | None, bool]:
        """The clashes and the limit that count for the person, and whether somebody whom they wait with is kept out."""
        if self.mine:
            found = waitlist.passed_over(self.session, self.companions)
            own = found.pop(self.mine.pk, None)
            return (own.clashes, own.limit, bool(found)) if own else ([], None, bool(found))
        expected = clashes.commitments_of([self.attendee])[self.attendee.pk]
        seats = [commitment.session for commitment in expected if commitment.kind in ways_in.HOLDS]
        limits = Limit.objects.filter(event=self.session.event_id)
        return (
            clashes.clashes_with(self.session, expected, Travel()),
            ways_in.over_limit(self.session, seats, limits),
            False,
        )

    # --- The rules ---

    def door(self) -> Step:
        if self.closed:
            return _stops("door", str(self.closed))
        return _lets("door", _("The session has not started yet.") if self.mine else _("Registration is open."))

    def access(self) -> Step:
        if self.refused:
            return _stops("access", str(self.refused))
        if not self.usable:
            return _stops("access", self._say(_("None of the seats is open to %(name)s.")))
        if own := ", ".join(str(pool.cohort) for pool in self.usable if pool.cohort):
            return _lets(
                "access", self._say(_("Seats are reserved for %(cohorts)s, to which %(name)s belongs."), cohorts=own)
            )
        if self.session.access == Session.Access.INVITATION:
            return _lets("access", self._say(_("%(name)s is invited.")))
        return _lets("access", self._say(_("The general pool is open to %(name)s.")))

    def registration(self) -> Step:
        if self.mine:
            return _lets("registration", self._told(self.mine))
        if not self.last:
            return _stops("registration", self._say(_("%(name)s has not asked for a seat.")))
        end, why = self._moment(self.last.ended_at or self.last.created_at), self.last.get_ending_display() or "–"
        return _stops(
            "registration",
            self._say(_("%(name)s was registered until %(end)s. Reason it ended: %(why)s."), end=end, why=why),
        )

    def _told(self, registration: Registration) -> str:
        since = self._moment(
            registration.waiting_at if self.waits and registration.waiting_at else registration.created_at
        )
        match registration.status:
            case Status.CONFIRMED:
                pool = registration.pool.cohort if registration.pool and registration.pool.cohort else _("general pool")
                return self._say(_("%(name)s has a seat, requested on %(since)s (%(pool)s)."), since=since, pool=pool)
            case Status.WAITING:
                return self._say(_("%(name)s has been waiting since %(since)s."), since=since)
            case Status.OFFERED if registration.offer_expires_at:
                return self._say(
                    _("A seat has been offered to %(name)s until %(end)s."),
                    end=self._moment(registration.offer_expires_at),
                )
            case _ if registration.pool_id:
                return self._say(
                    _("%(name)s asked for a seat on %(since)s: one is held until the organisers decide."), since=since
                )
            case _:
                return self._say(
                    _("%(name)s asked for a seat on %(since)s: none is held until the organisers decide."), since=since
                )

    def clash(self) -> Step:
        if not self.clashes:
            return _lets("clash", self._say(_("%(name)s is not expected anywhere else.")))
        sentence = self._say(
            _("%(name)s is expected elsewhere: %(clashes)s."), clashes="; ".join(map(in_words, self.clashes))
        )
        if self.session.event.clash_policy == Event.ClashPolicy.WARN:
            return _lets("clash", sentence + " " + _("The event lets people choose."))
        return _stops("clash", sentence)

    def limit(self) -> Step:
        return (
            _stops("limit", self.over.rule)
            if self.over
            else _lets("limit", _("No limit set by the event has been reached."))
        )

    def seats(self) -> Step:
        counted = _("%(pool)s: %(left)d of %(seats)d left")
        counts = [
            counted % {"pool": pool.cohort or _("General pool"), "left": pool.left, "seats": pool.seats}
            for pool in self.usable
        ]
        sentence = "; ".join(counts) + "." if counts else self._say(_("None of the seats is open to %(name)s."))
        if kept := [pool for pool in self.pools if pool not in self.usable and pool.left > 0]:
            number = sum(pool.left for pool in kept)
            sentence += " " + ngettext(
                "%(number)d free seat is reserved for others (%(cohorts)s).",
                "%(number)d free seats are reserved for others (%(cohorts)s).",
                number,
            ) % {"number": number, "cohorts": ", ".join(str(pool.cohort or _("general pool")) for pool in kept)}
        return _lets("seats", sentence) if self.free else _stops("seats", sentence)

    def waiting_list(self) -> Step:
        if ways_in.given_out_by_wishes(self.pools):
            return _stops("waitlist", _("Seats are given out by wishes: any left over go to the waiting list."))
        return Step("waitlist", waitlist.hands_on(self.session), mode_in_words(self.session))

    def party(self) -> list[Step]:
        number = len(self.companions)
        if number < 2:
            return []
        sentence = self._say(_("%(name)s is waiting with others: %(number)d seats together, or none."), number=number)
        if self.companion_is_kept_out:
            return [_stops("party", sentence + " " + _("A clash or a limit is keeping one of them out."))]
        return [Step("party", self.free >= number, sentence)]

    # --- What follows ---

    def conclusion(self) -> Step:
        if self.mine and self.mine.status == Status.CONFIRMED:
            return _lets("conclusion", self._say(_("%(name)s has a seat.")))
        return _stops(
            "conclusion", self._waiting() if self.waits else self._asked(self.mine) if self.mine else self._without()
        )

    def _asked(self, registration: Registration) -> str:
        if registration.status == Status.PENDING:
            return _("The organisers still have to decide on the request.")
        if registration.offer_expires_at and registration.offer_expires_at <= self.at:
            return _(
                "The offer was not answered in time, so the seat is about to go to the next person on the waiting list."
            )
        return self._say(_("%(name)s still has to answer the offer."))

    def _without(self) -> str:
        if refused := self.closed or self.refused:
            return str(refused)
        policy = self.session.event.clash_policy
        if self.clashes and policy == Event.ClashPolicy.SWAP and all(clash.can_be_left for clash in self.clashes):
            return self._say(
                _(
                    "To take this seat, %(name)s has to give up whatever clashes with it: the session’s page offers "
                    "this."
                )
            )
        if self.clashes and policy != Event.ClashPolicy.WARN:
            return self._say(_("%(name)s is expected elsewhere, and the event does not allow clashes."))
        if self.over:
            return self.over.rule
        if self.session.access == Session.Access.APPROVAL and (self.free or not self.session.holds_requests):
            return self._say(_("Nothing stands in the way: %(name)s can ask the organisers for a seat."))
        if self.free and not waitlist.comes_first(self.session):
            return self._say(_("Nothing stands in the way: %(name)s can take a seat."))
        if self.session.waiting_list == Mode.NONE:
            return _("This session is full and has no waiting list.")
        return self._say(_("There are no free seats. %(name)s is not on the waiting list but can join it."))

    def _waiting(self) -> str:
        place = _("Number %(place)d on the waiting list.") % {"place": self.place}
        return f"{place} {self._what_next()}"

    def _what_next(self) -> str:
        if self.closed:
            return str(self.closed)
        if not self.usable:
            return self._say(_("None of the seats is open to %(name)s."))
        if ways_in.given_out_by_wishes(self.pools):
            return self.waiting_list().sentence
        if not waitlist.hands_on(self.session):
            free = ngettext("%(number)d seat is free.", "%(number)d seats are free.", self.free) % {"number": self.free}
            return f"{free} {mode_in_words(self.session)}"
        if self.clashes or self.over:
            return _("Passed over as long as the clash or limit lasts: free seats go to the next people on the list.")
        if self.companion_is_kept_out:
            return _("Passed over as long as a clash or limit keeps one of the group out.")
        if self.free and any(self._is_in(group) for group in waitlist.fitting(self.session, self.pools, self.at)):
            return self._say(_("A seat is free for %(name)s: it will be theirs within seconds."))
        return f"{self._no_seat()} {self._next()}"

    def _no_seat(self) -> str:
        if not self.free:
            return self._say(_("There is no free seat that %(name)s can take."))
        sentence = ngettext(
            "%(number)d seat is free, but it goes to somebody else or is not enough.",
            "%(number)d seats are free, but they go to others or are not enough.",
            self.free,
        )
        return sentence % {"number": self.free}

    def _next(self) -> str:
        """Who gets the next seat that is given back, by the rule that gives it: one seat more is thought free where the
        person may sit."""
        imagined = [copy(pool) for pool in self.pools]
        for pool in imagined:
            pool.taken -= pool in self.usable and pool.seats > 0
        group = next(waitlist.fitting(self.session, imagined, self.at), None)
        if group is None:
            return _("If one more seat became free, nobody on the waiting list could take it.")
        names = (
            self.attendee
            if self._is_in(group)
            else ", ".join(str(registration.attendee) for registration, _pool in group)
        )
        return _("The next seat goes to %(names)s.") % {"names": names}

    def _is_in(self, group: waitlist.Seated) -> bool:
        return any(registration == self.mine for registration, _pool in group)

    def _say(self, sentence: str, **words: object) -> str:
        return sentence % {"name": self.attendee, **words}

    def _moment(self, moment: datetime) -> str:
        return moment_in_words(self.session, moment)


def _lets(rule: str, sentence: str) -> Step:
    return Step(rule, holds=True, sentence=sentence)


def _stops(rule: str, sentence: str) -> Step:
    return Step(rule, holds=False, sentence=sentence)


def mode_in_words(session: Session) -> str:
    """What becomes of a seat that is given back in `session`, in one sentence."""
    match session.waiting_list:
        case Mode.AUTOMATIC:
            return _("A seat that becomes free goes to the first person on the waiting list who can take it.")
        case Mode.OFFER:
            sentence = ngettext(
                "A seat that becomes free is offered to the first person on the waiting list, for %(hours)d hour at "
                "most.",
                "A seat that becomes free is offered to the first person on the waiting list, for %(hours)d hours at "
                "most.",
                session.offer_hours,
            )
            return sentence % {"hours": session.offer_hours}
        case Mode.DRAW if waitlist.hands_on(session):
            return _("The draw has been held: a seat that becomes free goes to the next person in the order drawn.")
        case Mode.DRAW if session.draw_at:
            return _("The draw is held on %(moment)s: no seats are given out before then.") % {
                "moment": moment_in_words(session, session.draw_at)
            }
        case Mode.BY_HAND:
            return _("The organisers choose who gets a seat.")
        case _:
            return _(
                "There is no waiting list: a seat that becomes free goes to anyone still waiting, or else to whoever "
                "asks first."
            )


def moment_in_words(session: Session, moment: datetime) -> str:
    local = moment.astimezone(session.zone)
    return f"{day(local)}, {wall_time(local)}"


def in_words(clash: Clash) -> str:
    """What keeps somebody from another session, said to an organiser."""
    kinds = {
        Status.CONFIRMED: _("a seat in “%(session)s”"),
        Status.OFFERED: _("an offered seat in “%(session)s”"),
        Status.PENDING: _("a request for “%(session)s”"),
        Status.WAITING: _("a place on the waiting list for “%(session)s”"),
        clashes.SPEAKING: _("a speaking slot in “%(session)s”"),
        clashes.DUTY: _("a duty in “%(session)s”"),
    }
    what = kinds[clash.commitment.kind] % {"session": clash.commitment.session}
    if clash.overlaps:
        return _("%(what)s, at the same time") % {"what": what}
    needed, gap = (duration(timedelta(minutes=minutes)) for minutes in (clash.travel_minutes, clash.gap_minutes))
    return _("%(what)s, too far away: %(needed)s to get there, %(gap)s between the two") % {
        "what": what,
        "needed": needed,
        "gap": gap,
    }


def keeps_back(
    session: Session, registrations: list[Registration], pools: list[SeatPool], at: datetime
) -> dict[int, str]:
    """What keeps each of `registrations` (by their ids), which wait, from a seat while others may get one: a clash, a
    limit, seats that are for others. Whoever only waits for a seat to be free is not in it. A constant number of
    queries.
    """
    members = Membership.objects.filter(
        attendee__in=[registration.attendee_id for registration in registrations], cohort__allotments__session=session
    )
    cohorts: dict[int, set[int]] = defaultdict(set)
    for attendee, cohort in members.values_list("attendee", "cohort"):
        cohorts[attendee].add(cohort)
    passed_over = waitlist.passed_over(session, registrations)
    invited = waitlist.invited_of(session, registrations)
    any_free = any(pool.left > 0 and not pool.closed for pool in pools)
    found = {}
    for registration in registrations:
        usable = ways_in.usable(
            session, pools, cohorts[registration.attendee_id], at, let_in=registration.pk in invited
        )
        if kept_out := passed_over.get(registration.pk):
            found[registration.pk] = "; ".join(
                [*map(in_words, kept_out.clashes), *([kept_out.limit.rule] if kept_out.limit else [])]
            )
        elif not usable:
            found[registration.pk] = _("The seats are for others.")
        elif any_free and not any(pool.left > 0 for pool in usable):
            found[registration.pk] = _("The free seats are reserved for others.")
    return found
