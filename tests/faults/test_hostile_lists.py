"""Sixteen institutions hand in hostile files at once, and nobody who signs in notices."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.utils import timezone

from outbox.domain.posting import post
from outbox.models import Message
from partners.domain import reviewing
from partners.models import Upload
from tests import make
from tests.partners import files, portal
from tests.processes import environment, valkey, wait_until, workers
from tests.smtp import mailbox

pytestmark = pytest.mark.django_db(transaction=True)

INSTITUTIONS = 16


def slow_file() -> bytes:
    """Ten megabytes that take all the time that a file may have."""
    row = "<row>" + "<c/>" * 40 + "</row>"
    book = files.xlsx([files.HEADER])
    return files.padded(
        files.changed(book, "xl/worksheets/sheet1.xml", old="</sheetData>", new=row * 190_000 + "</sheetData>")
    )


@pytest.mark.proves("codes-first", "upload-fairness", "hostile-file")
@pytest.mark.slow(60)
def test_codes_leave_within_five_seconds_while_sixteen_hostile_files_are_read(tmp_path: Path) -> None:
    data = slow_file()
    uploads = []
    for _number in range(INSTITUTIONS):
        cohort = make.cohort()
        actor = portal.role(cohort.institution, who=make.user())
        received = reviewing.receive(cohort, data, "liste.xlsx", actor=actor, mode=Upload.Mode.ADD, at=timezone.now())
        uploads.append(received)
    with valkey(tmp_path) as broker, mailbox() as box, (tmp_path / "codes.log").open("wb") as log:
        options = {"BROKER_URL": broker.connection_url, "EMAIL_URL": box.url}
        command = [sys.executable, "manage.py", "mails", "send", "--keep-on", "--urgent"]
        env = environment(tmp_path, **options)
        sender = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=log, stderr=log)
        try:
            wait_until((tmp_path / "codes-alive").exists, 30, "who sends codes runs")
            with workers(1, tmp_path, **options) as [worker]:
                with current_app.connection_for_write(broker.connection_url) as link:
                    producer = current_app.amqp.Producer(link)
                    for upload in uploads:
                        current_app.send_task("partners.tasks.work", [str(upload.uuid)], producer=producer)
                busy = Upload.objects.exclude(busy_until=None)
                wait_until(lambda: busy.count() == 2, 60, f"two are read\n{worker.complaints}")
                waited = []
                while Upload.objects.filter(status="received").exists():
                    to = f"code{len(waited)}@example.org"
                    asked = time.monotonic()
                    post(
                        "accounts.code",
                        to,
                        dedupe_key=to,
                        language="fr",
                        context={"code": "12345678"},
                        lane=Message.Lane.URGENT,
                    )
                    wait_until(lambda to=to: to in box.recipients, 5, f"the code arrived\n{worker.complaints}")
                    waited.append(time.monotonic() - asked)
                    assert busy.count() <= 2
        finally:
            sender.terminate()
            sender.wait()

    print(f"{len(waited)} codes, the slowest after {max(waited):.1f} s.")
    assert len(waited) >= 3
    assert {upload.refused["code"] for upload in Upload.objects.all()} == {"too_slow"}
