"""Histories whose lines say in which request, and as what, somebody acted."""

from typing import Any

from django.db import models
from simple_history import register
from simple_history.models import HistoricalRecords as LibraryRecords

from core import acts


class Act(models.Model):
    """What each line of a history says beside who and when. Written with the line, by the same statement."""

    history_request = models.CharField(
        max_length=36, default=acts.request_id, db_default="", blank=True, editable=False
    )
    history_role = models.CharField(max_length=20, default=acts.role, db_default="", blank=True, editable=False)

    class Meta:
        abstract = True


class HistoricalRecords(LibraryRecords):
    """The history of a model, whose lines say in which request and as what somebody acted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"bases": (Act,)} | kwargs)


def keep_history(model: type[models.Model], **options: Any) -> None:
    """Keep the history of a model that is declared elsewhere: once its translated fields are there."""
    register(model, records_class=HistoricalRecords, **options)
