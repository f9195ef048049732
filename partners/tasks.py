import uuid

from celery import shared_task

from core import clock
from partners.domain import digests, processing
from partners.models import Upload


@shared_task(name="partners.tasks.work")
def work(upload_uuid: str) -> None:
    """Do what the upload that was rung for waits for."""
    upload = Upload.objects.filter(uuid=uuid.UUID(upload_uuid)).first()
    if upload:
        processing.work(upload, at=clock.now())


@shared_task(name="partners.tasks.tend")
def tend() -> None:
    """Do what other uploads wait for, whose ring was lost or whose worker died."""
    for upload in processing.due(clock.now()):
        processing.work(upload, at=clock.now())


@shared_task(name="partners.tasks.tell")
def tell() -> None:
    """Queue the partners’ weekly news when their moment has come."""
    digests.send_due(clock.database_now())
