"""Lists as school offices send them (tests/partners/lists), and the right result of each; all people are invented."""

from pathlib import Path
from typing import Any

import pytest

from partners.domain import files, sentences
from partners.domain.checking import Level
from partners.domain.comparing import compare
from partners.domain.files import ListRefused
from partners.models import Invitee
from registrations.models import Cohort
from tests import make
from tests.partners import portal

LISTS = Path(__file__).parent / "lists"
SCHOOL = "@ecole-fictive.example"


def read(name: str, **options: Any) -> files.List:
    return files.read((LISTS / name).read_bytes(), **options)


def told(listed: files.List) -> dict[str, str]:
    """What is said about the list as a whole."""
    return {finding.code: str(sentences.about(finding)) for finding in listed.findings}


def people(listed: files.List) -> list[tuple[str, str, str]]:
    """Whom the list would bring: family name, first name, address."""
    return [(who.last_name, who.first_name, who.email) for who in listed.people if who.is_good]


def wrong(listed: files.List) -> dict[int, list[str]]:
    """What must be fixed, by line."""
    return {
        who.line: [finding.code for finding in who.findings if finding.level == Level.ERROR]
        for who in listed.people
        if any(finding.level == Level.ERROR for finding in who.findings)
    }


def fixes(listed: files.List) -> dict[int, str]:
    return {who.line: finding.fix for who in listed.people for finding in who.findings if finding.fix}


@pytest.mark.runs_once("files: no database is asked")
class TestReading:
    @pytest.mark.proves("list-numbers")
    @pytest.mark.parametrize("name", ["a64-n1", "a64-n2-insere", "a64-n3-remplace", "a64-n4-autre-cohorte"])
    def test_a_column_that_counts_is_nobodys_number(self, name):
        listed = read(f"{name}.csv")

        assert {who.reference for who in listed.people} == {""}
        assert "N°" in told(listed)["counts"]
        assert not listed.columns.guessed
        by_hand = read(f"{name}.csv", chosen={"reference": "N°", "last_name": "2", "first_name": "3", "email": "4"})
        assert [who.reference for who in by_hand.people][:2] == ["1", "2"]

    @pytest.mark.proves("list-names")
    def test_the_name_in_use_comes_before_the_one_of_birth(self):
        assert people(read("a61-nom-usage.csv")) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Martin", "Paul", f"paul.martin{SCHOOL}"),
            ("LEFÈVRE", "Lucie", f"lucie.lefevre{SCHOOL}"),
        ]
        assert [who.reference for who in read("a61-nom-usage.csv").people] == ["22000001", "22000002", "22000003"]

    def test_a_directory_is_read(self):
        listed = read("a25b-ldap.csv")

        assert people(listed) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Martin", "Paul", f"paul.martin{SCHOOL}"),
        ]
        assert [who.reference for who in listed.people] == ["jdurand", "pmartin"]

    def test_an_unknown_header_over_addresses_is_known_by_what_stands_under_it(self):
        assert [email for *_name, email in people(read("a29b-email-inconnu.csv"))] == [
            f"jeanne.durand{SCHOOL}",
            f"paul.martin{SCHOOL}",
        ]

    @pytest.mark.proves("list-columns")
    def test_of_two_addresses_the_institutions_is_taken_and_the_choice_is_said(self):
        listed = read("a02-scolarite.csv")

        assert people(listed) == [
            ("LEFÈVRE", "Zoé", f"zoe.lefevre{SCHOOL}"),
            ("D'ORNANO", "Côme", f"come.dornano{SCHOOL}"),
            ("VAN DER BERG", "Jan", f"jan.vanderberg{SCHOOL}"),
        ]
        assert "E-mail institutionnel\u00a0» est utilisée, et non E-mail personnel" in told(listed)["two_addresses"]
        assert "N° Sécurité sociale" in told(listed)["nirs"]
        assert {who.reference for who in listed.people} == {""}

    def test_questions_are_headers_too(self):
        assert people(read("a23-google-forms.csv")) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Martin", "Paul", f"paul.martin{SCHOOL}"),
        ]

    def test_raw_names_of_a_database_are_headers_too(self):
        listed = read("a01-apogee-brut.csv")

        assert people(listed) == [
            ("BERTHELOT", "Élodie", f"elodie.berthelot{SCHOOL}"),
            ("DE LA TOUR", "Côme", f"come.delatour{SCHOOL}"),
            ("LEFÈVRE", "Zoé", f"zoe.lefevre{SCHOOL}"),
        ]
        assert {(who.reference[:5], who.programme) for who in listed.people} == {
            ("21900", "M1 Intelligence artificielle")
        }

    def test_who_stands_above_the_header_is_no_guest(self):
        listed = read("a66-contact-au-dessus.csv")

        assert (listed.columns.header_line, len(listed.people)) == (4, 2)
        assert people(listed)[0] == ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}")

    @pytest.mark.proves("list-seen")
    def test_what_is_hidden_is_not_read_unless_somebody_asks_and_both_are_said(self):
        listed = read("a09-caches.xlsx")

        assert listed.read_as["sheet"] == "Liste"
        assert [who[0] for who in people(listed)] == ["Durand", "Petit"]
        assert "NIR" in told(listed)["hidden_columns"]
        assert "1 ligne masquée" in told(listed)["hidden_rows"]
        assert "Anciens" in told(listed)["sheets"] and "Lisez-moi" in told(listed)["sheets"]

        everything = files.open_file((LISTS / "a09-caches.xlsx").read_bytes(), hidden=True)
        assert len(everything["rows"]) == 4
        assert everything["struck"] == [3]

    @pytest.mark.proves("list-damage", "list-guesses")
    def test_a_social_security_number_is_never_kept_and_said(self):
        listed = read("a71-sans-entete-nir.csv")

        assert [who.reference for who in listed.people] == ["", ""]
        assert people(listed)[0] == ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}")
        assert {"nirs", "no_header"} <= set(told(listed))
        assert listed.columns.guessed

    def test_without_a_header_somebody_is_asked(self):
        listed = read("22-no-header.csv")

        assert people(listed) == [
            ("Dupont", "Jean", "jd@univ-exemple.example"),
            ("Durand", "Ana", "ad@univ-exemple.example"),
        ]
        assert listed.columns.guessed

    @pytest.mark.proves("list-cells")
    def test_addresses_are_taken_out_of_what_is_written_around_them(self):
        listed = read("a05-adresses.csv")

        assert {who[0]: who[2].removesuffix(SCHOOL) for who in people(listed)} == {
            "Petit": "lucie.petit",
            "Roux": "hugo.roux",
            "Blanc": "ines.blanc",
            "Noir": "ali.noir",
            "Vert": "lea.vert",
            "Brun": "tom.brun",
            "Lila": "ugo.lila",
            "Azur": "zia.azur",
        }
        lines = {who.last_name: who.line for who in listed.people}
        assert {
            name: fixes(listed).get(line, "").removesuffix(SCHOOL)
            for name, line in lines.items()
            if line in wrong(listed)
        } == {
            "Durand": "jeanne.durand",
            "Martin": "paul.martin",
            "Gris": "eva.gris",
            "Rose": "max.rose",
            "Bleu": "noa.bleu",
            "Ocre": "eli.ocre",
        }
        said = {finding.code for who in listed.people if who.last_name == "Petit" for finding in who.findings}
        assert "cleaned" in said

    def test_the_recipients_of_a_mail_become_people(self):
        assert people(read("a06-outlook.txt")) == [
            ("DURAND", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("MARTIN", "Paul", f"paul.martin{SCHOOL}"),
            ("PETIT", "Lucie", f"lucie.petit{SCHOOL}"),
        ]
        assert not read("a06-outlook.txt").columns.guessed

    def test_recipients_whose_names_do_not_tell_their_order_are_asked_about_once(self):
        listed = read("a06b-outlook-lignes.txt")

        assert listed.columns.asks == ("name_order",)
        assert people(read("a06b-outlook-lignes.txt", remembered={"recipients": "name:first_last"})) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Martin", "Paul", f"paul.martin{SCHOOL}"),
        ]

    @pytest.mark.proves("list-cells")
    def test_what_nobody_can_see_is_removed_and_said(self):
        listed = read("a07-invisibles.csv")

        assert wrong(listed) == {}
        assert people(listed) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Mar tin", "Paul", f"paul.martin{SCHOOL}"),
            ("Petit", "Lucie", f"lucie.petit{SCHOOL}"),
            ("Roux", "Hugo", f"hugo.roux{SCHOOL}"),
            ("Noir", "Ali", f"ali.noir{SCHOOL}"),
            ("Vert", "Léa Marie", f"lea.vert{SCHOOL}"),
        ]
        said = {who.line: {finding.code for finding in who.findings} for who in listed.people}
        assert all(codes & {"unseen", "trimmed", "cleaned"} for codes in said.values())

    def test_a_line_break_at_the_end_of_a_cell_is_trimmed(self):
        listed = read("newlines.xlsx")

        assert wrong(listed) == {}
        assert [who.email for who in listed.people] == [f"nwl.{n}@etu.cnam-fictif.example" for n in range(1, 7)]
        assert [who.last_name for who in listed.people][2] == "Dupont Martin"
        assert {who.programme for who in listed.people} == {"Master A"}

    @pytest.mark.proves("list-damage")
    def test_totals_and_signatures_are_set_aside_with_one_sentence(self):
        listed = read("a08-totaux.csv")

        assert people(listed) == [
            ("Durand", "Jeanne", f"jeanne.durand{SCHOOL}"),
            ("Martin", "Paul", f"paul.martin{SCHOOL}"),
        ]
        assert wrong(listed) == {}
        assert "TOTAL, Effectif :, Fait à Paris, le 12/10/2026" in told(listed)["notes"]

    @pytest.mark.proves("list-seen")
    def test_formulas_are_found_whatever_wrote_them_and_told_together(self):
        listed = read("a20-formules.xlsx")

        assert wrong(listed) == {2: ["formula"], 3: ["formula"], 5: ["email_beside"]}
        assert "2" in told(listed)["formulas"]
        assert fixes(listed)[5] == f"hugo.roux{SCHOOL}"  # where the cell leads
        assert wrong(read("a45-prefixes.xlsx")) == {3: ["formula"]}

    @pytest.mark.proves("list-cells")
    def test_what_was_encoded_twice_can_be_repaired_with_its_headers(self):
        assert "encoded_twice" in told(read("a39-double.csv"))

        assert people(read("a39-double.csv", encoding="utf-8-twice")) == [
            ("Lefèvre", "Zoé", "zl@ecole-fictive.example")
        ]

    @pytest.mark.proves("list-damage")
    def test_what_a_spreadsheet_has_made_of_numbers_is_named_and_not_kept(self):
        listed = read("csv_dates.csv")

        kept = {who.line: (who.reference, who.programme) for who in listed.people}
        assert kept == {
            2: ("00129601", "Master A"),
            3: ("", "Master A"),
            4: ("", ""),
            5: ("", "Master A"),
            6: ("", ""),
            7: ("00129606", "Master A"),
        }
        codes = {who.line: {(finding.column, finding.code) for finding in who.findings} for who in listed.people}
        assert ("reference", "excel_date") in codes[3] & codes[4]
        assert ("programme", "excel_date") in codes[4]
        assert ("reference", "excel_number") in codes[5]
        assert {("reference", "error_value"), ("programme", "error_value")} <= codes[6]
        assert wrong(listed) == {7: ["error_in_name"]}

    @pytest.mark.proves("list-names")
    def test_one_column_of_names_is_taken_apart(self):
        listed = read("a03b-etudiant-colonne.csv")

        assert people(listed) == [
            ("DE LA TOUR", "Côme", f"come.delatour{SCHOOL}"),
            ("LEFÈVRE", "Zoé", f"zoe.lefevre{SCHOOL}"),
        ]
        assert not listed.columns.guessed

    @pytest.mark.proves("list-seen")
    def test_an_old_workbook_is_named_with_what_to_press(self):
        with pytest.raises(ListRefused) as refused:
            read("a13-ancien.xls")

        assert "Excel" in str(refused.value) and "XLS" in str(refused.value).upper()
        assert refused.value.said == {"type": "XLS"}

    def test_every_list_is_tried_here(self):
        source = Path(__file__).read_text()

        assert {path.name for path in LISTS.iterdir() if path.stem not in source} == set()
        assert len(list(LISTS.iterdir())) == 26


@pytest.mark.django_db
class TestComparing:
    def apply(self, cohort: Cohort, name: str, **options: Any) -> dict[str, int]:
        comparison = compare(cohort, read(name, **options).people, replacing=False)
        upload = portal.upload(cohort, (LISTS / name).read_bytes(), portal.role(cohort.institution))
        portal.confirm(upload, upload.uploaded_by)
        return comparison.counts()

    @pytest.mark.proves("number-is-not-a-person")
    @pytest.mark.parametrize("chosen", [None, {"reference": "1", "last_name": "2", "first_name": "3", "email": "4"}])
    def test_three_lists_and_one_seat(self, chosen):
        cohort = make.cohort(size=20)
        self.apply(cohort, "a64-n1.csv")
        session = portal.session_for(cohort, 1)
        anne = Invitee.objects.get(last_name="Bernard")
        portal.seat(session, portal.accepted(anne))
        before = list(Invitee.objects.order_by("pk").values("pk", "last_name", "email", "uuid", "key_version"))

        second = compare(cohort, read("a64-n2-insere.csv", chosen=chosen).people, replacing=False)
        assert [who.last_name for who in second.new] == ["Albert"]
        assert all(set(difference.fields) <= {"reference"} for difference in second.changed)
        third = compare(cohort, read("a64-n3-remplace.csv", chosen=chosen).people, replacing=True)
        assert [who.last_name for who in third.new] == ["Lucas"]
        assert [who.last_name for who in third.removed] == ["Durand"]
        assert list(Invitee.objects.order_by("pk").values("pk", "last_name", "email", "uuid", "key_version")) == before

    @pytest.mark.proves("number-is-not-a-person")
    def test_another_cohort_of_the_school_is_five_new_people(self):
        first = make.cohort(size=20)
        self.apply(first, "a64-n1.csv")
        second = make.cohort(size=20, institution=first.institution)

        for chosen in (None, {"reference": "1", "last_name": "2", "first_name": "3", "email": "4"}):
            comparison = compare(second, read("a64-n4-autre-cohorte.csv", chosen=chosen).people, replacing=False)
            assert (len(comparison.new), comparison.elsewhere, comparison.changed) == (5, [], [])
