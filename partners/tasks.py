import uuid

from celery import shared_task

from core import clock
from outbox.domain.posting import ring_task
from partners.domain import digests, processing, provider_documents
from partners.models import SignIn, Upload


@shared_task(name="partners.tasks.work")
def work(upload_uuid: str) -> None:
    """Do what the upload that was rung for waits for."""
    upload = Upload.objects.filter(uuid=uuid.UUID(upload_uuid)).first()
    if upload:
        _work(upload)


@shared_task(name="partners.tasks.tend")
def tend() -> None:
    """Do what other uploads wait for, whose ring was lost or whose worker died."""
    for upload in processing.due(clock.now()):
        _work(upload)


def _work(upload: Upload) -> None:
    """Work on it, then have the next list of its institution rung for: behind whatever else the worker was rung for
    meanwhile."""
    if processing.work(upload, at=clock.now()):
        for following in processing.due(clock.now(), institution=upload.institution_id):
            ring_task("partners.tasks.work", str(following.uuid))


@shared_task(name="partners.tasks.tell")
def tell() -> None:
    """Queue the partners’ weekly news when their moment has come."""
    digests.send_due(clock.database_now())


@shared_task(name="partners.tasks.fetch_documents")
def fetch_documents(sign_in: str = "") -> None:
    """Fetch what a provider that was just set up says of itself, or what has to be fetched again of others."""
    now = clock.now()
    for found in SignIn.objects.filter(pk=sign_in) if sign_in else provider_documents.due(now):
        provider_documents.fetch(found, at=now)
