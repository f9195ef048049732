"""An erasure takes whoever is erased out of lists that are being checked, and nobody else (docs/rules.md#erasure)."""

import io
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.utils import timezone

from accounts.models import Attendee
from core import erasure
from core.erasure import Why
from outbox.models import Message
from partners.domain import responses, reviewing
from partners.models import Correction, Invitee, Objection, Upload, UploadFile, UploadRow
from programme.domain import retention as run
from registrations.models import Cohort, Membership, Registration
from tests import make
from tests.core import traces
from tests.partners import files, portal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _acts(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"


@pytest.fixture
def cohort() -> Cohort:
    return make.cohort(institution=make.institution(name="Cnam"), size=50)


def erase(*who: Attendee, addresses: Any = ()) -> erasure.Report:
    return erasure.erase([one.user_id for one in who], addresses, why=Why.BY_PERSON, at=timezone.now())


def addresses_of(upload: Upload) -> set[str]:
    return {row.person["email"] for row in portal.work(upload).rows.filter(is_title=False)}


# --- Nobody else ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("erased-everywhere")
@pytest.mark.parametrize(
    ("name", "email", "other"),
    [
        ("Marie Martin", "marie@x.fr", ["Martin", "Marie", "m.martin@y.fr", "2"]),
        ("Li", "li@x.fr", ["Li", "Wei", "wei@x.fr", "2"]),
        ("Lovelace", "lovelace@x.fr", ["Lovelace", "Ada", "ada.lovelace@x.fr", "2"]),
        ("Ada", "ada@x.fr", ["Lovelace", "Ada", "ada@x.fr.example.org", "2"]),
        ("Jo", "jo@x.fr", ["Dupont", "Jo", "marie-jo@x.fr", "2"]),
    ],
    ids=["a namesake", "a short name", "the end of another address", "the beginning of another", "a part of it"],
)
def test_the_row_of_somebody_else_stays_on_a_list_that_is_checked(
    name: str, email: str, other: list[str], cohort: Cohort
) -> None:
    row = [*name.split()[::-1], email, "1"] if " " in name else [name, name, email, "1"]
    portal.apply(cohort, row)
    who = make.attendee(name, email=email)
    upload = portal.upload(cohort, portal.text(row, other), portal.role(cohort.institution))

    erase(who)

    assert addresses_of(upload) == {other[2]}


def test_a_list_that_waits_to_be_read_stays_when_it_names_somebody_else(cohort: Cohort) -> None:
    camille = portal.role(cohort.institution)
    data = portal.text(["Dupont", "Jean", "jean@x.fr", "1"])
    upload = reviewing.receive(cohort, data, "liste.csv", actor=camille, at=timezone.now())

    erase(addresses=["an@x.fr"])

    assert addresses_of(upload) == {"jean@x.fr"}


def test_a_file_keeps_its_name_when_it_is_called_like_somebody_elsewhere(cohort: Cohort) -> None:
    upload = portal.upload(
        cohort, portal.text(portal.ALAN), portal.role(cohort.institution), name="liste_paris_2027.csv"
    )

    erase(make.attendee("Paris"), make.attendee("Liste Paris-Nord"))

    upload.refresh_from_db()
    assert upload.file_name == "liste_paris_2027.csv"


# --- All of them ------------------------------------------------------------------------------------------------------


def _as_text(row: list[str]) -> bytes:
    return portal.text(row, portal.ALAN)


def _as_utf16(row: list[str]) -> bytes:
    return files.text(files.HEADER, row, portal.ALAN, encoding="utf-16")


def _as_workbook(row: list[str]) -> bytes:
    return files.xlsx([files.HEADER, row, portal.ALAN])


FORMS: list[Callable[[list[str]], bytes]] = [_as_text, _as_utf16, _as_workbook]


@pytest.mark.proves("erased-everywhere")
@pytest.mark.parametrize("form", FORMS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("is_refused", [False, True], ids=["not read yet", "cannot be read"])
def test_a_file_without_rows_goes_with_its_list(
    form: Callable[[list[str]], bytes], cohort: Cohort, *, is_refused: bool
) -> None:
    upload = reviewing.receive(
        cohort, form(portal.ADA), "liste", actor=portal.role(cohort.institution), at=timezone.now()
    )
    if is_refused:
        Upload.objects.filter(pk=upload.pk).update(status="refused", refused={"code": "stumbled", "said": {}})

    erase(addresses=["ada@x.fr"])

    assert not UploadFile.objects.exists()
    assert not Upload.objects.exists()


def test_what_a_workbook_leads_to_and_what_was_found_about_others_is_forgotten(cohort: Cohort) -> None:
    portal.apply(cohort, portal.ADA)
    camille = portal.role(cohort.institution)
    upload = portal.upload(cohort, portal.text(["King", "Anne", "anne@x.fr", portal.ADA[3]], portal.ALAN), camille)
    Upload.objects.filter(pk=upload.pk).update(
        read_as=upload.read_as | {"links": [[2, 2, "ada@x.fr"], [3, 2, "alan@x.fr"]]}
    )
    assert "Lovelace" in str(list(UploadRow.objects.values_list("findings", flat=True)))

    erase(addresses=["ada@x.fr"])

    assert traces.found("ada@x.fr") == []
    assert "Lovelace" not in str(list(UploadRow.objects.values_list("findings", flat=True)))
    assert Upload.objects.get(pk=upload.pk).read_as["links"] == [[3, 2, "alan@x.fr"]]
    assert addresses_of(upload) == {"anne@x.fr", "alan@x.fr"}


@pytest.mark.proves("list-file-retention")
def test_an_applied_workbook_leaves_none_of_the_addresses_that_its_cells_led_to(cohort: Cohort) -> None:
    book = openpyxl.load_workbook(io.BytesIO(files.xlsx([files.HEADER, portal.ADA, portal.ALAN])))
    book.active["C2"].hyperlink = "mailto:ada@x.fr"
    out = io.BytesIO()
    book.save(out)
    camille = portal.role(cohort.institution)
    upload = portal.upload(cohort, out.getvalue(), camille)
    assert upload.read_as["links"] == [[2, 2, "ada@x.fr"]]

    upload = portal.confirm(upload, camille)

    assert upload.status == "applied"
    assert "ada@x.fr" not in str(upload.read_as)


def test_the_cell_of_another_row_that_holds_their_address_is_emptied(cohort: Cohort) -> None:
    rows = [["Nom", "Prénom", "Courriel", "Tutrice"], ["Turing", "Alan", "alan@x.fr", "Ada\nada@x.fr"]]
    upload = portal.upload(cohort, files.xlsx(rows), portal.role(cohort.institution))

    erase(make.attendee("Ada Lovelace", email="ada@x.fr"))

    assert traces.found("ada@x.fr") == []
    assert addresses_of(upload) == {"alan@x.fr"}


def test_a_file_from_a_mac_that_is_named_after_them_loses_its_name(cohort: Cohort) -> None:
    name = unicodedata.normalize("NFD", "Quelconque-Zéphirine.csv")
    upload = portal.upload(cohort, portal.text(portal.ALAN), portal.role(cohort.institution), name=name)

    erase(make.attendee("Zéphirine Quelconque"))

    upload.refresh_from_db()
    assert upload.file_name == ""


# --- After a restore --------------------------------------------------------------------------------------------------


@pytest.mark.proves("erasure-survives-restore")
def test_what_a_link_erased_goes_again_with_its_mails_and_seats(cohort: Cohort) -> None:
    portal.apply(cohort, portal.ADA)
    session = portal.session_for(cohort)
    ada = portal.accepted(invitee := Invitee.objects.get())
    portal.seat(session, ada)
    Message.objects.filter(kind="partners.invitation").update(text="Ada", status="sent", sent_at=timezone.now())
    Correction.objects.create(
        institution=cohort.institution, row_hash="h", email="ada@x.fr", fixes={"first_name": "Ada"}
    )
    with traces.restored():
        invitee.refresh_from_db()
        responses.erase(invitee, at=timezone.now())
        assert not Membership.objects.exists()

    assert erasure.replay() == 1

    assert not Invitee.objects.exists() and not Correction.objects.exists()
    assert not Message.objects.filter(kind="partners.invitation", to="ada@x.fr").exists()
    assert not Membership.objects.exists()
    assert not Registration.objects.live().exists()
    assert Objection.objects.count() == 1


# --- Retention --------------------------------------------------------------------------------------------------------


@pytest.mark.proves("list-people-retention")
def test_mails_to_the_address_that_a_list_had_first_are_forgotten_too(cohort: Cohort) -> None:
    portal.apply(cohort, portal.ADA)
    portal.apply(cohort, [*portal.ADA[:2], "ada.lovelace@x.fr", portal.ADA[3]])
    assert set(Message.objects.values_list("to", flat=True)) == {"ada@x.fr", "ada.lovelace@x.fr"}

    run.run(run.ends([cohort.edition_id])[cohort.edition_id] + timedelta(days=400))

    assert traces.found("@x.fr") == []
