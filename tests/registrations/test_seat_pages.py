"""What the page of a session says of its seat in every state, and what its buttons do (docs/rules.md#seats)."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from programme.models import Duty, Event, Session
from registrations.domain import booking, pools, waitlist
from registrations.models import IdempotencyKey, Invitation, Limit, Membership, Party, Registration
from tests import make
from tests.registrations.pages import box, form, forms, row, send, url, words

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: what they say of a seat is decided in Python, by rules that run on both"),
]

Mode = Session.WaitingList
Status = Registration.Status
Policy = Event.ClashPolicy
NOW = timezone.now()
NOON = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
REASON = "Je prépare une thèse sur ce sujet."


@pytest.fixture
def ada(client):
    ada = make.attendee()
    make.sign_in(client, ada)
    return ada


def ask(session, who=None, **options):
    who = who or make.attendee()
    return booking.register(booking.Ask(session, who, actor=who.user, **{"waits": True, "despite": True} | options))


def full(waiting=0, **fields):
    """A session of one seat, which somebody has, with `waiting` people on the waiting list."""
    session = make.session(seats=1, **fields)
    for _who in range(1 + waiting):
        ask(session, reason=REASON)
    return session


def give_back(session):
    """Whoever has a seat in `session` gives it back."""
    for registration in Registration.objects.filter(session=session, status=Status.CONFIRMED):
        booking.cancel(session, registration.attendee, actor=registration.attendee.user)


def status_of(session, who):
    mine = Registration.objects.filter(session=session, attendee=who).order_by("pk").last()
    return mine and (mine.status if mine.status not in Registration.ENDED else mine.ending)


def sign_in(who):
    return make.sign_in(Client(), who)


# --- Open -------------------------------------------------------------------------------------------------------------


def test_an_open_session_counts_its_seats_and_says_what_a_click_may_bring(client, ada):
    session = make.session(seats=2)
    page = box(client, session)

    assert "2 places libres sur 2" in words(page)
    assert "Si elle se remplit entre-temps, vous serez sur la liste d’attente." in words(page)
    fields = form(page, "Réserver ma place").fields
    assert (fields["seen"], fields["next"]) == ([""], [url("seat", session)])
    assert uuid.UUID(fields["key"][0])


def test_without_a_waiting_list_none_is_promised(client, ada):
    assert "liste d’attente" not in words(box(client, make.session(waiting_list=Mode.NONE)))


@pytest.mark.proves("seat-states-in-words")
def test_a_stranger_reads_the_same_and_signs_in(client):
    page = box(client, make.session(seats=2))

    assert "2 places libres sur 2" in words(page)
    assert "Se connecter pour réserver" in words(page)
    assert forms(page) == []


# --- Clashes ----------------------------------------------------------------------------------------------------------


def two_at_once(ada, policy=Policy.WARN, **fields):
    """A session in which Ada has a seat, and one at the same time of an event with `policy`."""
    held = make.session(title="Portes ouvertes", starts_at=NOON)
    ask(held, ada)
    return held, make.session(starts_at=NOON, event=make.event(clash_policy=policy), **fields)


@pytest.mark.proves("clash-before-click")
def test_a_clash_is_told_before_the_click_and_both_can_be_taken(client, ada):
    held, wanted = two_at_once(ada)
    page = box(client, wanted)

    assert "Vous avez une place dans « Portes ouvertes » au même moment." in words(page)
    send(client, form(page, "Réserver quand même"))
    assert (status_of(held, ada), status_of(wanted, ada)) == ("confirmed", "confirmed")


@pytest.mark.proves("clash-before-click")
@pytest.mark.parametrize("policy", [Policy.WARN, Policy.SWAP])
def test_one_seat_is_changed_for_the_other_in_one_click(client, ada, policy):
    held, wanted = two_at_once(ada, policy)
    page = box(client, wanted)

    assert "Vous ne quittez rien sans avoir obtenu cette place." in words(page)
    answer = send(client, form(page, "Quitter « Portes ouvertes » et réserver"))

    assert "Votre place est confirmée" in words(answer.content.decode())
    assert (status_of(held, ada), status_of(wanted, ada)) == ("swapped", "confirmed")


def test_where_one_must_choose_nothing_offers_both_and_an_old_form_gets_none(client, ada):
    held, wanted = two_at_once(ada, Policy.SWAP)

    assert [form.button for form in forms(box(client, wanted))] == ["Quitter « Portes ouvertes » et réserver"]
    answer = client.post(
        url("register", wanted), {"seen": "", "despite": "1"}, headers={"HX-Request": "true", "HX-Target": "seat-box"}
    )

    assert "Rien n’est encore réservé" in words(answer.content.decode())
    assert form(answer.content.decode(), "Quitter « Portes ouvertes » et réserver")
    assert (status_of(held, ada), status_of(wanted, ada)) == ("confirmed", None)


@pytest.mark.proves("clash-before-click")
def test_where_a_clash_is_refused_the_page_says_why_and_what_to_do(client, ada):
    held, wanted = two_at_once(ada, Policy.REFUSE)
    page = box(client, wanted)

    assert "On ne peut pas être aux deux. Pour venir ici, commencez par quitter « Portes ouvertes »" in words(page)
    assert f'href="{url("seat", held)}"' in page
    assert forms(page) == []


@pytest.mark.proves("clash-before-click")
@pytest.mark.parametrize(
    ("policy", "buttons"), [(Policy.WARN, ["Réserver quand même"]), (Policy.SWAP, []), (Policy.REFUSE, [])]
)
def test_nobody_leaves_a_speech_by_a_button(client, ada, policy, buttons):
    spoken = make.session(title="Puces", starts_at=NOON)
    make.participation(session=spoken, speaker=make.speaker(user=ada.user))
    page = box(client, make.session(starts_at=NOON, event=make.event(clash_policy=policy)))

    assert "Vous intervenez dans « Puces » au même moment." in words(page)
    assert ("Si vous n’y intervenez plus, dites-le aux organisateurs." in words(page)) == (not buttons)
    assert [form.button for form in forms(page)] == buttons


def test_a_duty_counts_too(client, ada):
    Duty.objects.create(session=make.session(title="Accueil", starts_at=NOON), user=ada.user)
    page = box(client, make.session(starts_at=NOON, event=make.event(clash_policy=Policy.REFUSE)))

    assert "Vous êtes de service dans « Accueil » au même moment. On ne peut pas être aux deux." in words(page)
    assert "Si l’on n’y a plus besoin de vous, dites-le aux organisateurs." in words(page)


def test_many_clashes_are_counted_not_listed(client, ada):
    for n in range(5):
        ask(make.session(title=f"Séance {n}", starts_at=NOON), ada)
    page = box(client, make.session(starts_at=NOON))

    assert words(page).count("au même moment") == 3
    assert "Et 2 autres." in words(page)
    assert len(form(page, "Quitter ces 5 sessions et réserver").fields["leave"]) == 5


def test_a_full_session_is_no_reason_to_give_up_a_seat(client, ada):
    """Only a place on the waiting list is changed for a place on the waiting list."""
    held, wanted = two_at_once(ada)
    ask(wanted)
    Session.objects.filter(pk=wanted.pk).update(capacity=1)
    wanted.refresh_from_db()
    wanted.save()

    assert [form.button for form in forms(box(client, wanted))] == ["Attendre quand même"]
    booking.cancel(held, ada, actor=ada.user)
    ask(full(title="Portes ouvertes", starts_at=NOON), ada)
    assert [form.button for form in forms(box(client, wanted))] == [
        "Attendre quand même",
        "Quitter « Portes ouvertes » et attendre ici",
    ]


# --- Full, and the waiting list ---------------------------------------------------------------------------------------

HOW = {
    Mode.AUTOMATIC: (
        "Dès qu’une place se libère, la première personne de la liste d’attente la reçoit ; un courriel le lui annonce."
    ),
    Mode.OFFER: "proposée par courriel à la première personne de la liste d’attente, qui a 12 heures pour accepter",
    Mode.DRAW: "parmi toutes les personnes alors en attente : arriver tôt n’y change rien.",
    Mode.BY_HAND: "Les organisateurs choisissent à qui va une place qui se libère.",
    Mode.NONE: "Il n’y a pas de liste d’attente. Une place libérée peut être reprise ici aussitôt : revenez voir.",
}


@pytest.mark.proves("waitlist-modes", "waitlist-before-joining")
@pytest.mark.parametrize("mode", Mode.values)
def test_a_full_session_says_to_everybody_how_its_waiting_list_works(client, mode):
    session = full(
        waiting=0 if mode == Mode.NONE else 2, waiting_list=mode, offer_hours=12, draw_at=NOW + timedelta(days=1)
    )
    strangers, page = box(client, session), box(sign_in(make.attendee()), session)

    for seen in (strangers, page):
        assert HOW[mode] in words(seen)
        assert ("Complet · 2 en attente" in words(seen)) == (mode != Mode.NONE)
    assert [form.button for form in forms(page)] == ([] if mode == Mode.NONE else ["Rejoindre la liste d’attente"])
    assert ("Se connecter pour rejoindre la liste d’attente" in words(strangers)) == (mode != Mode.NONE)


@pytest.mark.proves("waitlist-before-joining")
def test_whoever_joins_the_waiting_list_reads_their_place(client, ada):
    session = full(waiting=2)

    answer = send(client, form(box(client, session), "Rejoindre la liste d’attente"))

    assert "Cette session est complète : vous êtes au rang 3 de la liste d’attente." in words(answer.content.decode())
    ask(session)
    assert "Votre rang 3 sur 4" in words(box(client, session))
    assert HOW[Mode.AUTOMATIC] in words(box(client, session))


@pytest.mark.proves("waitlist-before-joining")
def test_free_seats_that_go_to_the_waiting_list_first_are_not_promised_to_newcomers(client, ada):
    session = full(waiting=2, waiting_list=Mode.BY_HAND)
    give_back(session)
    page = box(client, session)

    assert "2 en attente 1 place libre ira à quelqu’un qui attend" in words(page)
    answer = send(client, form(page, "Rejoindre la liste d’attente"))
    assert "Vous êtes sur la liste d’attente : les organisateurs vous y voient." in words(answer.content.decode())
    assert status_of(session, ada) == "waiting"


@pytest.mark.on_both("runs a statement that no other test runs")
def test_before_lots_are_drawn_the_page_says_when_and_no_place(client, ada):
    session = full(waiting=1, waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1))
    answer = send(client, form(box(client, session), "Rejoindre la liste d’attente"))
    page = box(client, session)

    assert "Vous êtes sur la liste d’attente et participez au tirage au sort." in words(answer.content.decode())
    assert "Tirage au sort" in words(page) and "2 personnes y participent" in words(page)
    assert "Votre rang" not in words(page)


@pytest.mark.proves("draw-page")
def test_after_lots_are_drawn_everybody_sees_theirs(client, ada):
    session = full(waiting=2, waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1))
    mine = ask(session, ada)
    waitlist.draw(session, NOW + timedelta(days=2), seed="graine")
    mine.refresh_from_db()
    page = box(client, session)

    assert f"Votre rang au tirage : {mine.lot} sur 3" in words(page)
    assert f"Votre rang {mine.lot} sur 3" in words(page)
    assert f'href="{url("draw", session)}#{mine.uuid}"' in page


@pytest.mark.proves("waitlist-before-joining")
@pytest.mark.parametrize("policy", [Policy.REFUSE, Policy.SWAP])
def test_whoever_is_passed_over_for_a_clash_reads_it(client, ada, policy):
    session = full(starts_at=NOON, event=make.event(clash_policy=policy))
    ask(session, ada)
    ask(make.session(title="Puces", starts_at=NOON), ada)
    page = words(box(client, session))

    assert "Vous avez une place dans « Puces » au même moment." in page
    assert "une place qui se libère passe à la personne suivante ; vous gardez votre rang." in page


def test_once_a_session_has_begun_nobody_is_told_to_wait(client, ada):
    session = full()
    ask(session, ada)
    Session.objects.filter(pk=session.pk).update(starts_at=NOW - timedelta(minutes=5))

    assert "Cette session a commencé : les inscriptions sont closes." in words(box(client, session))
    assert "Votre rang" not in words(box(client, session))


# --- Waiting together -------------------------------------------------------------------------------------------------


@pytest.mark.proves("waitlist-before-joining")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_two_people_wait_together_by_a_code(client, ada):
    session, grace = full(), make.attendee("Grace Hopper")
    ask(session, ada)
    ask(session, grace)

    begun = send(client, form(box(client, session), "Former un groupe")).content.decode()
    code = Party.objects.get().code
    assert code in begun and "Donnez ce code" in words(begun) and "Votre groupe : vous, pour l’instant" in words(begun)

    joined = send(
        sign_in(grace), form(box(sign_in(grace), session), "Rejoindre"), code=f" {code.lower()} "
    ).content.decode()
    assert "une place pour chacun, ou aucune" in words(joined)
    assert "Votre groupe : 2 personnes" in words(joined)
    assert "Votre rang 2 sur 2" in words(box(client, session)), "a group stands where its last member stands"

    left = send(client, form(box(client, session), "Attendre de nouveau individuellement")).content.decode()
    assert "Vous attendez de nouveau individuellement." in words(left)
    assert "Votre rang 1 sur 2" in words(left)


@pytest.mark.proves("typed-text-kept")
@pytest.mark.parametrize("code", ["", "ABCDEFGH", "\0", "é" * 500, "\u202eABC", "<b>"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_a_code_that_is_none_is_an_error_beside_the_field(client, ada, code):
    session = full()
    ask(session, ada)

    answer = send(client, form(box(client, session), "Rejoindre"), code=code)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Ce code n’est celui d’aucun groupe en attente pour cette session." in words(page)
    assert 'aria-invalid="true"' in page and '<a href="#seat-code">' in page and 'id="seat-code-error"' in page


def test_what_was_typed_stays_also_without_a_script(client, ada):
    session = full()
    ask(session, ada)

    answer = send(client, form(box(client, session), "Rejoindre"), target="", code="ZZZZZZZZ")

    assert answer.status_code == 422
    assert "<h1" in answer.content.decode()
    assert 'value="ZZZZZZZZ"' in answer.content.decode()


@pytest.mark.proves("draw-page")
def test_a_group_that_was_drawn_is_closed_for_its_code_is_published(client, ada):
    session = full(waiting_list=Mode.DRAW, draw_at=NOW + timedelta(hours=1))
    first = ask(session)
    party = waitlist.start_party(first, actor=first.attendee.user)
    waitlist.draw(session, NOW + timedelta(hours=2))
    ask(session, ada)

    answer = send(client, form(box(client, session), "Rejoindre"), code=party.code)

    assert "Ce groupe a déjà été tiré au sort : on ne peut plus le rejoindre." in words(answer.content.decode())
    assert party.registrations.count() == 1


def test_only_those_who_wait_wait_together(client, ada):
    assert client.post(url("party", full())).status_code == 404


# --- Offers -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def offer(ada):
    session = full(waiting_list=Mode.OFFER, starts_at=NOON, event=make.event(clash_policy=Policy.SWAP))
    ask(session, ada)
    give_back(session)
    assert status_of(session, ada) == "offered"
    return session


def test_an_offer_says_until_when_and_is_accepted(client, ada, offer):
    page = box(client, offer)

    assert "Une place vous est proposée" in words(page)
    assert "Gardée pour vous jusqu’au" in words(page)
    assert "encore 23 h 59" in words(page)
    answer = send(client, form(page, "Accepter cette place"))
    assert "Votre place est confirmée" in words(answer.content.decode())
    assert status_of(offer, ada) == "confirmed"


@pytest.mark.proves("question-before-giving-up")
def test_an_offer_is_declined_after_a_question(client, ada, offer):
    question = box(client, offer, "cancel")

    assert "Décliner cette place ? Elle ira à la personne suivante, et vous quitterez la liste d’attente." in words(
        question
    )
    assert status_of(offer, ada) == "offered"
    answer = send(client, form(question, "Décliner cette place"))
    assert "Place déclinée : elle n’est plus gardée pour vous." in words(answer.content.decode())
    assert status_of(offer, ada) == "offer_declined"


def test_an_offer_that_clashes_is_changed_for_what_one_has(client, ada, offer):
    held = make.session(title="Puces", starts_at=NOON)
    ask(held, ada)
    page = box(client, offer)

    assert "Vous avez une place dans « Puces » au même moment." in words(page)
    assert [form.button for form in forms(page)] == ["Quitter « Puces » et accepter"]
    send(client, form(page, "Quitter « Puces » et accepter"))
    assert (status_of(held, ada), status_of(offer, ada)) == ("swapped", "confirmed")


@pytest.mark.on_both("runs a statement that no other test runs")
def test_an_offer_that_is_over_is_no_longer_accepted_and_says_so(client, ada, offer):
    page = box(client, offer)
    Registration.objects.filter(attendee=ada).update(offer_expires_at=timezone.now())

    # The box offers the seat no more, and its form takes none.
    late = send(client, forms(box(client, offer))[0]).content.decode()
    answer = send(client, form(page, "Accepter cette place")).content.decode()

    assert "Cette proposition a expiré" in words(late) and "Cette proposition a expiré" in words(answer)
    assert (
        "Vous n’avez pas répondu à temps : la place qui vous était proposée est allée à la personne suivante"
        in words(answer)
    )
    assert status_of(offer, ada) == "offer_expired"


def test_nobody_accepts_the_offer_of_somebody_else(client, ada, offer):
    mallory = sign_in(make.attendee())

    answer = mallory.post(url("accept", offer), {"seen": ""}, headers={"HX-Request": "true", "HX-Target": "seat-box"})

    assert "Aucune place ne vous est proposée dans cette session." in words(answer.content.decode())
    assert status_of(offer, ada) == "offered"


# --- Requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holds", "before", "after"),
    [
        (
            True,
            "Une place vous est gardée jusqu’à leur réponse.",
            "Une place vous est gardée jusqu’à la réponse des organisateurs",
        ),
        (False, "Aucune place n’est gardée avant leur réponse.", "D’ici là, aucune place ne vous est gardée."),
    ],
)
def test_one_asks_with_a_reason_and_reads_it_again(client, ada, holds, before, after):
    session = make.session(access=Session.Access.APPROVAL, holds_requests=holds)
    page = box(client, session)
    assert before in words(page)

    answer = send(client, form(page, "Demander une place"), reason="Pour\r\nmon équipe").content.decode()

    assert "Votre demande est transmise aux organisateurs." in words(answer)
    assert "Ce que vous leur avez écrit" in words(answer) and "Pour<br>mon équipe" in answer
    assert after in words(answer)
    assert status_of(session, ada) == "pending"
    withdrawn = send(client, form(box(client, session, "cancel"), "Retirer ma demande"))
    assert "Votre demande est retirée." in words(withdrawn.content.decode())


@pytest.mark.proves("typed-text-kept")
@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("", "Dites aux organisateurs, en une phrase ou deux, pourquoi vous voulez venir."),
        ("   ", "Dites aux organisateurs, en une phrase ou deux, pourquoi vous voulez venir."),
        ("é" * 1001, "Raccourcissez : 1000 caractères au plus, et il y en a 1001."),
        ("Bon\u202ejour", "Ce texte contient un caractère"),
        ("\0", "caractère"),
    ],
)
@pytest.mark.parametrize("target", ["seat-box", ""])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_a_reason_that_cannot_be_sent_is_an_error_beside_the_field_with_the_text_kept(
    client, ada, reason, error, target
):
    session = make.session(access=Session.Access.APPROVAL)

    answer = send(client, form(box(client, session), "Demander une place"), target=target, reason=reason)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert error in words(page)
    assert '<a href="#seat-reason">' in page and 'aria-invalid="true"' in page
    assert reason.strip("\0 ") in page
    assert status_of(session, ada) is None


def test_a_line_break_counts_once(client, ada):
    session = make.session(access=Session.Access.APPROVAL)

    send(client, form(box(client, session), "Demander une place"), reason="\r\n".join(["a"] * 500))

    assert len(Registration.objects.get().reason) == 999


@pytest.mark.proves("typed-text-kept")
def test_a_request_beside_a_clash_keeps_its_reason_when_nothing_comes_of_it(client, ada):
    """A form drawn before the clash was there: the reason is not lost, with a script or without."""
    session = make.session(access=Session.Access.APPROVAL, starts_at=NOON)
    drawn = form(box(client, session), "Demander une place")
    ask(make.session(title="Puces", starts_at=NOON), ada)

    for target in ("seat-box", ""):
        page = send(client, drawn, target=target, reason=REASON).content.decode()
        assert "Rien n’est encore réservé" in words(page)
        assert REASON in page
        assert [form.button for form in forms(page) if "reason" in form.fields] == ["Demander quand même"]


def test_a_request_that_was_not_granted_shows_the_answer_and_may_be_made_again(client, ada):
    session = make.session(access=Session.Access.APPROVAL)
    booking.decide(
        ask(session, ada, reason=REASON), grant=False, answer="La salle est trop petite.", actor=make.organiser()
    )
    page = box(client, session)

    assert "Demande non retenue Réponse des organisateurs La salle est trop petite." in words(page)
    send(client, form(page, "Demander une place"), reason=REASON)
    assert status_of(session, ada) == "pending"


def test_a_request_that_was_granted_shows_the_answer(client, ada):
    session = make.session(access=Session.Access.APPROVAL)
    booking.decide(ask(session, ada, reason=REASON), grant=True, answer="Avec plaisir.", actor=make.organiser())

    assert "Votre place est confirmée Réponse des organisateurs Avec plaisir." in words(box(client, session))


# --- Doors that are closed, or open for some --------------------------------------------------------------------------


@pytest.mark.proves("seat-states-in-words")
def test_a_door_that_is_not_open_yet_says_when(client, ada):
    session = make.session(registration_opens_at=NOW + timedelta(days=1))

    assert "Les inscriptions ouvriront le " in words(box(client, session))
    assert "Ouvre le " in words(row(client, session))


def test_a_door_that_is_closed_says_since_when(client, ada):
    session = make.session(
        registration_opens_at=NOW - timedelta(days=2), registration_closes_at=NOW - timedelta(days=1)
    )

    assert "Les inscriptions ont été closes le " in words(box(client, session))
    assert "Inscriptions closes" in words(row(client, session))


def test_a_cancelled_session_and_one_that_is_over_say_so(client, ada):
    cancelled, over = make.session(status=Session.Status.CANCELLED), make.session(starts_at=NOW - timedelta(days=1))

    assert "Cette session est annulée." in words(box(client, cancelled))
    assert "Cette session est terminée." in words(box(client, over))
    assert f"?day={over.day:%Y-%m-%d}" in box(client, over)


def test_a_seat_of_a_session_that_is_over_is_remembered(client, ada):
    session = make.session()
    ask(session, ada)
    Session.objects.filter(pk=session.pk).update(starts_at=NOW - timedelta(hours=2), ends_at=NOW - timedelta(hours=1))

    assert "Terminée Vous aviez une place." in words(box(client, session))
    assert "Annuler" not in words(box(client, session))


@pytest.mark.proves("seat-states-in-words")
def test_who_is_not_invited_reads_under_which_address(client, ada):
    session = make.session(access=Session.Access.INVITATION)

    assert f"Aucune invitation n’a été envoyée à {ada.user.email} ." in words(box(client, session))
    assert "J’ai une invitation : me connecter" in words(box(Client(), session))


def test_whoever_is_invited_takes_the_seat(client, ada):
    session = make.session(access=Session.Access.INVITATION)
    Invitation.objects.create(session=session, email=ada.user.email)
    page = box(client, session)

    assert "Vous avez une invitation" in words(page)
    assert "Vous avez une invitation" in words(row(client, session))
    send(client, form(page, "Réserver ma place"))
    assert status_of(session, ada) == "confirmed"


@pytest.mark.proves("seat-states-in-words")
def test_the_members_of_a_cohort_see_whose_seats_they_take(client, ada):
    session, cohort = make.session(seats=10, access=Session.Access.COHORT), make.cohort(name="Master MéDAS")
    pools.allot(session, cohort, 4, release_at=NOW + timedelta(days=1))
    assert "ne figure dans aucune des cohortes attendues ici." in words(box(client, session))
    assert "Je suis d’une cohorte : me connecter" in words(box(Client(), session))

    Membership.objects.create(cohort=cohort, attendee=ada)
    page = box(client, session)

    assert "Réservé pour vous Master MéDAS jusqu’au " in words(page)
    assert "4 places libres sur 4" in words(page)
    assert "Réservé pour vous" in words(row(client, session))
    send(client, form(page, "Réserver ma place"))
    assert Registration.objects.get().pool.cohort == cohort


@pytest.mark.proves("seat-states-in-words")
def test_at_the_limit_the_page_says_so_before_the_click(client, ada):
    event = make.event(title="Ateliers")
    Limit.objects.create(event=event, at_most=1)
    held, wanted = (
        make.session(event=event, starts_at=NOON),
        make.session(event=event, starts_at=NOON + timedelta(hours=3)),
    )
    ask(held, ada)
    page = box(client, wanted)

    assert "Limite atteinte « Ateliers » permet 1 place par personne : libérez-la pour prendre celle-ci." in words(page)
    assert forms(page) == []
    assert "Limite atteinte" in words(row(client, wanted))


def test_at_the_limit_a_seat_may_be_changed_for_one_that_clashes_with_it(client, ada):
    event = make.event(title="Ateliers")
    Limit.objects.create(event=event, at_most=1)
    held, wanted = make.session(title="Puces", event=event, starts_at=NOON), make.session(event=event, starts_at=NOON)
    ask(held, ada)
    page = box(client, wanted)

    assert [form.button for form in forms(page)] == ["Quitter « Puces » et réserver"]
    send(client, form(page, "Quitter « Puces » et réserver"))
    assert (status_of(held, ada), status_of(wanted, ada)) == ("swapped", "confirmed")


# --- Giving up --------------------------------------------------------------------------------------------------------

GOES_TO = {
    Mode.AUTOMATIC: (
        "Libérer votre place ? La première personne de la liste d’attente la recevra. Pour revenir, il vous faudrait "
        "attendre."
    ),
    Mode.OFFER: "Libérer votre place ? Elle sera proposée à la première personne de la liste d’attente.",
    Mode.BY_HAND: "Libérer votre place ? Les organisateurs la donneront à quelqu’un de la liste d’attente.",
    Mode.DRAW: "Libérer votre place ? Elle ira, par tirage au sort, à quelqu’un de la liste d’attente.",
}


@pytest.mark.proves("question-before-giving-up")
@pytest.mark.parametrize("mode", GOES_TO)
def test_before_a_seat_is_given_back_the_page_says_who_gets_it(client, ada, mode):
    session = make.session(seats=1, waiting_list=mode, draw_at=NOW + timedelta(days=1))
    ask(session, ada)
    ask(session)

    for page in (
        box(client, session, "cancel"),
        row(client, session, "cancel"),
        client.get(url("cancel", session)).content.decode(),
    ):
        assert GOES_TO[mode] in words(page)
    assert status_of(session, ada) == "confirmed"


@pytest.mark.proves("question-before-giving-up")
def test_leaving_the_waiting_list_says_what_is_lost(client, ada):
    session = full()
    ask(session, ada)
    question = box(client, session, "cancel")

    assert "Quitter la liste d’attente ? Vous perdrez votre rang : qui revient se place à la fin." in words(question)
    assert "Vous avez quitté la liste d’attente." in words(
        send(client, form(question, "Quitter la liste d’attente")).content.decode()
    )
    assert status_of(session, ada) == "left_waitlist"


def test_whoever_lost_the_seat_to_the_organisers_reads_it(client, ada):
    session = make.session()
    ask(session, ada)
    booking.cancel(session, ada, actor=make.organiser(), ending=Registration.Ending.BY_ORGANISERS)

    assert "Les organisateurs ont annulé votre inscription." in words(box(client, session))


# --- A form has its effect once ---------------------------------------------------------------------------------------


@pytest.mark.proves("idempotent-forms")
def test_a_form_sent_twice_is_answered_alike(client, ada):
    """Also where the second one comes after the session filled up."""
    session = make.session(seats=1)
    drawn = form(box(client, session), "Réserver ma place")

    first, again = send(client, drawn), send(client, drawn)

    assert "Votre place est confirmée" in words(first.content.decode()) and "Votre place est confirmée" in words(
        again.content.decode()
    )
    assert (Registration.objects.count(), IdempotencyKey.objects.count()) == (1, 1)


@pytest.mark.proves("idempotent-forms", "typed-text-kept")
def test_a_swap_sent_twice_changes_once(client, ada):
    held, wanted = two_at_once(ada)
    drawn = form(box(client, wanted), "Quitter « Portes ouvertes » et réserver")

    for _time in range(3):
        assert "Votre place est confirmée" in words(send(client, drawn).content.decode())

    assert (status_of(held, ada), status_of(wanted, ada)) == ("swapped", "confirmed")
    assert Registration.objects.count() == 2


@pytest.mark.proves("idempotent-forms", "typed-text-kept")
@pytest.mark.parametrize("target", ["seat-box", ""])
def test_a_key_with_something_else_in_its_form_is_refused(client, ada, target):
    """422, and nothing changes."""
    held, wanted = two_at_once(ada)
    both = form(box(client, wanted), "Réserver quand même")
    send(client, both)

    answer = send(client, both, target=target, leave=str(Registration.objects.get(session=held).uuid))

    assert answer.status_code == 422
    assert "Ce formulaire a déjà été envoyé, avec un autre contenu : rien n’a changé." in words(answer.content.decode())
    assert ("<h1" in answer.content.decode()) == (not target)
    assert (status_of(held, ada), status_of(wanted, ada)) == ("confirmed", "confirmed")


@pytest.mark.proves("idempotent-forms", "typed-text-kept")
def test_a_key_is_worth_nothing_to_somebody_else(client, ada):
    session, grace = make.session(), make.attendee()
    drawn = form(box(client, session), "Réserver ma place")
    send(client, drawn)

    assert "Votre place est confirmée" in words(send(sign_in(grace), drawn).content.decode())
    assert Registration.objects.confirmed().count() == 2


@pytest.mark.proves("idempotent-forms")
def test_a_form_sent_again_after_all_has_changed_tells_how_things_are(client, ada):
    session = make.session()
    drawn = form(box(client, session), "Réserver ma place")
    send(client, drawn)
    booking.cancel(session, ada, actor=ada.user)

    answer = send(client, drawn)

    assert Registration.objects.live().count() == 0
    assert answer.status_code == 200
    assert form(answer.content.decode(), "Réserver ma place")


# --- What others have, and odd bytes ----------------------------------------------------------------------------------


@pytest.mark.proves("typed-text-kept")
def test_nobody_gives_up_the_seat_of_somebody_else(client, ada):
    """`leave` names what is one's own; the codes of others, published or guessed, do nothing."""
    grace = make.attendee()
    theirs, wanted = make.session(starts_at=NOON), make.session(starts_at=NOON)
    other = ask(theirs, grace)

    send(client, form(box(client, wanted), "Réserver ma place"), leave=str(other.uuid))

    other.refresh_from_db()
    assert other.status == "confirmed"


@pytest.mark.proves("typed-text-kept")
@pytest.mark.parametrize(
    "odd", ["%00", "%C3%A9" * 20_000, "%ED%A0%80", "%FF", "%E2%80%AE", "'+OR+1=1", "%3Cscript%3E", "-1", "%0D%0A%0D%0A"]
)
@pytest.mark.parametrize("name", ["key", "seen", "leave", "despite", "reason", "next", "code"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_odd_bytes_in_any_field_never_crash(client, ada, name, odd):
    """An answer, never a crash, and never half a change."""
    session = full(waiting_list=Mode.OFFER)
    asked = make.session(access=Session.Access.APPROVAL)
    ask(session, ada)

    for act, where in [
        ("register", asked),
        ("accept", session),
        ("party", session),
        ("cancel", session),
        ("register", session),
    ]:
        body = f"{name}={odd}" if name == "seen" else f"seen=&{name}={odd}"
        answer = client.post(url(act, where), body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (200, 302, 404, 422), (act, answer.status_code)
        if answer.status_code == 302:
            assert answer.url.startswith("/")
    assert Registration.objects.live().filter(attendee=ada).count() <= 2


@pytest.mark.parametrize("slug", ["nulle-part", "%00", "a" * 300])
@pytest.mark.parametrize("act", ["seat", "register", "accept", "cancel", "party", "draw"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_a_session_that_is_none_is_not_found(client, ada, act, slug):
    address = reverse("registrations:seat", args=["x"]).replace("x", slug).replace("seat", act)

    assert client.post(address).status_code in (400, 404, 405)
    assert client.get(address).status_code in (400, 404, 405)


# --- Rows -------------------------------------------------------------------------------------------------------------


def test_a_row_says_how_many_wait(client, ada):
    session = full(waiting=12)

    assert "Complet · 12 en attente" in words(row(client, session))
    assert "Complet · 12 en attente" in words(row(Client(), session))
    assert form(row(client, session), f"Liste d’attente – {session.title}")


def test_a_row_names_the_firmest_clash_and_lets_one_choose_there(client, ada):
    ask(full(title="Attente", starts_at=NOON), ada)
    _held, wanted = two_at_once(ada)
    page = row(client, wanted)

    assert "Chevauche « Portes ouvertes »" in words(page)
    assert forms(page) == []
    assert f'hx-get="{url("seat", wanted)}?choose"' in page
    chosen = row(client, wanted, choose="")
    assert [form.button for form in forms(chosen)] == ["Réserver quand même", "Quitter ces 2 sessions et réserver"]
    answer = send(client, form(chosen, "Réserver quand même"), target=f"seat-{wanted.slug}")
    assert "Votre place" in words(answer.content.decode()) and "<h1" not in answer.content.decode()


def test_a_row_pressed_too_late_shows_the_clash_in_its_place(client, ada):
    wanted = make.session(starts_at=NOON)
    drawn = forms(row(client, wanted))[0]
    ask(make.session(title="Puces", starts_at=NOON), ada)

    answer = send(client, drawn, target=f"seat-{wanted.slug}").content.decode()

    assert "Rien n’est encore réservé" in words(answer)
    assert [form.button for form in forms(answer)] == ["Réserver quand même", "Quitter « Puces » et réserver"]


@pytest.mark.proves("seat-states-in-words")
@pytest.mark.parametrize(
    ("make_state", "said"),
    [
        (lambda ada: ask(make.session(), ada).session, "Votre place"),
        (lambda ada: ask(full(waiting=1), ada).session, "En attente · rang 2"),
        (
            lambda ada: ask(full(waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1)), ada).session,
            "En attente du tirage",
        ),
        (
            lambda ada: ask(make.session(access=Session.Access.APPROVAL), ada, reason=REASON).session,
            "Demande transmise",
        ),
        (lambda ada: make.session(access=Session.Access.APPROVAL), "100 places sur 100"),
        (lambda ada: make.session(access=Session.Access.PUBLIC), "Entrée libre"),
        (lambda ada: make.session(access=Session.Access.INVITATION), "Sur invitation"),
        (lambda ada: make.session(status=Session.Status.CANCELLED), "Annulée"),
        (lambda ada: make.session(starts_at=NOW - timedelta(minutes=5)), "En cours"),
        (lambda ada: make.session(starts_at=NOW - timedelta(days=1)), "Terminée"),
    ],
)
def test_a_row_says_each_state_in_its_words(client, ada, make_state, said):
    assert said in words(row(client, make_state(ada)))


def test_an_offer_is_accepted_from_its_row(client, ada, offer):
    page = row(client, offer)

    assert "Place proposée jusqu’au " in words(page)
    send(client, form(page, f"Accepter – {offer.title}"), target=f"seat-{offer.slug}")
    assert status_of(offer, ada) == "confirmed"


@pytest.mark.proves("clash-before-click")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_change_has_the_other_rows_of_the_day_looked_at_again(client, ada):
    """The page that is open shows the clash before the next click, not after it."""
    one, two = make.session(title="Puces", starts_at=NOON), make.session(starts_at=NOON)

    answer = send(client, forms(row(client, one))[0], target=f"seat-{one.slug}")

    assert "seats-changed" in answer["HX-Trigger-After-Swap"]
    assert f'name="but" value="{one.slug}"' in answer.content.decode()
    day = client.get(
        reverse("registrations:seats"), {"day": f"{one.day:%Y-%m-%d}", "but": ["", one.slug]}
    ).content.decode()
    assert f'id="seat-{one.slug}"' not in day
    assert "Chevauche « Puces »" in words(day) and f'id="seat-{two.slug}"' in day


def test_a_refusal_has_nothing_looked_at_again(client, ada):
    """In a rush the losers ask once."""
    session = full(waiting_list=Mode.NONE)

    answer = client.post(
        url("register", session), {"seen": ""}, headers={"HX-Request": "true", "HX-Target": f"seat-{session.slug}"}
    )

    assert "HX-Trigger-After-Swap" not in answer


# --- In English, and what it costs ------------------------------------------------------------------------------------


def test_the_page_speaks_english(client, ada, offer):
    page = client.get(
        "/en" + url("seat", offer), headers={"HX-Request": "true", "HX-Target": "seat-box"}
    ).content.decode()

    assert "You’ve been offered a seat" in words(page)
    assert form(page, "Accept this seat")


@pytest.mark.parametrize("others", [1, 3])
def test_a_box_costs_the_same_however_much_one_has(client, ada, django_assert_num_queries, others):
    for hours in range(1, 1 + others):
        ask(make.session(starts_at=NOON + timedelta(hours=hours)), ada)
    session = full(waiting=others, starts_at=NOON)

    # web session with account and attendee, session, pools, line, what is given out, what is live, what is mine,
    # limits, venues, ways
    with django_assert_num_queries(10):
        box(client, session)
