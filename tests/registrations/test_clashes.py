"""Nobody can be in two places at once, nor on the way (docs/rules.md#clashes)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import Attendee
from outbox.models import Message
from programme.models import Duty, Session
from registrations.domain import booking, clashes
from registrations.domain.clashes import Commitment
from registrations.models import Registration
from tests import make
from tests.html import sent
from tests.registrations.pages import words
from venues.domain.travel import Travel
from venues.models import TravelTime, Venue

pytestmark = pytest.mark.django_db

NOON = datetime(2027, 2, 10, 12, 0, tzinfo=UTC)  # 13:00 in Paris


def session(begins=0, minutes=60, **fields):
    """A session that begins so many minutes after noon."""
    return make.session(starts_at=NOON + timedelta(minutes=begins), minutes=minutes, **fields)


def expected_in(other, kind="confirmed"):
    registration = None if kind in ("speaking", "duty") else Registration(session=other, status=kind)
    return Commitment(other, kind, registration)


def clash(wanted, other, kind="confirmed"):
    found = clashes.clashes_with(wanted, [expected_in(other, kind)], Travel())
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.proves("no-two-places")
@pytest.mark.parametrize("begins", [-90, -60, 60, 90])
def test_sessions_of_one_venue_may_follow_each_other_without_a_minute_between(begins):
    room = make.room()

    assert clash(session(room=room), session(begins, room=make.room(venue=room.venue))) is None


@pytest.mark.proves("no-two-places")
@pytest.mark.parametrize(
    ("begins", "minutes", "gap"), [(-59, 60, -1), (59, 60, -1), (0, 60, -60), (-30, 120, -90), (15, 30, -45)]
)
def test_sessions_that_overlap_clash_wherever_they_are(begins, minutes, gap):
    venue = make.venue()
    wanted = session(room=make.room(venue=venue))

    same_venue = clash(wanted, session(begins, minutes, room=make.room(venue=venue)))
    elsewhere = clash(wanted, session(begins, minutes))

    assert (same_venue.overlaps, same_venue.travel_minutes, same_venue.gap_minutes) == (True, 0, gap)
    assert (elsewhere.overlaps, elsewhere.travel_minutes, elsewhere.gap_minutes) == (True, 45, gap)


@pytest.mark.proves("no-two-places")
@pytest.mark.parametrize(("gap", "clashing"), [(0, True), (29, True), (30, False), (31, False)])
def test_sessions_too_close_for_the_way_clash_in_its_direction(gap, clashing):
    here, there = make.venue(), make.venue(security_minutes=10)
    TravelTime.objects.create(origin=here, destination=there, minutes=20)
    TravelTime.objects.create(origin=there, destination=here, minutes=90)
    before, after = session(0, room=make.room(venue=here)), session(60 + gap, room=make.room(venue=there))

    for found, comes_first in ((clash(after, before), True), (clash(before, after), False)):
        assert (found is not None) == clashing
        if found:
            assert (found.overlaps, found.travel_minutes, found.gap_minutes, found.comes_first) == (
                False,
                30,
                gap,
                comes_first,
            )


@pytest.mark.proves("no-two-places")
def test_sessions_a_day_apart_never_clash_and_nobody_asks_for_the_way(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    wanted, other = session(), session(60 + 24 * 60)
    TravelTime.objects.create(origin=wanted.room.venue, destination=other.room.venue, minutes=3000)

    with django_assert_num_queries(0):
        assert clash(wanted, other) is None


def test_a_session_does_not_clash_with_itself():
    wanted = session()

    assert clash(wanted, Session.objects.select_related("room__venue").get(pk=wanted.pk)) is None


def test_clashes_come_by_their_start_and_once_for_each_session():
    late, early, both = session(30), session(-30), session(10)

    found = clashes.clashes_with(
        session(),
        [
            expected_in(late),
            expected_in(both, "speaking"),
            expected_in(both),
            expected_in(early),
            expected_in(session(3000)),
        ],
        Travel(),
    )

    assert [(clash.commitment.session, clash.commitment.kind) for clash in found] == [
        (early, "confirmed"),
        (both, "speaking"),
        (late, "confirmed"),
    ]


@pytest.mark.proves("commitments")
@pytest.mark.parametrize(
    ("kind", "can_be_left"),
    [
        ("confirmed", True),
        ("offered", True),
        ("pending", True),
        ("waiting", True),
        ("speaking", False),
        ("duty", False),
    ],
)
def test_only_a_registration_can_be_left(kind, can_be_left):
    assert clash(session(), session(), kind).can_be_left is can_be_left


def said(text: str) -> str:
    return text.replace("_", "\N{NO-BREAK SPACE}")


@pytest.mark.proves("no-two-places")
@pytest.mark.parametrize(
    ("begins", "kind", "english", "french"),
    [
        (
            0,
            "confirmed",
            "You have a seat in “Forum” at the same time.",
            "Vous avez une place dans «_Forum_» au même moment.",
        ),
        (
            0,
            "offered",
            "You’ve been offered a seat in “Forum” at the same time.",
            "Une place dans «_Forum_» vous est proposée au même moment.",
        ),
        (
            0,
            "pending",
            "You’ve asked for a seat in “Forum” at the same time.",
            "Vous avez demandé une place dans «_Forum_» au même moment.",
        ),
        (
            0,
            "waiting",
            "You’re waiting for a seat in “Forum” at the same time.",
            "Vous attendez une place dans «_Forum_» au même moment.",
        ),
        (
            0,
            "speaking",
            "You’re speaking in “Forum” at the same time.",
            "Vous intervenez dans «_Forum_» au même moment.",
        ),
        (
            0,
            "duty",
            "You’re on duty in “Forum” at the same time.",
            "Vous êtes de service dans «_Forum_» au même moment.",
        ),
        (
            -80,
            "confirmed",
            "You leave “Forum” (Station F) at 12:40_pm. Getting there takes 38_min: you’d be late.",
            "Vous sortez de «_Forum_» (Station F) à 12_h_40. Comptez 38_min de trajet_: vous arriveriez en retard.",
        ),
        (
            -80,
            "waiting",
            (
                "If you get a seat in “Forum”, you’ll leave Station F at 12:40_pm. Getting there takes 38_min: you’d "
                "be late."
            ),
            (
                "Si vous obtenez une place dans «_Forum_», vous sortirez à 12_h_40 (Station F). Comptez 38_min de "
                "trajet_: vous arriveriez en retard."
            ),
        ),
        (
            80,
            "duty",
            "You’re expected in “Forum” (Station F) at 2:20_pm. Getting there takes 38_min: you’d be late.",
            (
                "On vous attend dans «_Forum_» (Station F) à 14_h_20. Comptez 38_min de trajet_: vous arriveriez en "
                "retard."
            ),
        ),
        (
            80,
            "pending",
            (
                "If you get a seat in “Forum”, you’ll be expected at Station F at 2:20_pm. Getting there takes 38_min: "
                "you’d be late."
            ),
            (
                "Si vous obtenez une place dans «_Forum_», on vous y attendra à 14_h_20 (Station F). Comptez 38_min "
                "de trajet_: vous arriveriez en retard."
            ),
        ),
    ],
)
def test_a_clash_is_told_in_a_sentence(begins, kind, english, french):
    wanted, other = session(), session(begins, title="Forum", room=make.room(venue=make.venue(name="Station F")))
    TravelTime.objects.create(origin=wanted.room.venue, destination=other.room.venue, minutes=38)
    found = clash(wanted, other, kind)

    with translation.override("en"):
        assert found.sentence() == said(english)
    with translation.override("fr"):
        assert found.sentence() == said(french)
        marked = said(french).replace("Forum", "<bdi>Forum</bdi>").replace("Station F", "<bdi>Station F</bdi>")
        assert found.marked_sentence == marked


def test_on_a_page_a_clash_says_the_language_of_names_that_are_not_translated():
    wanted, other = session(), session(80, title_fr="<b>Forum</b>", title_en=None, room=make.room())
    Venue.objects.filter(pk=other.room.venue_id).update(name_fr="Gare", name_en=None)
    other = Session.objects.select_related("room__venue").get(pk=other.pk)
    TravelTime.objects.create(origin=wanted.room.venue, destination=other.room.venue, minutes=38)
    found = clash(wanted, other, "confirmed")

    with translation.override("en"):
        said = '“<bdi lang="fr">&lt;b&gt;Forum&lt;/b&gt;</bdi>” (<bdi lang="fr">Gare</bdi>)'
        assert said in found.marked_sentence


def busy(name):
    """Someone with a seat, a speech and a duty; and cancelled ones, which commit nobody."""
    who = make.attendee(name)
    seat = booking.register(booking.Ask(make.session(), who, actor=who.user, despite=True))
    booking.cancel(make.session(), who, actor=who.user)
    part = make.participation(speaker=make.speaker(user=who.user))
    duty = Duty.objects.create(session=make.session(), user=who.user)
    for status in (Session.Status.CANCELLED, Session.Status.DRAFT):
        off = make.session(status=status)
        make.participation(session=off, speaker=who.user.speaker)
        Duty.objects.create(session=off, user=who.user)
    gone = booking.register(booking.Ask(make.session(), who, actor=who.user, despite=True))
    Session.objects.filter(pk=gone.session_id).update(status=Session.Status.CANCELLED)
    booking.cancel(
        booking.register(booking.Ask(make.session(), who, actor=who.user, despite=True)).session, who, actor=who.user
    )
    return who, [(seat.session, "confirmed", seat), (part.session, "speaking", None), (duty.session, "duty", None)]


@pytest.mark.proves("commitments")
@pytest.mark.parametrize("people", [1, 3])
def test_everybody_is_committed_to_seats_speeches_and_duties(
    people, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    crowd = [busy(f"Personne {n}") for n in range(people)]
    idle = make.attendee()

    with django_assert_num_queries(3):
        found = clashes.commitments_of([*(who for who, _ in crowd), idle])
        for commitments in found.values():
            for commitment in commitments:
                assert commitment.session.event and commitment.session.room.venue

    for who, expected in crowd:
        assert [(c.session, c.kind, c.registration) for c in found[who.pk]] == expected
    assert found[idle.pk] == []


def test_registrations_that_are_known_are_not_read_again(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    who, [seat, *rest] = busy("Ada")
    kept = Registration.objects.live().select_related("session__event", "session__room__venue").filter(attendee=who)

    with django_assert_num_queries(3):
        found = clashes.commitments_of([who], registrations={who.pk: list(kept)})[who.pk]

    assert [(c.session, c.kind, c.registration) for c in found] == [seat, *rest]


def test_whoever_has_no_duty_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    helper, _ = busy("Ada")
    speaker = make.participation(speaker=make.speaker(user=make.attendee("Grace").user)).speaker
    make.speaker(user=make.attendee("Announced").user)
    make.attendee("Nobody")

    flags = {who.name: who for who in Attendee.objects.annotate(on_duty=clashes.has_duties())}

    assert {name for name, who in flags.items() if who.on_duty} == {"Ada", "Grace"}
    with django_assert_num_queries(0):
        assert clashes.commitments_of([flags["Nobody"]], registrations={}) == {flags["Nobody"].pk: []}
    with django_assert_num_queries(2):
        found = clashes.commitments_of(flags.values(), registrations={})
    assert {commitment.kind for commitment in found[helper.pk]} == {"speaking", "duty"}
    assert len(found[speaker.user.attendee.pk]) == 1


# --- What a clash means for a seat ------------------------------------------------------------------------------------


def expected_elsewhere(policy, **fields):
    """Somebody with a seat, and a session of an event with `policy` at the same time."""
    mine = make.session(title="Forum")
    who = make.registration(mine).attendee
    return who, mine, make.session(starts_at=mine.starts_at, event=make.event(clash_policy=policy), **fields)


def ask(wanted, who, **fields):
    return booking.register(booking.Ask(wanted, who, actor=who.user, **fields))


def seats_of(who):
    return set(Registration.objects.confirmed().filter(attendee=who).values_list("session", flat=True))


@pytest.mark.proves("clash-policy")
def test_where_an_event_only_warns_the_person_decides_knowing_of_the_clash():
    who, mine, wanted = expected_elsewhere("warn")

    with pytest.raises(booking.Clashing, match="Forum"):
        ask(wanted, who)
    assert seats_of(who) == {mine.pk}

    ask(wanted, who, despite=True)
    assert seats_of(who) == {mine.pk, wanted.pk}


@pytest.mark.proves("clash-policy")
@pytest.mark.parametrize("fields", [{}, {"despite": True}, {"let_in": True}])
def test_where_an_event_refuses_nobody_has_two_seats_at_once(fields):
    who, mine, wanted = expected_elsewhere("refuse")

    with pytest.raises(booking.Clashing, match="Forum"):
        ask(wanted, who, **fields)

    assert seats_of(who) == {mine.pk}


@pytest.mark.proves("clash-policy")
def test_where_an_event_swaps_one_seat_is_given_up_for_the_other_in_one_step():
    who, mine, wanted = expected_elsewhere("swap")
    held = Registration.objects.get(attendee=who)

    with pytest.raises(booking.Clashing, match="Forum"):
        ask(wanted, who, despite=True)
    assert seats_of(who) == {mine.pk}

    ask(wanted, who, leave=[held.uuid])
    assert seats_of(who) == {wanted.pk}
    assert (make.pool(mine).taken, make.pool(wanted).taken) == (0, 1)


@pytest.mark.proves("clash-policy")
def test_a_full_session_is_not_swapped_for_and_the_seat_is_kept():
    who, mine, wanted = expected_elsewhere("swap", seats=1)
    make.registration(wanted)

    with pytest.raises(booking.SeatRefused):
        ask(wanted, who, leave=[Registration.objects.get(attendee=who).uuid])

    assert seats_of(who) == {mine.pk}


@pytest.mark.proves("commitments")
@pytest.mark.parametrize("policy", ["refuse", "swap"])
def test_a_speech_is_not_left_for_a_seat(policy):
    who = make.attendee()
    speech = make.participation(speaker=make.speaker(user=who.user)).session
    wanted = make.session(starts_at=speech.starts_at, event=make.event(clash_policy=policy))

    with pytest.raises(booking.Clashing) as refused:
        ask(wanted, who, despite=True)

    assert not any(clash.can_be_left for clash in refused.value.clashes)
    assert seats_of(who) == set()


# --- A way that takes longer than it did ------------------------------------------------------------------------------


def test_an_organiser_who_lengthens_a_way_is_told_who_would_be_late_and_nobody_is_written_to(client: Client) -> None:
    begins = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    here, there = make.venue(name="Grand Palais"), make.venue(name="Station F")
    first = make.session(title="Puces", starts_at=begins, room=make.room(venue=here))
    second = make.session(title="Accueil", starts_at=begins + timedelta(minutes=90), room=make.room(venue=there))
    alone = make.session(title="Seule", starts_at=begins + timedelta(minutes=95), room=make.room(venue=there))
    way = TravelTime.objects.create(origin=here, destination=there, minutes=20)
    for _n in range(2):
        ada = make.attendee()
        make.registration(first, ada)
        make.registration(second, ada)
    make.registration(alone)
    full = make.session(seats=1, starts_at=begins + timedelta(minutes=90), room=make.room(venue=there))
    make.registration(full)
    booking.register(booking.Ask(full, ada, actor=ada.user, waits=True, despite=True))
    make.sign_in(client, make.organiser())
    mails = Message.objects.count()

    def save(model: str, pk: int, **fields: object) -> str:
        address = reverse(f"admin:venues_{model}_change", args=[pk])
        drawn = sent(client.get(address).content, f"{model}_form")
        return words(client.post(address, drawn | fields, follow=True).content.decode())

    assert "seraient en retard" not in save("traveltime", way.pk, minutes=30)
    page = save("traveltime", way.pk, minutes=45)
    assert "2 personnes seraient en retard de « Puces » à « Accueil » : le trajet prend 45 min." in page
    assert page.count("en retard") == 1
    assert Message.objects.count() == mails
    save("traveltime", way.pk, minutes=20)
    assert "le trajet prend 35 min." in save("venue", there.pk, security_minutes=15)


@pytest.mark.parametrize("people", [1, 4])
def test_who_would_be_late_is_found_in_four_queries(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sessions = [session(), session(75)]
    for person in make.attendees(people):
        for one in sessions:
            make.registration(one, person)
    venues = [one.room.venue_id for one in sessions]

    with django_assert_num_queries(4):
        [late] = clashes.late_between(venues, NOON - timedelta(days=1))

    assert (late.people, late.first, late.second) == (people, *sessions)
