"""How far a worker is with a long list is seen by whoever waits for it, also while its transaction is open."""

import threading
import time
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.utils import timezone

from partners.domain import processing, progress, reviewing
from partners.models import Upload
from tests import make
from tests.partners import files as make_files
from tests.partners import portal

ROWS = 3000


def watched(upload: Upload) -> list[int]:
    """Let a worker do what `upload` waits for; the percents that somebody else saw meanwhile, without those that said
    the same."""

    def work() -> None:
        try:
            processing.work(upload, at=timezone.now())
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    seen = [0]
    while worker.is_alive():
        percent = Upload.objects.filter(status__in=["received", "confirmed"]).values_list("percent", flat=True).first()
        if percent not in (None, seen[-1]):
            seen.append(percent)
        worker.join(0.01)
    return seen


@pytest.mark.proves("list-worker")
@pytest.mark.django_db(transaction=True)
def test_how_far_a_list_is_is_told_while_it_is_read_and_while_it_is_applied(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.02)
    cohort = make.cohort(size=ROWS)
    camille = portal.role(cohort.institution)
    upload = reviewing.receive(
        cohort, make_files.text(*make_files.people(ROWS)), "liste.csv", actor=camille, at=timezone.now()
    )

    read = watched(upload)
    upload.refresh_from_db()
    assert (upload.status, upload.counts["new"]) == ("review", ROWS)
    upload = reviewing.confirm(upload, as_shown={"new": ROWS, "changed": 0, "removed": 0}, actor=camille)
    applied = watched(upload)
    upload.refresh_from_db()

    assert (upload.status, upload.counts["new"]) == ("applied", ROWS)
    for seen in (read, applied):
        assert len(seen) > 1
        assert all(before < after < 100 for before, after in pairwise(seen))
    if connection.vendor == "postgresql":  # SQLite has one writer, which tells nothing until its transaction ends
        assert max(read) > 34, "the rows were being written"
        assert max(applied) > 20, "the people were being written"


@pytest.mark.proves("list-worker")
@pytest.mark.only_on_postgresql
@pytest.mark.django_db(transaction=True)
def test_it_is_not_told_where_that_would_mean_to_wait(monkeypatch):
    """Such as while a deployment alters the table, which itself waits for the worker."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0)
    cohort = make.cohort()
    upload = reviewing.receive(
        cohort, portal.text(portal.ADA), "liste.csv", actor=portal.role(cohort.institution), at=timezone.now()
    )
    other = connection.copy()
    with transaction.atomic(), progress.Progress(upload, 10) as told:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE partners_upload IN SHARE MODE")
        began = time.monotonic()
        for _ in range(5):
            told.add(1)
        took = time.monotonic() - began
        other.close()

    assert told.done == 5
    assert 0.05 < took < 5
    upload.refresh_from_db()
    assert upload.percent == 0


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_how_far_it_is(client):
    cohort = make.cohort(size=3)
    camille = portal.role(cohort.institution)
    upload = reviewing.receive(cohort, portal.text(portal.ADA), "liste.csv", actor=camille, at=timezone.now())
    make.sign_in(client, camille)
    path = f"/partners/lists/{upload.uuid}/"

    assert '<progress aria-label="En cours de lecture" max="100"></progress>' in client.get(path).content.decode()

    Upload.objects.update(percent=42)
    for page in (client.get(path), client.get(f"{path}progress/")):
        assert 'value="42"' in page.content.decode()
        assert "42\u202f%" in page.content.decode()
