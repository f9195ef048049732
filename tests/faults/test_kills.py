"""F4, G13: a process killed while it gives a seat keeps all of it or nothing."""

import signal

import pytest

from outbox.models import Message
from registrations.domain import booking
from registrations.models import Registration
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
    booking.register(session, ada, actor=ada.user)
    {before_commit}
die()
"""


@pytest.mark.parametrize(
    ("before_commit", "kept"), [("die()", 0), ("pass", 1)], ids=["before the commit", "after the commit, before the answer"]
)
def test_a_killed_process_keeps_all_or_nothing_and_asking_again_is_safe(tmp_path, before_commit, kept):
    session, ada = make.session(), make.attendee()

    died = run_python(REGISTER_AND_DIE.format(before_commit=before_commit), environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0"))

    assert died.returncode == -signal.SIGKILL, died.stderr
    counts = (make.pool(session).taken, Registration.objects.count(), Registration.history.count(), Message.objects.count())
    assert counts == (kept, kept, kept, kept)

    booking.register(session, ada, actor=ada.user)

    counts = (make.pool(session).taken, Registration.objects.count(), Registration.history.count(), Message.objects.count())
    assert counts == (1, 1, 1, 1)
