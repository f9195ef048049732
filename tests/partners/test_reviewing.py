"""A list that was handed in waits, whole, until somebody agrees to what it would change (docs/rules.md#lists)."""

import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.limits import TooMany
from outbox.models import Message
from partners import tasks
from partners.domain import applying, leaving, processing, responses, reviewing
from partners.domain.files import ListRefused
from partners.models import ColumnName, Correction, Invitee, PartnerRole, Upload, UploadFile, UploadRow
from programme.domain import retention
from programme.models import Session
from registrations.domain import waitlist
from registrations.models import Cohort, Registration
from tests import crowd, make
from tests.partners import files as make_files
from tests.partners import portal
from tests.partners.portal import ADA, ALAN, EMMY

pytestmark = pytest.mark.django_db


@pytest.fixture
def cohort() -> Cohort:
    return make.cohort(size=10)


@pytest.fixture
def camille(cohort):
    return portal.role(cohort.institution)


def verdicts(upload: Upload) -> dict[int, str]:
    return dict(upload.rows.filter(is_title=False).values_list("line", "verdict"))


@pytest.mark.proves("list-agreement")
def test_nothing_counts_before_it_is_confirmed(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA, ["Turing", "Alan", "alan(at)x.fr", "21002"]), camille)

    assert (upload.status, verdicts(upload)) == ("review", {2: "new", 3: "to_fix"})
    assert (Invitee.objects.count(), Message.objects.count()) == (0, 0)

    upload = portal.confirm(upload, camille)

    assert (upload.status, upload.counts) == ("applied", {"new": 1, "changed": 0, "same": 0, "removed": 0})
    assert [one.email for one in Invitee.objects.all()] == ["ada@x.fr"]
    assert [(one.kind, one.to) for one in Message.objects.all()] == [("partners.invitation", "ada@x.fr")]
    assert (UploadFile.objects.count(), UploadRow.objects.count()) == (0, 0)


@pytest.mark.proves("list-review")
def test_a_cell_is_corrected_and_the_whole_list_is_looked_at_again(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA, ["Turing", "Alan", "alan(at)x.fr", "21002"]), camille)

    reviewing.correct(upload, 3, {"email": "ada@x.fr"})
    assert verdicts(upload) == {2: "new", 3: "twice"}

    reviewing.correct(upload, 3, {"email": "alan@x.fr"})
    assert verdicts(upload) == {2: "new", 3: "new"}
    assert [one.email for one in Invitee.objects.all()] == []


@pytest.mark.proves("list-review")
def test_a_whole_row_is_written_anew_and_what_hung_out_of_the_table_is_dropped(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA, ["Turing", "Alan", "Mathison", "alan@x.fr", "21002"]), camille)
    assert verdicts(upload) == {2: "new", 3: "to_fix"}

    values = {"last_name": "Turing", "first_name": "Alan", "email": "alan@x.fr", "reference": "21002"}
    reviewing.correct(upload, 3, values)

    assert verdicts(upload) == {2: "new", 3: "new"}
    row = upload.rows.get(line=3)
    assert row.fixes == values
    assert [row.person[name] for name in values] == list(values.values())
    with pytest.raises(reviewing.Stale):
        reviewing.correct(upload, 3, {"programme": "no such column"})
    with pytest.raises(reviewing.Stale):
        reviewing.correct(upload, 99, values)


@pytest.mark.proves("list-review")
def test_of_rows_that_repeat_each_other_any_can_be_kept(cohort, camille):
    rows = [["Lovelace", "Ada", f"ada{n}@x.fr", "21001"] for n in range(3)]
    upload = portal.upload(cohort, portal.text(*rows, ALAN), camille)
    assert verdicts(upload) == {2: "new", 3: "twice", 4: "twice", 5: "new"}

    reviewing.keep_only(upload, 4)

    assert verdicts(upload) == {2: "skipped", 3: "skipped", 4: "new", 5: "new"}
    with pytest.raises(reviewing.Stale):
        reviewing.keep_only(upload, 4)
    portal.confirm(Upload.objects.get(), camille)
    assert sorted(one.email for one in Invitee.objects.all()) == ["ada2@x.fr", "alan@x.fr"]


def test_who_is_kept_is_kept_even_where_another_of_the_rows_is_to_be_corrected(cohort, camille):
    upload = portal.upload(
        cohort, portal.text(ADA, ["", "", "ada@x.fr", "21001"], ["Byron", "Ada", "ada@x.fr", "21009"]), camille
    )
    assert verdicts(upload) == {2: "new", 3: "to_fix", 4: "twice"}

    reviewing.keep_only(upload, 4)

    assert verdicts(upload) == {2: "skipped", 3: "skipped", 4: "new"}


def test_the_kept_row_changes_who_is_on_the_list_already(cohort, camille):
    portal.apply(cohort, ADA)
    upload = portal.upload(cohort, portal.text(ADA, ["Lovelace", "Ada", "countess@x.fr", "21001"]), camille)

    upload = reviewing.keep_only(upload, 3)

    assert verdicts(upload) == {2: "skipped", 3: "changed"}
    portal.confirm(upload, camille)
    assert [one.email for one in Invitee.objects.all()] == ["countess@x.fr"]


@pytest.mark.proves("list-review")
def test_what_can_be_taken_but_asks_for_a_look_is_marked(cohort, camille):
    straight = [[f"Nom{n}", "Ada", f"ada.nom{n}@x.fr", ""] for n in "abcde"]
    upload = portal.upload(
        cohort, portal.text(*straight, ["Zoé", "Zed", "zoe.zed@x.fr", ""], ["Nope", "X", "x", ""]), camille
    )
    assert list(upload.rows.filter(is_doubtful=True).values_list("line", "verdict")) == [(7, "new")]
    assert upload.rows.get(line=8).verdict == "to_fix"

    reviewing.correct(upload, 7, {"last_name": "Zed", "first_name": "Zoé"})

    assert not upload.rows.filter(is_doubtful=True).exists()


def test_a_row_is_skipped_and_taken_in_again(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA, ALAN), camille)

    reviewing.skip(upload, 3)
    assert verdicts(upload) == {2: "new", 3: "skipped"}

    reviewing.skip(upload, 3, skipped=False)
    assert verdicts(upload) == {2: "new", 3: "new"}


@pytest.mark.proves("list-review", "list-agreement")
def test_columns_are_named_by_hand_and_remembered_for_the_institution(cohort, camille):
    data = "Patronyme;Petit nom;Joindre à\nLovelace;Ada;ada@x.fr\n".encode()
    upload = portal.upload(cohort, data, camille)
    assert (verdicts(upload), processing.columns_of(upload).guessed) == ({2: "new"}, True)
    with pytest.raises(reviewing.Stale):
        portal.confirm(upload, camille)

    reviewing.choose(upload, meaning={"last_name": 1, "first_name": 0, "email": 2})

    assert upload.rows.get(line=2).person["last_name"] == "Ada"
    assert dict(ColumnName.objects.values_list("name", "field")) == {
        "patronyme": "first_name",
        "petit nom": "last_name",
    }
    again = portal.upload(cohort, data, camille)
    assert (processing.columns_of(again).guessed, again.rows.get(line=2).person["last_name"]) == (False, "Ada")
    elsewhere = make.cohort()
    assert processing.columns_of(portal.upload(elsewhere, data, portal.role(elsewhere.institution))).guessed


def test_a_list_without_addresses_waits_for_somebody_to_say_where_they_are(cohort, camille):
    upload = portal.upload(cohort, "Nom;Prénom;Contact\nLovelace;Ada;ada(at)x.fr\n".encode(), camille)
    assert upload.refused == {"code": "no_addresses", "said": {"names": "Nom, Prénom, Contact"}}

    reviewing.choose(upload, meaning={"last_name": 0, "first_name": 1, "email": 2})

    assert Upload.objects.get().refused is None
    assert verdicts(upload) == {2: "to_fix"}


def test_a_file_is_read_again_as_written_otherwise(cohort, camille):
    upload = portal.upload(cohort, "Nom;Prénom;Courriel\nCœur;Zoé;zoe@x.fr\n".encode("cp1252"), camille)
    assert upload.rows.get(line=2).person["first_name"] == "Zoé"

    upload = portal.work(reviewing.read_otherwise(upload, encoding="mac_roman"))

    assert upload.read_as["encoding"] == "mac_roman"
    assert upload.rows.get(line=2).person["first_name"] != "Zoé"


@pytest.mark.proves("list-replace")
def test_a_list_that_would_replace_the_other_says_who_goes(cohort, camille):
    portal.apply(cohort, ADA, ALAN)

    upload = portal.upload(cohort, portal.text(ADA, EMMY), camille)
    assert upload.counts["removed"] == 0
    reviewing.choose(upload, mode="replace")
    upload = portal.confirm(Upload.objects.get(pk=upload.pk), camille)

    assert upload.counts == {"new": 1, "changed": 0, "same": 1, "removed": 1}
    assert sorted(one.email for one in Invitee.objects.all()) == ["ada@x.fr", "emmy@x.fr"]


@pytest.mark.proves("list-agreement")
def test_what_has_changed_since_it_was_shown_is_shown_again_and_not_applied(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA), camille)
    portal.apply(cohort, ADA)

    upload = portal.confirm(upload, camille)

    assert (upload.status, upload.counts["moved"], verdicts(upload)) == ("review", 1, {2: "same"})


@pytest.mark.proves("list-agreement")
def test_nobody_agrees_to_what_their_page_did_not_show(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA), camille)
    with pytest.raises(reviewing.Stale):
        reviewing.confirm(upload, as_shown={"new": 2, "changed": 0, "removed": 0}, actor=camille)


def test_confirming_twice_changes_nothing(cohort, camille):
    upload = portal.confirm(portal.upload(cohort, portal.text(ADA), camille), camille)

    again = reviewing.confirm(upload, as_shown={"new": 1, "changed": 0, "removed": 0}, actor=camille)

    assert (again.status, Message.objects.count()) == ("applied", 1)


def test_a_list_too_long_for_its_cohort_can_be_shortened_by_hand(camille, cohort):
    cohort.size = 1
    cohort.save()
    upload = portal.upload(cohort, portal.text(ADA, ALAN), camille)
    assert upload.refused["code"] == "too_many_people"

    reviewing.skip(upload, 3)

    assert portal.confirm(Upload.objects.get(pk=upload.pk), camille).counts["new"] == 1


def test_a_file_that_cannot_be_read_says_why(cohort, camille):
    upload = portal.upload(cohort, b"%PDF-1.7 nothing", camille, name="liste.xlsx")
    assert (upload.status, upload.refused) == ("refused", {"code": "other_type", "said": {"type": "PDF"}})


HOSTILE = {
    "a bomb": make_files.bomb,
    "a lying bomb": make_files.lying_bomb,
    "half a workbook": lambda: make_files.xlsx([make_files.HEADER, ADA])[:900],
    "another type": lambda: b"%PDF-1.7 nothing",
    "nothing": lambda: b"\r\n \r\n",
    "a quote left open": lambda: portal.text('"Lovelace', *["x" * 400] * 200),
    "no end of a cell": lambda: portal.text(["x" * 140_000, "A", "a@example.org", "1"]),
    "two encodings": lambda: portal.text(["é", "é", "a@x.fr", "21001"]) + "é;é;b@x.fr;2\n".encode("cp1252"),
}


@pytest.mark.proves("hostile-file")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_file_leaves_everything_as_it_was_and_goes_with_its_page(cohort, camille, name):
    portal.apply(cohort, ADA)
    before = everything()
    began = time.monotonic()

    upload = portal.upload(cohort, HOSTILE[name](), camille)

    assert upload.status == "refused"
    assert time.monotonic() - began < 10
    reviewing.discard(upload)
    assert everything() == before


@pytest.mark.proves("hostile-file")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process begin anew with the most memory it had")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_file_costs_the_process_that_asked_no_memory(cohort, camille, name):
    data = HOSTILE[name]()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    own = peak_mb()

    assert portal.upload(cohort, data, camille).status == "refused"

    assert peak_mb() - own < 50


def peak_mb() -> float:
    """The most memory, in MB, that this process had since it was last asked to forget it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def everything() -> dict[str, list]:
    models = [
        model
        for model in apps.get_models()
        if model._meta.app_label in ("accounts", "registrations", "partners", "outbox")
    ]
    return {model._meta.label: sorted(map(repr, model.objects.order_by().values_list())) for model in models}


@pytest.mark.proves("upload-limits")
def test_a_file_that_is_too_large_leaves_nothing(cohort, camille):
    with pytest.raises(ListRefused):
        reviewing.receive(cohort, b"x" * (10 * 1024 * 1024 + 1), "liste.csv", actor=camille, at=timezone.now())
    assert Upload.objects.count() == 0


@pytest.mark.proves("upload-limits")
def test_the_fifty_first_of_a_minute_is_told_when_to_come_back(cohort, camille):
    at = timezone.now().replace(second=1)
    for _ in range(50):
        reviewing.receive(cohort, portal.text(ADA), "liste.csv", actor=camille, at=at)
        Upload.objects.update(status="refused")
    with pytest.raises(TooMany):
        reviewing.receive(cohort, portal.text(ADA), "liste.csv", actor=camille, at=at)


@pytest.mark.proves("upload-fairness")
class TestOneProcessForAnInstitution:
    def received(self, cohort, camille, number: int) -> list[Upload]:
        at = timezone.now()
        return [
            reviewing.receive(
                cohort, portal.text(ADA), "liste.csv", actor=camille, at=at + timedelta(milliseconds=1) * turn
            )
            for turn in range(number)
        ]

    def test_whatever_rings_one_list_is_worked_on_at_a_time(self, cohort, camille):
        first, second = self.received(cohort, camille, 2)
        elsewhere = make.cohort()
        other = reviewing.receive(elsewhere, portal.text(ALAN), "x.csv", actor=make.organiser(), at=timezone.now())
        assert processing._take(first, timezone.now())

        assert not processing.work(second, at=timezone.now())
        assert processing.work(other, at=timezone.now())
        Upload.objects.filter(pk=first.pk).update(busy_until=None, status="refused")
        assert processing.work(second, at=timezone.now())

    def test_a_dead_worker_keeps_no_other_list_waiting(self, cohort, camille):
        first, second = self.received(cohort, camille, 2)
        assert processing._take(first, timezone.now() - timedelta(minutes=5))
        assert processing.work(second, at=timezone.now())
        assert processing.work(first, at=timezone.now())

    def test_the_next_list_is_rung_for_when_one_is_done(self, cohort, camille, monkeypatch):
        rung = []
        monkeypatch.setattr(tasks, "ring_task", lambda name, *args: rung.append((name, *args)))
        first, second, third = self.received(cohort, camille, 3)

        tasks.work(str(first.uuid))
        tasks.work(str(second.uuid))
        tasks.work(str(third.uuid))

        assert rung == [("partners.tasks.work", str(second.uuid)), ("partners.tasks.work", str(third.uuid))]

    def test_ten_wait_and_the_eleventh_is_told(self, cohort, camille):
        self.received(cohort, camille, 10)
        with pytest.raises(ListRefused, match="10 listes"):
            self.received(cohort, camille, 1)
        page = portal.signed_in(camille).post(
            f"/partners/{cohort.institution.slug}/{cohort.slug}/upload/",
            {"file": SimpleUploadedFile("liste.csv", portal.text(ADA)), "mode": "add", "may_share": "on"},
        )
        assert (page.status_code, Upload.objects.count()) == (422, 10)
        assert "10 listes" in page.content.decode()

    def test_the_page_says_how_many_come_first(self, cohort, camille):
        first, *_others, last = self.received(cohort, camille, 4)
        browser = portal.signed_in(camille)
        for page in ("", "progress/"):
            assert (
                "3 listes de votre établissement passent avant"
                in browser.get(f"/partners/lists/{last.uuid}/{page}").content.decode()
            )
            assert "passe" not in browser.get(f"/partners/lists/{first.uuid}/{page}").content.decode()


@pytest.mark.proves("upload-fairness")
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_workers_at_once_one_gets_a_list():
    cohort = make.cohort()
    uploads = [
        Upload.objects.create(institution=cohort.institution, cohort=cohort, file_hash="0" * 64) for _ in range(16)
    ]
    now = timezone.now()

    taken = crowd.all_at_once([partial(processing._take, upload, now) for upload in uploads])

    assert sorted(taken) == [False] * 15 + [True]


@pytest.mark.proves("list-file-retention")
def test_what_nobody_confirms_is_gone_after_a_day(cohort, camille):
    upload = portal.upload(cohort, portal.text(ADA), camille)
    applied = portal.confirm(portal.upload(cohort, portal.text(ALAN), camille), camille)

    assert retention.run(upload.created_at + timedelta(hours=23))["uploads"] == 0
    assert retention.run(timezone.now() + timedelta(hours=24))["uploads"] == 1
    assert [*Upload.objects.all()] == [applied]
    assert (UploadFile.objects.count(), UploadRow.objects.count()) == (0, 0)


@pytest.mark.proves("partner-roles")
def test_a_role_that_is_taken_away_lets_nothing_more_happen(cohort, camille):
    read = reviewing.receive(cohort, portal.text(ADA), "liste.csv", actor=camille, at=timezone.now())
    confirmed = portal.upload(cohort, portal.text(ALAN), camille)
    reviewing.confirm(confirmed, as_shown={"new": 1, "changed": 0, "removed": 0}, actor=camille)

    PartnerRole.objects.all().delete()
    for upload in (read, confirmed):
        processing.work(upload, at=timezone.now())

    assert (Upload.objects.count(), Invitee.objects.count(), Message.objects.count()) == (0, 0, 0)


@pytest.mark.proves("list-worker")
def test_the_upload_of_a_dead_worker_is_taken_by_another(cohort, camille):
    upload = reviewing.receive(cohort, portal.text(ADA), "liste.csv", actor=camille, at=timezone.now())
    now = timezone.now()
    Upload.objects.update(busy_until=now + timedelta(minutes=1))
    assert (processing.due(now), processing.work(upload, at=now)) == ([], False)

    later = now + timedelta(minutes=2)
    assert processing.due(later) == [upload]
    assert processing.work(upload, at=later)
    assert Upload.objects.get().status == "review"


class TestWhatMakesOthersStumble:
    def test_a_nul_is_named_where_it_stands_and_corrected(self, cohort, camille):
        upload = portal.upload(cohort, portal.text(["Love\0lace", "Ada", "ada@x.fr", "21001"]), camille)
        [finding] = [one for one in processing.findings_of(upload.rows.get(line=2)) if one.code == "control"]
        assert finding.said == {"letter": "U+0000"}

        reviewing.correct(upload, 2, {"last_name": "Love\0"})
        assert verdicts(upload) == {2: "to_fix"}
        reviewing.correct(upload, 2, {"last_name": "Lovelace"})
        assert verdicts(upload) == {2: "new"}

    def test_a_number_that_its_owner_keeps_is_nobody_elses(self, cohort, camille):
        """An empty cell says nothing: Ada keeps 1, so Alan, who was to have it, keeps 2, and Emmy, who was to have
        that, gets none."""
        portal.apply(cohort, ADA, ALAN, EMMY)
        rows = (
            ["Lovelace", "Ada", "ada@x.fr", ""],
            ["Turing", "Alan", "alan@x.fr", "21001"],
            ["Noether", "Emmy", "emmy@x.fr", "21002"],
        )

        upload = portal.upload(cohort, portal.text(*rows), camille)

        assert verdicts(upload) == {2: "same", 3: "to_fix", 4: "to_fix"}

    def test_whom_a_skipped_or_a_bad_row_means_is_not_removed(self, cohort, camille):
        portal.apply(cohort, ADA, ALAN, EMMY)
        rows = ADA, ["Turing", "Alan", "alan@x.fr, other@x.fr", ""]

        upload = portal.upload(cohort, portal.text(*rows), camille, replace=True)
        reviewing.skip(upload, 2)

        upload.refresh_from_db()
        assert Invitee.objects.get(pk__in=upload.removed).first_name == "Emmy"
        assert (upload.counts["removed"], upload.counts["skipped"]) == (1, 1)

    def test_what_was_dropped_is_not_applied_and_what_is_being_applied_is_not_dropped(self, cohort, camille):
        upload = portal.upload(cohort, portal.text(ADA), camille)
        confirmed = reviewing.confirm(upload, as_shown={"new": 1, "changed": 0, "removed": 0}, actor=camille)

        assert not reviewing.discard(upload)
        assert processing.work(confirmed, at=timezone.now())
        assert not reviewing.discard(upload)
        assert Upload.objects.get().status == "applied"

        dropped = portal.upload(cohort, portal.text(ALAN), camille)
        Upload.objects.filter(pk=dropped.pk).update(status="confirmed", busy_until=None)
        stale = Upload.objects.get(pk=dropped.pk)
        Upload.objects.filter(pk=dropped.pk).delete()
        with pytest.raises(applying.Superseded):
            applying.apply(stale, [], actor=camille, at=timezone.now())
        assert Invitee.objects.count() == 1

    def test_a_list_that_cannot_be_worked_on_is_refused_and_not_tried_for_ever(self, cohort, camille):
        upload = reviewing.receive(cohort, portal.text(ADA), "liste.csv", actor=camille, at=timezone.now())
        UploadFile.objects.all().delete()

        assert processing.work(upload, at=timezone.now())

        assert Upload.objects.get().refused["code"] == "stumbled"
        assert processing.due(timezone.now() + timedelta(hours=1)) == []

    def test_a_long_list_is_looked_at_again_by_a_worker(self, cohort, camille, monkeypatch):
        monkeypatch.setattr(reviewing, "AT_ONCE", 1)
        upload = portal.upload(cohort, portal.text(ADA, ALAN), camille)

        upload = reviewing.skip(upload, 3)
        assert upload.status == "received"
        upload = portal.work(upload)

        assert (upload.status, verdicts(upload)) == ("review", {2: "new", 3: "skipped"})


class TestRemoving:
    @pytest.mark.proves("list-replace")
    def test_who_had_a_seat_gives_it_to_the_first_on_the_waiting_list_of_the_cohort(self, cohort, camille):
        session = portal.session_for(cohort)
        ada, alan = (portal.accepted(portal.invitee(cohort, row)) for row in (ADA, ALAN))
        portal.seat(session, ada)
        portal.seat(session, alan)

        upload = portal.upload(cohort, portal.text(ALAN), camille, replace=True)
        assert (upload.counts["removed"], upload.counts["absent"]) == (1, 1)
        portal.confirm(upload, camille)

        assert dict(Registration.objects.values_list("attendee__name", "status")) == {
            "Ada Lovelace": "cancelled",
            "Alan Turing": "confirmed",
        }
        assert not cohort.memberships.filter(attendee=ada).exists()

    def leave(self, cohort, camille, *staying):
        """A list that would replace the other, and what follows from it; then it does."""
        upload = portal.upload(cohort, portal.text(*staying), camille, replace=True)
        freed = leaving.freed_by(cohort, upload.removed, timezone.now())
        portal.confirm(upload, camille)
        return freed, {(str(one.attendee), one.session_id) for one in Registration.objects.confirmed()}

    @pytest.mark.proves("list-replace")
    def test_who_is_next_for_the_freed_seats_is_said_before_as_it_then_happens(self, cohort, camille):
        session = portal.session_for(cohort, seats=3)
        rows = [[f"Nom{name}", name, f"{name}@x.fr", name] for name in ("one", "two", "three", "leaves", "stays")]
        people = [portal.accepted(portal.invitee(cohort, row)) for row in rows]
        member = make.attendee("A member whom no list names")
        make.membership(cohort, member)
        for who in (*people[:4], member, people[4]):
            portal.seat(session, who)

        freed, seated = self.leave(cohort, camille, rows[-1])

        assert freed == leaving.Freed(seats=3, heirs=("stays Nomstays",), others=1)
        assert seated == {("stays Nomstays", session.pk), (member.name, session.pk)}

    def test_who_waits_for_two_seats_is_named_once(self, cohort, camille):
        sessions = [portal.session_for(cohort, starts_at=timezone.now() + timedelta(days=1 + n)) for n in range(2)]
        ada, alan = (portal.accepted(portal.invitee(cohort, row)) for row in (ADA, ALAN))
        for session in sessions:
            portal.seat(session, ada)
            portal.seat(session, alan)

        freed, seated = self.leave(cohort, camille, ALAN)

        assert freed == leaving.Freed(seats=2, heirs=("Alan Turing",))
        assert seated == {("Alan Turing", session.pk) for session in sessions}

    def test_who_waits_with_somebody_who_leaves_waits_alone(self, cohort, camille):
        session = portal.session_for(cohort)
        ada, alan, emmy = (portal.accepted(portal.invitee(cohort, row)) for row in (ADA, ALAN, EMMY))
        for who in (ada, alan, emmy):
            portal.seat(session, who)
        party = waitlist.start_party(Registration.objects.get(attendee=alan), actor=alan.user)
        waitlist.join_party(Registration.objects.get(attendee=emmy), party.code, actor=emmy.user, at=timezone.now())

        freed, seated = self.leave(cohort, camille, EMMY)

        assert freed == leaving.Freed(seats=1, heirs=("Emmy Noether",))
        assert seated == {("Emmy Noether", session.pk)}

    @pytest.mark.proves("list-replace")
    def test_nobody_is_said_to_be_next_where_the_organisers_choose(self, cohort, camille):
        session = portal.session_for(cohort)
        ada, alan = (portal.accepted(portal.invitee(cohort, row)) for row in (ADA, ALAN))
        portal.seat(session, ada)
        portal.seat(session, alan)
        Session.objects.update(waiting_list="by_hand")

        assert self.leave(cohort, camille, ALAN) == (leaving.Freed(seats=1), set())


class TestUndoing:
    @pytest.mark.proves("list-undo")
    def test_who_was_added_leaves_who_was_changed_or_removed_is_there_again(self, cohort, camille):
        portal.apply(cohort, ADA, ALAN)
        before = sorted((one.first_name, one.email, one.key) for one in Invitee.objects.all())
        upload = portal.apply(cohort, ["Lovelace", "Augusta", "ada@x.fr", "21001"], EMMY, replace=True)

        applying.undo(upload, actor=camille, at=timezone.now())
        applying.undo(upload, actor=camille, at=timezone.now())

        assert sorted((one.first_name, one.email, one.key) for one in Invitee.objects.all()) == before
        assert Upload.objects.get(pk=upload.pk).status == "undone"

    @pytest.mark.proves("list-undo")
    def test_their_seats_come_back_with_them(self, cohort, camille):
        session = portal.session_for(cohort)
        ada = portal.accepted(portal.invitee(cohort, ADA))
        portal.seat(session, ada)
        upload = portal.apply(cohort, ALAN, replace=True)
        assert not Registration.objects.live().exists()

        applying.undo(upload, actor=camille, at=timezone.now())

        assert [str(one.attendee) for one in Registration.objects.confirmed()] == ["Ada Lovelace"]
        assert Invitee.objects.get().status == "accepted"

    def test_a_member_whom_the_list_only_named_stays_a_member(self, cohort, camille):
        ada = make.attendee("Ada", email="ada@x.fr")
        make.membership(cohort, ada)
        session = portal.session_for(cohort)
        portal.seat(session, ada)
        upload = portal.apply(cohort, ADA)

        applying.undo(upload, actor=camille, at=timezone.now())

        assert Registration.objects.confirmed().get().attendee == ada
        assert (cohort.memberships.count(), Invitee.objects.count()) == (1, 0)

    def test_an_address_that_is_taken_back_gets_a_link_of_its_own(self, cohort, camille):
        portal.apply(cohort, ADA)
        upload = portal.apply(cohort, ["Lovelace", "Ada", "wrong@y.fr", "21001"])
        wrong = Invitee.objects.get().key

        applying.undo(upload, actor=camille, at=timezone.now())

        ada = Invitee.objects.get()
        assert (ada.email, ada.key != wrong) == ("ada@x.fr", True)
        assert Message.objects.filter(to="ada@x.fr").count() == 2

    def test_it_is_refused_where_somebody_has_the_number_since(self, cohort, camille):
        portal.apply(cohort, ADA)
        upload = portal.apply(cohort, ALAN, replace=True)
        portal.apply(make.cohort(institution=cohort.institution), ["Byron", "Ada", "byron@x.fr", "21001"])

        with pytest.raises(applying.CannotUndo):
            applying.undo(upload, actor=camille, at=timezone.now())
        assert sorted(one.email for one in Invitee.objects.all()) == ["alan@x.fr", "byron@x.fr"]

    @pytest.mark.proves("list-undo")
    def test_it_is_refused_once_somebody_else_has_their_seat(self, cohort, camille):
        session = portal.session_for(cohort)
        ada, alan = (portal.accepted(portal.invitee(cohort, row)) for row in (ADA, ALAN))
        portal.seat(session, ada)
        portal.seat(session, alan)
        upload = portal.apply(cohort, ALAN, replace=True)

        with pytest.raises(applying.CannotUndo, match="Ada Lovelace"):
            applying.undo(upload, actor=camille, at=timezone.now())

        assert [one.first_name for one in Invitee.objects.all()] == ["Alan"]
        assert Upload.objects.get(pk=upload.pk).status == "applied"

    @pytest.mark.proves("list-undo")
    def test_it_is_refused_once_somebody_has_answered_and_after_a_day(self, cohort, camille):
        upload = portal.apply(cohort, ADA)
        with pytest.raises(applying.CannotUndo):
            applying.undo(upload, actor=camille, at=timezone.now() + timedelta(hours=25))

        portal.accepted(Invitee.objects.get())
        with pytest.raises(applying.CannotUndo):
            applying.undo(upload, actor=camille, at=timezone.now())
        assert Invitee.objects.count() == 1


class TestWhatPeopleSay:
    """What somebody presses or types on the page of a list, and what is remembered of it."""

    BAD = ["Turing", "Alan", "alan(at)x", "21002"]

    @pytest.mark.proves("list-corrections")
    def test_a_correction_is_offered_when_the_same_row_comes_again(self, cohort, camille):
        upload = portal.upload(cohort, portal.text(ADA, self.BAD), camille)
        reviewing.correct(upload, 3, {"email": "alan@x.fr"})
        portal.confirm(Upload.objects.get(), camille)

        again = portal.upload(cohort, portal.text(self.BAD, ADA, EMMY), camille)
        assert (verdicts(again), again.counts["offered"]) == ({2: "to_fix", 3: "same", 4: "new"}, 1)
        reviewing.correct_as_before(again)

        again.refresh_from_db()
        assert (verdicts(again), again.counts["offered"]) == ({2: "same", 3: "same", 4: "new"}, 0)

    def test_a_correction_is_not_offered_to_another_institution_and_goes_with_its_person(self, cohort, camille):
        upload = portal.upload(cohort, portal.text(self.BAD), camille)
        reviewing.correct(upload, 2, {"email": "alan@x.fr"})
        portal.confirm(Upload.objects.get(), camille)
        other = make.cohort()
        elsewhere = portal.upload(other, portal.text(self.BAD), portal.role(other.institution))

        assert elsewhere.counts["offered"] == 0
        assert "alan" not in str(Correction.objects.values_list("row_hash").get())
        responses.erase(Invitee.objects.get(), at=timezone.now())
        assert not Correction.objects.exists()

    @pytest.mark.proves("list-columns")
    def test_none_is_remembered_too_and_what_we_would_have_chosen_is_not(self, cohort, camille):
        data = "Nom;Prénom;Courriel;Matricule\nLovelace;Ada;ada@x.fr;77001\nTuring;Alan;alan@x.fr;77005\n".encode()
        upload = portal.upload(cohort, data, camille)
        assert [row.person["reference"] for row in upload.rows.filter(line__gt=1)] == ["77001", "77005"]

        reviewing.choose(upload, meaning={"last_name": 0, "first_name": 1, "email": 2})

        assert dict(ColumnName.objects.values_list("name", "field")) == {"matricule": ""}
        again = portal.upload(cohort, data, camille)
        assert {row.person["reference"] for row in again.rows.filter(line__gt=1)} == {""}
        reviewing.choose(again, meaning={"last_name": 0, "first_name": 1, "email": 2, "reference": 3})
        assert not ColumnName.objects.exists()

    @pytest.mark.proves("list-numbers")
    def test_a_column_that_counts_can_be_chosen_by_hand_and_is_then_remembered(self, cohort, camille):
        data = "N°;Nom;Prénom;Courriel\n1;Lovelace;Ada;ada@x.fr\n2;Turing;Alan;alan@x.fr\n".encode()
        upload = portal.upload(cohort, data, camille)

        reviewing.choose(upload, meaning={"reference": 0, "last_name": 1, "first_name": 2, "email": 3})

        assert [row.person["reference"] for row in upload.rows.filter(line__gt=1)] == ["1", "2"]
        again = portal.upload(cohort, data, camille)
        assert [row.person["reference"] for row in again.rows.filter(line__gt=1)] == ["1", "2"]

    @pytest.mark.proves("list-names")
    def test_the_order_of_names_is_asked_once(self, cohort, camille):
        data = "Étudiant;Courriel\nAda Lovelace;ada@x.fr\n".encode()
        upload = portal.upload(cohort, data, camille)
        with pytest.raises(reviewing.Stale):
            portal.confirm(upload, camille)

        reviewing.choose(upload, meaning={"name": 0, "email": 1})
        assert processing.columns_of(Upload.objects.get()).asks == ("name_order",)
        reviewing.choose(upload, meaning={"name": 0, "email": 1}, order="first_last")

        again = portal.upload(cohort, data, camille)
        assert processing.columns_of(again).asks == ()
        assert again.rows.get(line=2).person["last_name"] == "Lovelace"

    @pytest.mark.proves("same-person")
    def test_a_new_address_without_a_number_is_the_same_person_when_somebody_says_so(self, cohort, camille):
        portal.apply(cohort, ["Lovelace", "Ada", "old@x.fr", ""])
        upload = portal.upload(cohort, portal.text(["LOVELACE", "Ada", "new@x.fr", ""]), camille)
        row = upload.rows.get(line=2)
        assert (row.verdict, row.findings[-1]["code"], row.is_doubtful) == ("new", "probably", True)
        invitee = Invitee.objects.get()

        reviewing.say_same(upload, 2, invitee.pk)

        assert verdicts(upload) == {2: "changed"}
        reviewing.say_same(upload, 2, None)
        assert verdicts(upload) == {2: "new"}
        reviewing.say_same(upload, 2, invitee.pk)
        portal.confirm(Upload.objects.get(status="review"), camille)
        assert Invitee.objects.get().email == "new@x.fr"
        stranger = portal.invitee(make.cohort(), ["Byron", "Ada", "b@x.fr", "1"])
        fresh = portal.upload(cohort, portal.text(EMMY), camille)
        with pytest.raises(reviewing.Stale):
            reviewing.say_same(fresh, 2, stranger.pk)

    @pytest.mark.proves("number-is-not-a-person")
    def test_who_has_the_number_of_another_is_another_person_until_somebody_says_otherwise(self, cohort, camille):
        portal.apply(cohort, ADA)
        upload = portal.upload(cohort, portal.text(["Byron", "Augusta", "byron@x.fr", ADA[3]]), camille)
        row = upload.rows.get(line=2)

        assert (row.verdict, row.person["reference"], row.findings[-1]["code"]) == ("new", "", "number_of_another")
        portal.confirm(upload, camille)
        assert dict(Invitee.objects.values_list("email", "reference")) == {"ada@x.fr": ADA[3], "byron@x.fr": ""}

    @pytest.mark.proves("list-seen")
    def test_all_computed_cells_are_taken_with_one_press(self, cohort, camille):
        data = (Path(__file__).parent / "lists" / "a20-formules.xlsx").read_bytes()
        upload = portal.upload(cohort, data, camille)
        assert verdicts(upload) == {2: "to_fix", 3: "to_fix", 4: "new", 5: "to_fix"}

        reviewing.accept(upload, "formulas")

        assert verdicts(upload) == {2: "new", 3: "new", 4: "new", 5: "to_fix"}

    @pytest.mark.proves("list-seen")
    def test_what_is_hidden_is_read_when_asked_and_what_is_struck_waits_for_a_press(self, cohort, camille):
        data = (Path(__file__).parent / "lists" / "a09-caches.xlsx").read_bytes()
        upload = portal.upload(cohort, data, camille)
        assert verdicts(upload) == {2: "new", 4: "new"}

        upload = portal.work(reviewing.read_otherwise(upload, sheet="Liste", hidden=True))
        assert verdicts(upload) == {2: "new", 3: "to_fix", 4: "new"}
        assert "201117505600" not in str([row.cells for row in upload.rows.all()])
        reviewing.accept(upload, "row", 3)

        assert verdicts(upload) == {2: "new", 3: "new", 4: "new"}


@pytest.mark.proves("one-invitation-link")
def test_the_page_says_how_many_invitations_leave_later_and_dropped_ones_do_not_count(cohort, camille, settings):
    settings.PARTNER_INVITATIONS_A_DAY = 2
    Cohort.objects.update(size=100)
    portal.apply(cohort, ADA, ALAN)
    Message.objects.filter(to="ada@x.fr").update(status=Message.Status.DROPPED, last_error="x")
    upload = portal.upload(cohort, portal.text(EMMY, ["Curie", "Marie", "marie@x.fr", "21007"]), camille)

    page = portal.signed_in(camille).get(f"/partners/lists/{upload.uuid}/").content.decode()

    assert "1 invitation" in page and "2 par jour" in page
