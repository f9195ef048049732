"""Who may take a seat of a session, from which pools, and in one sentence why not (docs/rules.md#access)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee, User
from core.templatetags.when import moment
from programme.models import Session
from registrations.models import Invitation, Limit, Membership, Registration, SeatPool

OF_POOL = ["session", "seats", "taken", "closed", "by_wishes", "release_at", "cohort__starts_at", "cohort__ends_at"]
HOLDS = (Registration.Status.CONFIRMED, Registration.Status.OFFERED, Registration.Status.PENDING)


class SeatRefused(Exception):
    """Nothing was changed; the message is the sentence to show, `code` names the case for programs."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class OverLimit(SeatRefused):
    """The person has all the seats that a limit of the event allows; `rule` says the limit to whoever asks about
    them."""

    def __init__(self, sentence: str, rule: str) -> None:
        super().__init__("limit", sentence)
        self.rule = rule


def closed(session: Session, at: datetime, *, to_all: bool = True) -> SeatRefused | None:
    """Why nobody enters `session` any more, or yet, at `at`; None when the door is open.

    `to_all=False` asks for the waiting list and for the organisers, whom the hours of registration do not bind.
    """
    if session.status == Session.Status.CANCELLED:
        return SeatRefused("cancelled", _("This session is cancelled."))
    if session.ends_at <= at:
        return SeatRefused("over", _("This session is over."))
    if session.starts_at <= at:
        return SeatRefused("started", _("This session has started: registration is closed."))
    if session.status != Session.Status.PUBLISHED or not session.event.edition.takes_seats:
        return SeatRefused("closed", _("Registration is not open."))
    if to_all and session.registration_opens_at and at < session.registration_opens_at:
        return SeatRefused(
            "not_yet",
            _("Registration opens on %(moment)s.") % {"moment": moment(session.registration_opens_at, session.zone)},
        )
    if to_all and session.registration_closes_at and session.registration_closes_at <= at:
        return SeatRefused(
            "closed",
            _("Registration closed on %(moment)s.") % {"moment": moment(session.registration_closes_at, session.zone)},
        )
    return None


def refusal(session: Session, at: datetime) -> SeatRefused | None:
    """Why somebody of whom nothing is known cannot take a seat in `session` by themselves at `at`, or None. Says
    nothing about seats left."""
    if refused := closed(session, at):
        return refused
    match session.access:
        case Session.Access.REGISTRATION | Session.Access.APPROVAL:
            return None
        case Session.Access.PUBLIC:
            return SeatRefused("public", _("Open to all: you don’t need to register."))
        case Session.Access.INVITATION:
            return SeatRefused("invitation", _("By personal invitation only."))
        case _:
            return SeatRefused(
                "cohort", _("Reserved for invited cohorts: your institution’s coordinator can tell you more.")
            )


def given_out_by_wishes(pools: Iterable[SeatPool]) -> bool:
    """Whether the seats of the session of `pools` are held for an allocation: until it gives them out, only organisers
    let anybody in."""
    return any(pool.by_wishes for pool in pools)


def pools_for(attendee: Attendee | None) -> QuerySet[SeatPool]:
    """Seat pools, each with `mine`: whether it is kept for a cohort that `attendee` belongs to. In the order in which
    locks are taken."""
    members = Membership.objects.filter(cohort=OuterRef("cohort"), attendee=attendee)
    return SeatPool.objects.select_related("cohort").only(*OF_POOL).annotate(mine=Exists(members)).order_by("pk")


def is_invited(session: Session, attendee: Attendee) -> bool:
    return Invitation.objects.filter(session=session, email=attendee.user.email).exists()


def move_invitations(user: User, old: str) -> None:
    """Let the personal invitations of `user` hold at their new address as they did at `old`. One that they have there
    already takes the place of the other."""
    there = Invitation.objects.filter(email=user.email).values("session")
    for invitation in Invitation.objects.filter(email=old).exclude(session__in=there).order_by("pk"):
        invitation.email = user.email
        invitation._history_user = getattr(user, "_history_user", None)  # type: ignore[attr-defined]
        invitation.save(update_fields=["email"])
    for invitation in Invitation.objects.filter(email=old):
        invitation.delete()


def usable(
    session: Session, pools: Iterable[SeatPool], cohorts: Collection[int], at: datetime, *, let_in: bool = False
) -> list[SeatPool]:
    """The `pools` of `session` from which a member of `cohorts` (their ids) may take a seat, in the order of use: their
    own first.

    The general pool is everybody's where access is by registration or on request. In a session reserved for cohorts it
    is theirs once their own seats have been released. `let_in`: the organisers, or a personal invitation, open it to
    the person.
    """
    pools = [pool for pool in pools if not pool.closed]
    own = [pool for pool in pools if pool.cohort_id in cohorts and pool.cohort and pool.cohort.is_present_for(session)]
    general = [pool for pool in pools if pool.cohort_id is None]
    if session.access == Session.Access.COHORT and not let_in:
        released = any(pool.release_at and pool.release_at <= at for pool in own)
        return own + (general if released else [])
    if session.access == Session.Access.INVITATION and not let_in:
        return own
    return own + general


def enter(
    session: Session, attendee: Attendee, pools: Iterable[SeatPool], at: datetime, *, let_in: bool = False
) -> list[SeatPool]:
    """The pools from which `attendee` may take a seat at `at`, given those of the session as `pools_for(attendee)`
    reads them.

    `let_in`: the organisers decide that the person enters, whatever the access. Raises SeatRefused with the reason.
    """
    if refused := closed(session, at, to_all=not let_in):
        raise refused
    invited = not let_in and session.access == Session.Access.INVITATION and is_invited(session, attendee)
    mine = {pool.cohort_id for pool in pools if pool.cohort_id and pool.mine}  # type: ignore[attr-defined]
    found = usable(session, pools, mine, at, let_in=let_in or invited)
    if let_in:
        return found
    if not invited and not any(pool.cohort_id for pool in found) and (refused := refusal(session, at)):
        raise refused
    if given_out_by_wishes(pools):
        raise SeatRefused("wishes", _("Seats in this session are given out by wishes."))
    return found


def over_limit(session: Session, taken: Iterable[Session], limits: Iterable[Limit]) -> OverLimit | None:
    """The limit of its event that one more seat in `session` would break, for somebody with seats in `taken`."""
    taken = list(taken)
    for limit in limits:
        if limit.event_id != session.event_id or limit.kind not in ("", session.kind):
            continue
        counted = [
            other
            for other in taken
            if other.event_id == limit.event_id and limit.kind in ("", other.kind) and other != session
        ]
        if len(counted) >= limit.at_most:
            words = {"event": session.event, "number": limit.at_most, "kind": limit.get_kind_display()}
            sentence, rule = _limit_in_words(limit)
            return OverLimit(sentence % words, rule % words)
    return None


def _limit_in_words(limit: Limit) -> tuple[str, str]:
    """What a limit says to a person who has reached it, and to others."""
    if limit.kind:
        sentence = ngettext(
            "“%(event)s” allows %(number)d seat per person in this format (%(kind)s): give yours up to take this one.",
            "“%(event)s” allows %(number)d seats per person in this format (%(kind)s): give one up to take this one.",
            limit.at_most,
        )
        rule = ngettext(
            "“%(event)s” allows %(number)d seat per person in this format (%(kind)s).",
            "“%(event)s” allows %(number)d seats per person in this format (%(kind)s).",
            limit.at_most,
        )
        return sentence, rule
    sentence = ngettext(
        "“%(event)s” allows %(number)d seat per person: give yours up to take this one.",
        "“%(event)s” allows %(number)d seats per person: give one up to take this one.",
        limit.at_most,
    )
    rule = ngettext(
        "“%(event)s” allows %(number)d seat per person.",
        "“%(event)s” allows %(number)d seats per person.",
        limit.at_most,
    )
    return sentence, rule
