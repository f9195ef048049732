"""The least that Django can do on this machine: the floor that each bench compares itself with. Never routed in
production."""

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import path

from registrations.models import Registration, SeatPool


def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", headers={"Content-Length": "2"})


def take(request: HttpRequest, session_id: int, pool_id: int, attendee_id: int) -> HttpResponse:
    """Only the conditional UPDATE of the counter and the INSERT of the row: no sign-in, no rule, no history, no mail,
    no page."""
    with transaction.atomic():
        if SeatPool.objects.filter(pk=pool_id, taken__lt=F("seats")).update(taken=F("taken") + 1):
            Registration.objects.bulk_create(
                [
                    Registration(
                        session_id=session_id,
                        attendee_id=attendee_id,
                        pool_id=pool_id,
                        status=Registration.Status.CONFIRMED,
                    )
                ]
            )
    return ok(request)


urlpatterns = [
    path("ok/", ok),
    path("take/<int:session_id>/<int:pool_id>/<int:attendee_id>/", take),
]
