"""Whoever sends codes alone (`manage.py mails send --keep-on --urgent`): a process that needs no broker, against a real
mail server."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from outbox.domain.posting import post
from outbox.models import Message
from tests.processes import environment, wait_until
from tests.smtp import mailbox

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = [sys.executable, "manage.py", "mails", "send", "--keep-on", "--urgent"]


@pytest.mark.proves("codes-first", "broker-may-die")
@pytest.mark.slow(8)
def test_codes_leave_within_seconds_without_a_broker_and_nothing_else_does(tmp_path: Path) -> None:
    with mailbox() as box, (tmp_path / "log").open("wb") as log:
        env = environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0", EMAIL_URL=box.url)
        sender = subprocess.Popen(COMMAND, cwd=settings.BASE_DIR, env=env, stdout=log, stderr=log)
        try:
            wait_until((tmp_path / "codes-alive").exists, 30, "it runs")
            _mail("ordinary@example.org", Message.Lane.NORMAL)
            for number in range(3):
                asked = time.monotonic()
                post(
                    "accounts.code",
                    to := f"code{number}@example.org",
                    dedupe_key=to,
                    language="fr",
                    context={"code": "12345678"},
                    lane=Message.Lane.URGENT,
                )
                wait_until(lambda to=to: to in box.recipients, 5, f"the code arrived\n{(tmp_path / 'log').read_text()}")
                print(f"The code arrived after {time.monotonic() - asked:.1f} s.")
        finally:
            sender.terminate()
            sender.wait()

    assert "ordinary@example.org" not in box.recipients
    assert Message.objects.get(to="ordinary@example.org").status == "queued"
    assert max(box.message_ids.values()) == 1


def _mail(to: str, lane: Message.Lane) -> None:
    Message.objects.create(
        kind="test", to=to, dedupe_key=to, lane=lane, not_before=timezone.now(), subject="Bonjour", text="Bonjour"
    )
