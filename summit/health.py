"""What supervisors ask: /livez (does this process answer?) and /readyz (can Summit do its whole work?). See
docs/operations.md#health."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from celery import current_app
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import translation

from core import clock
from outbox.models import Heartbeat
from programme.domain import legal_facts
from summit import __version__

log = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 1.5
OK = "ok"

# A part that hangs must not hang the answer, and two probes must not pile up behind it.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="health")
_migrations_are_applied = False  # remembered once true: a process meets its migrations once


def answer_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer /livez and /readyz before anything else looks at the request.

    A supervisor asks by address (a container's, a pod's), so these two must not depend on ALLOWED_HOSTS, nor open a
    session, nor choose a language.
    """
    pages = {"/livez": livez, "/readyz": readyz}

    def middleware(request: HttpRequest) -> HttpResponse:
        page = pages.get(request.path_info)
        if page is None:
            return get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = page(request)
        response["Cache-Control"] = "no-store"
        return response

    return middleware


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers: what decides whether to restart it."""
    return JsonResponse({"status": OK})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part works, else 503; each part that fails says in one sentence what is wrong, without any
    secret. The version tells whether an upgrade has reached this process. Notes tell organisers something, and
    fail nothing."""
    checks, notes = check()
    told = {"notes": notes} if notes else {}
    if set(checks.values()) == {OK}:
        return JsonResponse({"status": OK, "version": __version__, "checks": checks} | told)
    failing = {"status": "failing", "version": __version__, "checks": checks} | told
    return JsonResponse(failing, status=503, headers={"Retry-After": "10"})


def check() -> tuple[dict[str, str], list[str]]:
    """Look at every part at once, within SECONDS_TO_ANSWER: the name of the part → "ok" or a sentence; and notes."""
    database, broker = _threads.submit(_look_and_close), _threads.submit(check_broker)
    parts: list[Future[Any]] = [database, broker]
    wait(parts, timeout=SECONDS_TO_ANSWER)
    checks: dict[str, str] = {}
    notes: list[str] = []
    if database.done():
        found, notes = database.result()
        checks |= found
    else:
        database.cancel()
        checks |= _without_database(f"The database has not answered within {SECONDS_TO_ANSWER} seconds.")
    if broker.done():
        checks["broker"] = broker.result()
    else:
        broker.cancel()
        checks["broker"] = f"The broker has not answered within {SECONDS_TO_ANSWER} seconds: see BROKER_URL."
    return checks, notes


def check_database() -> dict[str, str]:
    """Look at the database, its migrations and the clock's last sign of life in it."""
    global _migrations_are_applied  # noqa: PLW0603
    try:
        if not _migrations_are_applied:
            executor = MigrationExecutor(connection)
            missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
            if missing:
                sentence = (
                    f"{missing} migration{'s are' if missing > 1 else ' is'} not applied: run “manage.py migrate”."
                )
                return {"database": OK, "migrations": sentence, "beat": "Unknown until the migrations are applied."}
            _migrations_are_applied = True
        heartbeat = Heartbeat.objects.filter(name="sweep").first()
    except (DatabaseError, InterfaceError) as error:
        log.warning("The database fails: %s", error)
        return _without_database("The database cannot be used: see DATABASE_URL and the log.")
    return {"database": OK, "migrations": OK, "beat": _check_beat(heartbeat)}


def missing_facts() -> list[str]:
    """The open editions whose pages lack a fact that the law asks for, each in a sentence."""
    try:
        with translation.override("en"):
            return [
                f"The edition {edition.slug} is open and lacks what the law asks for: "
                f"{', '.join(fact.name for fact in lacks)}."
                for edition, lacks in legal_facts.open_without_facts()
            ]
    except (DatabaseError, InterfaceError):  # which the check of the database tells
        return []


def check_broker() -> str:
    """Say "ok" or what is wrong with the broker. Seats and mails do without it: only the ring that makes mails quick is
    lost."""
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except Exception as error:  # noqa: BLE001 - kombu, redis and OS errors share no base class
        log.warning("The broker fails: %s", error)
        return "The broker does not answer: see BROKER_URL; mails wait in the database meanwhile."
    return OK


def _check_beat(heartbeat: Heartbeat | None) -> str:
    if heartbeat is None:
        return "No sweep has come by yet: start the worker and beat."
    now = clock.now()
    if heartbeat.is_alive(now):
        return OK
    seconds = int((now - heartbeat.seen_at).total_seconds())
    return f"The last sweep came by {seconds} seconds ago: look at beat and the worker."


def _without_database(sentence: str) -> dict[str, str]:
    unknown = "Unknown while the database does not answer."
    return {"database": sentence, "migrations": unknown, "beat": unknown}


def _look_and_close() -> tuple[dict[str, str], list[str]]:
    # A fresh connection each time: it is part of what is asked, and none stays open in a thread of ours.
    try:
        checks = check_database()
        return checks, missing_facts() if checks["migrations"] == OK else []
    finally:
        connection.close()
