"""Words that pages are not laid out for, everywhere where somebody may write one."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone

from accounts.models import Attendee, User
from programme.models import Session
from registrations.domain import pools
from registrations.models import Invitation
from tests import make
from tests.partners import portal

WORD = "Donaudampfschiffahrtselektrizitätenhauptbetrie"
TITLE = "La souveraineté numérique européenne face aux grands modèles de langage : quelles règles, quels moyens, " * 3
ADDRESS = f"{'jean-baptiste.' * 4}x@{'departement-universitaire.' * 5}example"
ARABIC = "حوكمة (2027) – 3"
ONLY_ENGLISH = "Only written in English"
assert len(WORD) == 46

MORNING = timezone.now().replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=30)


def summit(words: str, **of_session: Any) -> tuple[User, Session, list[str]]:
    """An organiser who has a seat, works for an institution and is invited, in a summit whose every name is `words`;
    one session and the addresses of all pages about it."""
    who = make.organiser(words, email=f"a.{ADDRESS}")
    day = make.day(MORNING.date(), label=words)
    venue = make.venue(slug="odd", name=words, address=words, city=words[:80], accessibility_fr=words)
    institution = make.institution(name=words)
    event = make.event(title=words, organiser=words, venue=venue, city=words[:80])
    titled = {"title": words, "description_fr": f"{words}\n\nhttps://example.org/{'a' * 150}"} | of_session
    track, room = make.track(name=words[:150]), make.room(venue=venue, name=words)

    def session(at: datetime, **fields: Any) -> Session:
        return make.session(event=event, track=track, room=room, starts_at=at, **titled | fields)

    shown = session(MORNING)
    mine = session(MORNING + timedelta(hours=3), access=Session.Access.APPROVAL)
    make.registration(session(MORNING + timedelta(hours=5)), who.attendee)
    speaker = make.speaker(name=words[:150], role=words, organisation=words[:200])
    make.participation(session=shown, speaker=speaker)
    Invitation.objects.create(session=mine, email=who.email)
    allocation = make.allocation(shown, title=words)
    cohort = make.cohort(institution=institution, name=words)
    pools.allot(shown, cohort, 3)
    portal.role(institution, "owner", who)
    row = ["Lovelace", words[:60], ADDRESS, words[:40]]
    invitee = portal.invitee(cohort, row)
    upload = portal.upload(
        cohort, portal.text(row, ["Turing", words[:60], "x" * 80, "1"], portal.EMMY), who, name=words[:90]
    )
    at = [reverse("partners:institution", args=[institution.slug])]
    at += [f"{at[0]}team/", f"{at[0]}{cohort.slug}/", f"{at[0]}{cohort.slug}/add/"]
    people = [reverse(f"partners:{act}", args=[invitee.uuid]) for act in ("edit", "replace", "remove")]
    change = reverse("admin:programme_session_change", args=[shown.pk])
    desk = [reverse(f"admin:programme_session_{page}", args=[shown.pk]) for page in ("history", "waitlist", "capacity")]
    lists = ["programme/session", "programme/event", "programme/speaker", "venues/venue", "venues/room"]
    lists += ["registrations/registration", "registrations/institution", "registrations/cohort", "accounts/attendee"]
    addresses = ["/", f"/programme/?day={day.date}", f"/sessions/{shown.slug}/", f"/sessions/{shown.slug}/seat/"]
    addresses += [f"/sessions/{mine.slug}/seat/", event.get_absolute_url(), "/speakers/", speaker.get_absolute_url()]
    addresses += ["/venues/", "/venues/odd/", "/editions/", "/me/", "/accounts/profile/", "/me/mails/", "/me/calendar/"]
    addresses += ["/me/account/", "/me/account/object/", "/legal/", "/privacy/", "/cookies/", "/accessibility/"]
    addresses += ["/wishes/", reverse("allocations:allocation", args=[allocation.slug]), f"/nulle-part/{quote(words)}/"]
    addresses += [*at, *people, reverse("partners:review", args=[upload.uuid]), f"/invitations/{invitee.key}/"]
    addresses += [f"/admin/{name}/" for name in lists]
    addresses += [change, *desk, "/admin/programme/session/warnings/", "/admin/programme/session/import/", "/admin/"]
    assert isinstance(who.attendee, Attendee)
    return who, shown, addresses
