import logging

from celery import shared_task

from core import audit_log, clock

log = logging.getLogger(__name__)


@shared_task(name="core.tasks.close_the_audit_log")
def close_the_audit_log() -> None:
    """Write down the day that is over, and say in the log what is not as it was recorded."""
    audit_log.close(clock.now())
    for sentence in audit_log.check(clock.now()):
        log.error("Audit log: %s", sentence)
