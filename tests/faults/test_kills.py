"""Processes that are killed while they give a seat, and many of them at one database."""

import json
import re
import signal
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outbox.models import Message
from registrations.domain import booking, invariants
from registrations.models import IdempotencyKey, Registration, SeatPool
from tests import make
from tests.processes import environment, run_python

pytestmark = pytest.mark.django_db(transaction=True)

REGISTER_AND_DIE = """
import os, signal
from django.db import transaction
from accounts.models import Attendee
from programme.models import Session
from registrations.domain import booking

def die():
    os.kill(os.getpid(), signal.SIGKILL)

session, ada = Session.objects.get(), Attendee.objects.select_related("user").get()
with transaction.atomic():
    booking.register(booking.Ask(session, ada, actor=ada.user))
    {before_commit}
die()
"""


@pytest.mark.proves("atomic-registration")
@pytest.mark.parametrize(
    ("before_commit", "kept"),
    [("die()", 0), ("pass", 1)],
    ids=["before the commit", "after the commit, before the answer"],
)
def test_a_killed_process_keeps_all_or_nothing_and_asking_again_is_safe(tmp_path, before_commit, kept):
    session, ada = make.session(), make.attendee()

    died = run_python(
        REGISTER_AND_DIE.format(before_commit=before_commit), environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0")
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    counts = (
        make.pool(session).taken,
        Registration.objects.count(),
        Registration.history.count(),
        Message.objects.count(),
    )
    assert counts == (kept, kept, kept, kept)

    booking.register(booking.Ask(session, ada, actor=ada.user))

    counts = (
        make.pool(session).taken,
        Registration.objects.count(),
        Registration.history.count(),
        Message.objects.count(),
    )
    assert counts == (1, 1, 1, 1)


# A web process for each request, forked from one that has loaded the code: it posts the form with its key, and dies at
# `spot`.
POST_AND_DIE = """
import json, os, signal, sys
from django.conf import settings
from django.db import connection
from django.test import Client
from registrations import views
from registrations.domain import ledger, idempotency

settings.ALLOWED_HOSTS = ["testserver"]

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

# The code as it is, but for the blow at one place of it.
if {spot!r} == "before the seat is counted":
    ledger.take = die
    ledger.lock_and_refresh = die
elif {spot!r} == "after all is written, before the commit":
    spend = idempotency.spend
    idempotency.spend = lambda *args: (spend(*args), die())
else:
    views._answer = die

deaths = []
for cookie, url, form in json.loads({posts!r}):
    connection.close()
    pid = os.fork()
    if pid == 0:
        browser = Client()
        browser.cookies["sessionid"] = cookie
        browser.post(url, form, headers={{"HX-Request": "true", "HX-Target": "seat-box"}})
        os._exit(0)
    deaths.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(json.dumps(deaths))
"""
SPOTS = ["before the seat is counted", "after all is written, before the commit", "after the commit, before the answer"]


def kill_posts(spot, rounds, tmp_path, *, full=False):
    """Kill the process of `rounds` posts, each by somebody else, at `spot`; send each again with its key, twice, and
    judge."""
    session = make.session(seats=1 if full else rounds)
    if full:
        make.registration(session)
    people = make.attendees(rounds)
    url = reverse("registrations:register", args=[session.slug])
    posts = []
    for who in people:
        client = make.sign_in(Client(), who)
        posts.append((client.cookies["sessionid"].value, url, {"seen": "", "key": str(uuid.uuid4())}))

    died = run_python(
        POST_AND_DIE.format(spot=spot, posts=json.dumps(posts)),
        environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0"),
    )

    assert died.returncode == 0, died.stderr
    assert json.loads(died.stdout.splitlines()[-1]) == [-signal.SIGKILL] * rounds
    kept = rounds if spot == SPOTS[2] else 0
    mine = Registration.objects.filter(attendee__in=people)
    assert (mine.count(), IdempotencyKey.objects.count()) == (kept, kept)
    for who, (cookie, _url, form) in zip(people, posts, strict=True):
        browser = Client()
        browser.cookies["sessionid"] = cookie
        answers = [browser.post(url, form, headers={"HX-Request": "true", "HX-Target": "seat-box"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        drawn = rb"\b[A-Za-z0-9]{64}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
        assert len({re.sub(drawn, b"", answer.content) for answer in answers}) == 1
        assert Message.objects.filter(to=who.user.email).count() == 1
        assert Registration.history.filter(attendee=who).count() == 1
    assert (mine.count(), IdempotencyKey.objects.count()) == (rounds, rounds)
    assert {registration.status for registration in mine} == {"waiting" if full else "confirmed"}
    assert invariants.check(timezone.now())["breaches"] == []
    print(f"{rounds} processes killed {spot}: {kept} kept, the same answer to all who asked again, one mail each.")


@pytest.mark.proves("idempotent-requests", "atomic-registration")
@pytest.mark.parametrize("spot", SPOTS)
def test_a_web_process_killed_at_any_moment_of_a_post_keeps_all_or_nothing_and_its_key_works_again(tmp_path, spot):
    kill_posts(spot, 4, tmp_path)


def test_a_web_process_killed_while_somebody_joins_the_waiting_list_keeps_all_or_nothing(tmp_path):
    kill_posts(SPOTS[1], 3, tmp_path, full=True)


@pytest.mark.proves("atomic-registration")
@pytest.mark.faults
@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.only_on_postgresql)])
@pytest.mark.parametrize("spot", SPOTS)
@pytest.mark.slow(40)
def test_a_hundred_web_processes_killed_at_each_moment_of_a_post(tmp_path, spot, full):
    kill_posts(spot, 100, tmp_path, full=full)


READ_THEN_WRITE = """
import json, os
from django.db import connection
from accounts.models import Attendee
from programme.models import Session
from registrations.domain import booking

def work(number):
    wrong = []
    session = Session.objects.select_related("event", "room__venue").get()
    for attendee in Attendee.objects.select_related("user").order_by("pk")[number * {each} : (number + 1) * {each}]:
        try:
            registration = booking.register(booking.Ask(session, attendee, actor=attendee.user, waits=True))
            if attendee.pk % 2:
                booking.cancel(session, attendee, actor=attendee.user)
        except Exception as error:
            wrong.append(repr(error))
    return wrong

connection.close()
pipes = []
for number in range({processes}):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(work(number))[:60000].encode())
        os._exit(0)
    os.close(write)
    pipes.append(read)
errors = []
for read in pipes:
    with os.fdopen(read) as pipe:
        errors += json.loads(pipe.read() or '["died"]')
print(json.dumps(errors))
"""


def read_then_write(processes, each, tmp_path):
    session = make.session(seats=processes * each // 4)
    make.attendees(processes * each)

    done = run_python(
        READ_THEN_WRITE.format(processes=processes, each=each),
        environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0"),
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    pool = SeatPool.objects.get(session=session)
    assert pool.taken == pool.seats
    assert Registration.objects.count() == processes * each
    assert invariants.check(timezone.now())["breaches"] == []
    print(f"{processes} processes × {each} registrations, half of them cancelled again: 0 errors.")


@pytest.mark.proves("no-lock-errors")
def test_twenty_processes_that_read_and_then_write_never_find_the_database_locked(tmp_path):
    """Registrations, place on the waiting list and cancellations with promotion, on the database file that all of them
    share."""
    read_then_write(20, 6, tmp_path)


@pytest.mark.faults
@pytest.mark.slow(30)
def test_twenty_processes_that_read_and_then_write_for_long(tmp_path):
    read_then_write(20, 50, tmp_path)
