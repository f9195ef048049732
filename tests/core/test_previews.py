"""Files between their preview and their confirmation: they name people, and do not stay."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core import erasure
from core.sheets import forms
from programme.domain import retention
from tests import make


@pytest.mark.proves("erased-everywhere")
@pytest.mark.django_db
def test_a_preview_that_nobody_confirmed_goes_after_a_day_and_with_whoever_is_erased(
    settings: Any, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    settings.VAR_DIR, settings.ERASURE_LOG = tmp_path, tmp_path / "acts.jsonl"
    data = b"email\r\nada@x.fr\r\n"
    forms.StagedUpload().save(data)
    now = timezone.now()
    retention.run(now + timedelta(hours=23), hourly=True)
    assert len(forms.staged()) == 1
    retention.run(now + timedelta(hours=25), hourly=True)
    assert forms.staged() == []

    forms.StagedUpload().save(data)
    ada = make.user("ada@x.fr")
    with django_capture_on_commit_callbacks(execute=True):
        erasure.foresee([ada.pk], why=erasure.Why.BY_PERSON, at=now)
    assert len(forms.staged()) == 1
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase([ada.pk], why=erasure.Why.BY_PERSON, at=now)
    assert forms.staged() == []
