"""The mails about a seat: in the person's language, with a calendar entry that every client reads the same."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from outbox.domain import delivery
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, pools, waitlist
from registrations.models import Registration
from tests import make
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db


def deliver_all() -> list:
    delivery.deliver_due()
    return mail.outbox


def calendar_of(message) -> Calendar:
    return Calendar.from_ical(next(a.content if hasattr(a, "content") else a[1] for a in message.attachments))


def test_the_confirmation_tells_what_when_and_where_in_french():
    room = make.room(name="Nef", venue=make.venue(name="Grand Palais", address="Avenue Winston-Churchill"))
    session = make.session(
        title_fr="Gouvernance", title_en="Governance", room=room, starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC)
    )

    make.registration(session)

    [message] = deliver_all()
    assert "Gouvernance" in message.subject
    assert "lundi 8\u00a0février 2027" in message.body
    assert "14 h 30".replace(" ", "\u00a0") in message.body
    assert "Grand Palais" in message.body
    html = message.alternatives[0][0]
    assert "Gouvernance" in html
    assert "Grand Palais" in html


@pytest.mark.proves("mail-language-and-time")
def test_the_confirmation_is_in_the_persons_language():
    session = make.session(
        title_fr="Gouvernance", title_en="Governance", starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC)
    )

    make.registration(session, make.attendee(language="en"))

    [message] = deliver_all()
    assert message.subject == "Your seat: Governance"
    assert "Monday 8\u00a0February 2027" in message.body


@pytest.mark.parametrize(("language", "room", "venue"), [("fr", "Nef", "Grand Palais"), ("en", "Nave", "Great Palace")])
def test_the_place_is_named_in_the_persons_language_in_the_mail_and_in_the_calendar(language, room, venue):
    place = make.venue(name_fr="Grand Palais", name_en="Great Palace", city="Paris")
    session = make.session(room=make.room(name_fr="Nef", name_en="Nave", venue=place))

    make.registration(session, make.attendee(language=language))

    [message] = deliver_all()
    html = message.alternatives[0][0]
    assert f"{venue}\n{room}" in message.body
    assert f"<bdi>{venue}</bdi><br><bdi>{room}</bdi>" in html
    [event] = calendar_of(message).walk("VEVENT")
    assert str(event["LOCATION"]) == f"{room}, {venue}, Paris"


@pytest.mark.proves("mail-language-and-time")
def test_the_calendar_entry_stands_in_the_venues_zone():
    session = make.session(title="Puces", starts_at=datetime(2027, 2, 8, 13, 30, tzinfo=UTC), minutes=90)
    registration = make.registration(session)

    [message] = deliver_all()

    calendar = calendar_of(message)
    [event] = calendar.walk("VEVENT")
    assert event["UID"].startswith(str(registration.uuid))
    assert event["DTSTART"].to_ical() == b"20270208T143000"
    assert event["DTSTART"].params["TZID"] == "Europe/Paris"
    assert event["DTEND"].to_ical() == b"20270208T160000"
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Paris"]


@pytest.mark.proves("mail-language-and-time")
def test_a_cancellation_carries_the_same_entry_cancelled():
    registration = make.registration()
    deliver_all()
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    first, second = deliver_all()

    [before], [after] = calendar_of(first).walk("VEVENT"), calendar_of(second).walk("VEVENT")
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert (before["STATUS"], after["STATUS"]) == ("CONFIRMED", "CANCELLED")


@pytest.mark.proves("no-untrue-mail")
def test_a_confirmation_that_is_no_longer_true_is_dropped():
    registration = make.registration()
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user)

    sent = deliver_all()

    assert len(sent) == 1
    assert Message.objects.get(kind="registrations.confirmed").status == Message.Status.DROPPED


@pytest.mark.proves("no-forged-text")
def test_a_hostile_title_stays_one_property_and_plain_text():
    """No header, no calendar property and no markup is born from a title."""
    session = make.session(title="Talk\r\nATTENDEE:mailto:evil@example.org <script>alert(1)</script>")
    make.registration(session)

    [message] = deliver_all()

    assert "\n" not in message.subject
    [event] = calendar_of(message).walk("VEVENT")
    assert "evil" not in event["ATTENDEE"]
    assert "<script>" not in message.alternatives[0][0]


def test_registering_again_after_a_cancellation_is_confirmed_by_a_mail_of_its_own():
    registration = make.registration()
    session, ada = registration.session, registration.attendee
    booking.cancel(session, ada, actor=ada.user)
    booking.register(booking.Ask(session, ada, actor=ada.user))

    assert Message.objects.filter(kind="registrations.confirmed").count() == 2
    assert Registration.objects.count() == 2


# --- What the waiting list, the organisers and the hours bring about --------------------------------------------------

Ending = Registration.Ending
REASON = "Je prépare une thèse.\nElle porte sur ce sujet."


def last_mail_to(who):
    """The last mail to `who` of those that are due, after all have gone out."""
    return [message for message in deliver_all() if message.to == [who.user.email]][-1]


def both_parts(message) -> tuple[str, str]:
    return words(message.body), words(message.alternatives[0][0])


def in_line(language="fr", **fields):
    """Somebody who waits for the one seat of a session, and who has it."""
    session = make.session(seats=1, **fields)
    holder, ada = make.registration(session).attendee, make.attendee(language=language)
    return session, holder, booking.register(booking.Ask(session, ada, actor=ada.user, waits=True))


def give_back(session, who):
    booking.cancel(session, who, actor=who.user)


@pytest.mark.proves("every-change-told")
@pytest.mark.parametrize(
    ("language", "subject", "opening"),
    [
        ("fr", "Une place pour vous : ", "Ada Lovelace, une place s’est libérée : elle est à vous."),
        ("en", "A seat for you: ", "Ada Lovelace, a seat has become free: it’s yours."),
    ],
)
def test_a_seat_that_comes_from_the_line_is_told_as_such(language, subject, opening):
    session, holder, waiting = in_line(language)
    give_back(session, holder)

    message = last_mail_to(waiting.attendee)

    assert words(message.subject) == f"{subject}{session.title}"
    for part in both_parts(message):
        assert opening in part
    [event] = calendar_of(message).walk("VEVENT")
    assert event["STATUS"] == "CONFIRMED"


@pytest.mark.proves("question-before-giving-up")
@pytest.mark.parametrize(
    ("language", "until"),
    [("fr", r"Elle vous est gardée jusqu’au \w+ .* à \d+ h \d\d\."), ("en", r"held for you until \w+ .* at ")],
)
def test_an_offer_says_until_when_and_its_button_changes_nothing(client, language, until):
    session, holder, waiting = in_line(language, waiting_list=Session.WaitingList.OFFER)
    give_back(session, holder)

    message = last_mail_to(waiting.attendee)

    for part in both_parts(message):
        assert re.search(until, part), part
    assert message.attachments == []
    prefix = "/en" if language == "en" else ""
    address = f"http://testserver{prefix}{reverse('registrations:seat', args=[session.slug])}"
    assert address in message.body and f'href="{address}"' in message.alternatives[0][0]
    make.sign_in(client, waiting.attendee).get(address)
    waiting.refresh_from_db()
    assert waiting.status == "offered"


@pytest.mark.proves("no-untrue-mail")
def test_an_offer_that_is_answered_or_over_is_not_told():
    for ends in ("accepted", "over"):
        session, holder, waiting = in_line(waiting_list=Session.WaitingList.OFFER)
        give_back(session, holder)
        if ends == "accepted":
            booking.accept(session, waiting.attendee, actor=waiting.attendee.user)
        else:
            Registration.objects.filter(pk=waiting.pk).update(offer_expires_at=timezone.now())
        deliver_all()
        offer = Message.objects.get(kind="registrations.offered", to=waiting.attendee.user.email)
        assert offer.status == Message.Status.DROPPED, ends


def test_an_offer_that_was_accepted_is_a_seat_like_any_other():
    session, holder, waiting = in_line(waiting_list=Session.WaitingList.OFFER)
    give_back(session, holder)
    booking.accept(session, waiting.attendee, actor=waiting.attendee.user)

    assert "votre place est confirmée." in words(last_mail_to(waiting.attendee).body)


def requested(language="fr", **fields):
    ada = make.attendee(language=language)
    session = make.session(access=Session.Access.APPROVAL, **fields)
    return booking.register(booking.Ask(session, ada, actor=ada.user, reason=REASON))


def test_a_request_is_acknowledged_with_what_was_written():
    message = last_mail_to(requested().attendee)

    assert message.subject.startswith("Demande transmise")
    assert "> Je prépare une thèse.\n> Elle porte sur ce sujet.\n" in message.body
    assert "Je prépare une thèse.<br>Elle porte" in message.alternatives[0][0]
    assert "Une place vous est gardée" in words(message.body)
    assert message.attachments == []


def test_a_request_that_comes_from_the_waiting_list_is_acknowledged_then():
    holder = requested(seats=1)
    ada = make.attendee()
    booking.register(booking.Ask(holder.session, ada, actor=ada.user, reason=REASON, waits=True))
    give_back(holder.session, holder.attendee)

    assert last_mail_to(ada).subject.startswith("Demande transmise")


@pytest.mark.proves("every-change-told")
@pytest.mark.parametrize(
    ("grant", "subject", "opening"),
    [
        (True, "Demande acceptée : ", "les organisateurs ont accepté votre demande : vous avez une place."),
        (False, "Votre demande : ", "les organisateurs ne peuvent pas vous donner de place dans cette session."),
    ],
)
def test_the_organisers_decision_comes_with_their_answer(grant, subject, opening):
    registration = requested()
    booking.decide(
        registration, grant=grant, answer="Merci de votre intérêt.\n<b>À bientôt</b>", actor=make.organiser()
    )

    message = last_mail_to(registration.attendee)

    assert words(message.subject).startswith(subject)
    assert opening in words(message.body)
    assert "> Merci de votre intérêt.\n> <b>À bientôt</b>\n" in message.body, "as it was written, in plain text"
    assert "Merci de votre intérêt.<br>&lt;b&gt;À bientôt&lt;/b&gt;" in message.alternatives[0][0]
    assert bool(message.attachments) == grant


@pytest.mark.proves("every-change-told")
def test_whoever_is_moved_to_the_line_is_told_their_place_and_the_entry_goes():
    session = make.session(seats=2)
    _first, last = make.registration(session), make.registration(session)
    deliver_all()
    pools.lower_capacity(session, 1, pools.Lowering.MOVE, actor=make.organiser())

    message = last_mail_to(last.attendee)

    assert "Nous avons dû reprendre votre place et vous prions de nous en excuser." in words(message.body)
    assert "Vous êtes au rang 1 de la liste d’attente." in words(message.body)
    [event] = calendar_of(message).walk("VEVENT")
    assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)


@pytest.mark.proves("mail-language-and-time")
def test_a_seat_that_is_lost_and_comes_back_replaces_the_entry_each_time():
    """Each later entry has a higher number than all before."""
    session = make.session(seats=2)
    _first, last = make.registration(session), make.registration(session)
    deliver_all()
    pools.lower_capacity(session, 1, pools.Lowering.MOVE, actor=make.organiser())
    deliver_all()
    fresh = Session.objects.get(pk=session.pk)
    fresh.capacity = 2
    fresh.save()

    entries = [
        calendar_of(message).walk("VEVENT")[0] for message in deliver_all() if message.to == [last.attendee.user.email]
    ]

    assert [(str(entry["STATUS"]), entry["SEQUENCE"]) for entry in entries] == [
        ("CONFIRMED", 0),
        ("CANCELLED", 1),
        ("CONFIRMED", 2),
    ]
    assert len({str(entry["UID"]) for entry in entries}) == 1


ENDINGS = {
    Ending.BY_PERSON: ("Place libérée : ", "votre place est libérée.", "seat"),
    Ending.BY_ORGANISERS: (
        "Inscription annulée : ",
        "les organisateurs ont annulé votre inscription à cette session.",
        "programme",
    ),
    Ending.SWAPPED: ("Place quittée : ", "vous avez quitté cette session pour une autre.", "me"),
}


@pytest.mark.proves("every-change-told")
@pytest.mark.parametrize("ending", ENDINGS)
def test_each_end_of_a_seat_is_told_in_its_words_and_takes_the_entry_out(ending):
    registration = make.registration()
    subject, opening, leads_to = ENDINGS[ending]
    booking.cancel(registration.session, registration.attendee, actor=registration.attendee.user, ending=ending)

    message = last_mail_to(registration.attendee)

    assert words(message.subject) == f"{subject}{registration.session.title}"
    assert leads_to in re.search(r'class="button"[^>]*><a href="([^"]+)"', message.alternatives[0][0])[1]
    for part in both_parts(message):
        assert opening in part
        assert "Le fichier joint retire la session de votre agenda." in part
    assert calendar_of(message).walk("VEVENT")[0]["STATUS"] == "CANCELLED"


@pytest.mark.proves("every-change-told")
@pytest.mark.parametrize(
    ("declines", "subject", "opening"),
    [
        (
            True,
            "Place déclinée : ",
            (
                "vous avez décliné la place qui vous était proposée : elle va à la personne suivante sur la liste "
                "d’attente."
            ),
        ),
        (
            False,
            "Proposition expirée : ",
            (
                "le délai de réponse est passé : la place qui vous était proposée est allée à la personne suivante "
                "sur la liste d’attente."
            ),
        ),
    ],
)
def test_an_offer_that_ends_is_told_and_carries_no_entry(declines, subject, opening):
    session, holder, waiting = in_line(waiting_list=Session.WaitingList.OFFER)
    give_back(session, holder)
    if declines:
        give_back(session, waiting.attendee)
    else:
        waitlist.expire_offers(timezone.now() + timedelta(days=2))

    message = last_mail_to(waiting.attendee)

    assert words(message.subject).startswith(subject)
    assert opening in words(message.body)
    assert message.attachments == []


def test_a_request_that_is_withdrawn_is_told_and_carries_no_entry():
    registration = requested()
    give_back(registration.session, registration.attendee)

    message = last_mail_to(registration.attendee)

    assert words(message.subject).startswith("Demande retirée : ")
    assert message.attachments == []
    assert Message.objects.get(kind="registrations.requested").status == Message.Status.DROPPED


@pytest.mark.proves("every-change-told")
def test_a_cancelled_session_tells_those_with_a_seat_and_those_on_the_waiting_list():
    session, holder, waiting = in_line()
    deliver_all()
    session = Session.objects.get(pk=session.pk)
    session.status = Session.Status.CANCELLED
    session.save()

    for who, entry in ((holder, True), (waiting.attendee, False)):
        message = last_mail_to(who)
        assert "cette session est annulée." in words(message.body)
        assert f"?day={session.day:%Y-%m-%d}" in message.body
        assert bool(message.attachments) == entry


def test_a_session_that_takes_place_after_all_is_not_told_as_cancelled():
    registration = make.registration()
    for status in (Session.Status.CANCELLED, Session.Status.PUBLISHED):
        session = Session.objects.get(pk=registration.session_id)
        session.status = status
        session.save()

    message = last_mail_to(registration.attendee)

    assert "Elle a finalement lieu." in words(message.body)
    assert words(message.subject).startswith("Finalement maintenue : ")


@pytest.mark.proves("every-change-told")
def test_leaving_a_waiting_list_sends_no_mail():
    session, _holder, waiting = in_line()
    give_back(session, waiting.attendee)
    deliver_all()

    mails = Message.objects.filter(to=waiting.attendee.user.email)
    assert [(message.kind, message.status) for message in mails] == [("registrations.waiting", Message.Status.DROPPED)]


@pytest.mark.proves("every-change-told")
@pytest.mark.parametrize(
    ("language", "opening"), [("fr", "cette session est complète"), ("en", "this session is full")]
)
def test_whoever_joins_a_waiting_list_is_told_their_place(language, opening):
    session, _holder, first = in_line(language)
    second = make.attendee(language=language)
    booking.register(booking.Ask(session, second, actor=second.user, waits=True))

    for who, place in ((first.attendee, 1), (second, 2)):
        [message] = [message for message in deliver_all() if message.to == [who.user.email]]
        for part in both_parts(message):
            assert opening in part and {"fr": f"rang {place} ", "en": f"number {place} "}[language] in part
    mail.outbox.clear()


@pytest.mark.proves("every-change-told")
def test_an_offer_that_is_about_to_end_is_told_in_its_last_quarter(time_machine):
    session, holder, waiting = in_line(waiting_list=Session.WaitingList.OFFER, offer_hours=24)
    give_back(session, holder)
    waiting.refresh_from_db()
    deliver_all()
    told = Message.objects.get(kind="registrations.offer_ends")
    assert abs(told.not_before - (waiting.offer_expires_at - timedelta(hours=6))) < timedelta(seconds=5)

    time_machine.move_to(told.not_before + timedelta(seconds=1), tick=False)

    message = last_mail_to(waiting.attendee)
    assert "réponse est attendue" in message.subject
    assert all("vous n’avez pas encore répondu" in part for part in both_parts(message))


def test_an_offer_that_was_answered_is_not_told_of_again(time_machine):
    session, holder, waiting = in_line(waiting_list=Session.WaitingList.OFFER, offer_hours=24)
    give_back(session, holder)
    booking.accept(session, waiting.attendee, actor=waiting.attendee.user)
    told = Message.objects.get(kind="registrations.offer_ends")

    time_machine.move_to(told.not_before + timedelta(seconds=1), tick=False)
    deliver_all()

    told.refresh_from_db()
    assert told.status == Message.Status.DROPPED


def test_a_hostile_reason_and_answer_stay_text():
    registration = requested()
    Registration.objects.filter(pk=registration.pk).update(
        reason="Bcc: evil@example.org\n<script>alert(1)</script>\n-- \nSigné"
    )

    message = last_mail_to(registration.attendee)

    assert message.bcc == [] and message.to == [registration.attendee.user.email]
    assert "<script>" not in message.alternatives[0][0]
    assert "> -- \n> Signé" in message.body, "what was written is quoted, line by line"
