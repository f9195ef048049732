"""What lists bring: each input is read right, or refused with one sentence, and never costs much."""

import csv
import re
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from core.sheets import confined, reader
from core.sheets.confined import MAX_BYTES
from partners.domain import checking, columns, files, sentences
from partners.domain.checking import Level
from partners.domain.files import ListRefused
from tests.partners import files as make

pytestmark = pytest.mark.runs_once("files are read without a database")
DATA = Path(settings.BASE_DIR) / "summit" / "demo" / "data"
ADA = ["Lovelace", "Ada", "ada@example.org", "0001"]


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def read(*rows, **options):
    return files.read(make.text(make.HEADER, *rows), **options)


def one(*cells):
    """The person that a list of one row holds, and the codes of what was found about it."""
    [person] = read(list(cells) + ADA[len(cells) :]).people
    return person, [found.code for found in person.findings]


def refused(data, **options):
    with pytest.raises(ListRefused) as caught:
        files.read(data, **options)
    assert str(caught.value)
    return caught.value


# A child is charged with the memory of whoever started it, and a process that has run a thousand tests is large: a
# fresh one asks.
MEASURED = """
import resource, subprocess, sys
data = sys.stdin.buffer.read()
subprocess.run([sys.executable, "-I", sys.argv[1], f'{{"sizes": [{len(data)}]}}'], input=data, capture_output=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / (1 if sys.platform == "linux" else 1024))
"""


def peak_mb(data: bytes) -> float:
    """How much memory, in MB, the process that reads `data` had at most."""
    command = [sys.executable, "-I", "-c", MEASURED, reader.__file__]
    return float(subprocess.run(command, input=data, capture_output=True, check=True).stdout)


class TestRealLists:
    """The lists that two programmes really send: fifty people each, and every defect by its name."""

    @pytest.mark.proves("list-errors-at-once")
    @pytest.mark.parametrize(
        "name", ["students-medas.csv", "students-marketing-digital.csv", "students-marketing-digital.xlsx"]
    )
    def test_they_come_out_whole_with_each_defect_named(self, name):
        found = files.read((DATA / name).read_bytes())

        codes = {one.code for person in found.people for one in person.findings} | {one.code for one in found.findings}
        bad = [one for one in found.people if any(finding.level == Level.ERROR for finding in one.findings)]
        good = [one for one in found.people if one.is_good]
        named = {
            "capitals",
            "trimmed",
            "email_missing",
            "email_at",
            "reference_blanks",
            "reference_missing",
            "spellings",
            "swapped",
        }
        assert named - {"reference_blanks"} | {"blank", "repeated", "same_reference"} <= codes
        assert sorted(
            finding.code for person in bad for finding in person.findings if finding.level == Level.ERROR
        ) == [
            "email_at",
            "email_missing",
        ]
        shared = "lea.ombrelointain@etu.cnam-fictif.example" in {one.email for one in found.people}
        assert len(good) + len(bad) == 50 + (shared and "marketing" in name)

    def test_the_workbook_has_a_title_a_total_and_numbers_without_their_zeros(self):
        found = files.read((DATA / "students-marketing-digital.xlsx").read_bytes())

        assert found.columns.header_line == 3
        assert [one.line for one in found.people if one.is_note] == [59]
        assert {one.reference for one in found.people if one.line in (6, 9)} == {"00090603", "00090606"}

    @pytest.mark.proves("list-formats")
    @pytest.mark.parametrize("name", ["students-medas", "students-marketing-digital"])
    def test_the_three_forms_say_the_same(self, name):
        rows = list(csv.reader((DATA / f"{name}.csv").read_text("cp1252").splitlines(), delimiter=";"))
        forms = [files.read(data) for data in ((DATA / f"{name}.csv").read_bytes(), make.xlsx(rows), make.ods(rows))]

        kept = [
            [(one.email, one.last_name, one.first_name, one.reference) for one in form.people if one.is_good]
            for form in forms
        ]
        assert kept[0] == kept[1] == kept[2]
        assert len(kept[0]) in (48, 49)


class TestLetters:
    """What the bytes mean."""

    @pytest.mark.proves("list-formats")
    @pytest.mark.parametrize(
        ("encoding", "read_as"),
        [
            pytest.param("utf-8-sig", "utf-8", id="utf-8 with a mark"),
            pytest.param("utf-8", "utf-8", id="utf-8"),
            pytest.param("utf-16", "utf-16", id="utf-16"),
            pytest.param("cp1252", "cp1252", id="windows-1252"),
        ],
    )
    def test_accents_arrive(self, encoding, read_as):
        found = files.read(make.text(make.HEADER, ["Cœur €’", "Éloïse", "e@example.org", "21001"], encoding=encoding))

        assert found.people[0].last_name == "Cœur €’"
        assert found.columns.names[0] == "Nom"
        assert found.read_as["encoding"] == read_as

    def test_the_unicode_text_of_excel(self):
        data = b"\xfe\xff" + make.text(
            make.HEADER, ["Zoë", "É", "e@example.org", "21001"], encoding="utf-16-be", delimiter="\t"
        )
        assert files.read(data).people[0].last_name == "Zoë"

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_without_a_mark_it_is_refused(self, encoding):
        assert refused(make.text(make.HEADER, ADA, encoding=encoding)).code == "utf16_without_mark"

    @pytest.mark.proves("list-formats")
    def test_names_are_shown_when_the_encoding_is_a_guess(self):
        found = files.read(make.text(make.HEADER, ["Cœur", "Zoé", "e@example.org", "21001"], encoding="cp1252"))

        assert [sentences.about(one) for one in found.findings] == [
            "Read as Windows (Western Europe). Are these names right? Zoé Cœur"
        ]

    def test_another_encoding_can_be_chosen(self):
        data = make.text(make.HEADER, ["Élan", "Zoé", "e@example.org", "21001"], encoding="mac_roman")

        assert files.read(data).people[0].first_name != "Zoé"
        assert files.read(data, encoding="mac_roman").people[0].first_name == "Zoé"

    @pytest.mark.proves("list-formats")
    def test_two_encodings_in_one_file_are_refused_with_the_line(self):
        data = make.text(make.HEADER, ["Élan", "Zoé", "e@example.org", "21001"]) + make.text(
            ["Cœur", "Zoé", "f@example.org", "21002"], encoding="cp1252"
        )

        error = refused(data)

        assert (error.code, error.said) == ("two_encodings", {"line": 3, "byte": "0x9C"})
        assert "line 3" in str(error)

    def test_accents_encoded_twice_are_told_and_repaired_on_request(self):
        data = make.text(
            make.HEADER, ["Cœur".encode().decode("cp1252"), "Zoé".encode().decode("cp1252"), "e@example.org", "1"]
        )

        assert "encoded_twice" in [one.code for one in files.read(data).findings]
        assert files.read(data, encoding="utf-8-twice").people[0].name == "Zoé Cœur"


class TestTables:
    """Rows and columns."""

    @pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
    def test_the_delimiter_is_found(self, delimiter):
        assert files.read(make.text(make.HEADER, ADA, delimiter=delimiter)).people[0].name == "Ada Lovelace"

    def test_excels_own_first_line_decides(self):
        assert files.read(make.text("sep=|", make.HEADER, ADA, delimiter="|")).people[0].line == 2

    @pytest.mark.parametrize(
        "rows", [["Courriel", "a@example.org", "b@example.org"], ["a@example.org", "b@example.org"]]
    )
    def test_one_column_of_addresses(self, rows):
        found = files.read(make.text(*rows))

        assert [one.email for one in found.people] == ["a@example.org", "b@example.org"]

    def test_quotes_hold_delimiters_lines_and_quotes(self):
        found = read(
            '"Love;lace, dite ""Ada""";Ada;ada@example.org;1',
            '"Deux\nlignes";B;b@example.org;2',
            "C\u2028D;C;c@example.org;3",
        )

        assert found.people[0].last_name == 'Love;lace, dite "Ada"'
        assert [one.line for one in found.people] == [2, 3, 4]
        assert [one.last_name for one in found.people[1:]] == ["Deux lignes", "C D"]

    def test_a_quote_that_is_never_closed_is_told_with_its_line(self):
        data = make.text(make.HEADER, ADA, '"Open;B;b@example.org;2', *(["x"] * 4 for _ in range(40_000)))
        began = time.monotonic()

        error = refused(data)

        assert (error.code, error.said) == ("open_quote", {"line": 3})
        assert time.monotonic() - began < 3

    @pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
    def test_every_end_of_line(self, end):
        found = files.read(make.text(make.HEADER, ADA, ["B", "B", "b@example.org", "21002"], end=end))
        assert [one.line for one in found.people] == [2, 3]

    def test_mixed_ends(self):
        assert len(files.read(b"Nom;Courriel\rA;a@example.org\nB;b@example.org\r\nC;c@example.org").people) == 3

    @pytest.mark.parametrize(
        "data", [b"", b"\n\n \n", b"\xef\xbb\xbf", make.text(make.HEADER), make.text(make.HEADER, ";;;", ";;;")]
    )
    def test_nobody_in_it(self, data):
        assert refused(data).code == "empty"

    def test_without_a_header_the_columns_are_guessed_and_that_is_said(self):
        found = files.read(make.text(ADA, ["Turing", "Alan", "alan@example.org", "0002"]))

        assert [one.name for one in found.people] == ["Ada Lovelace", "Alan Turing"]
        assert found.people[0].reference == "0001"
        assert [one.code for one in found.findings] == ["no_header"]

    @pytest.mark.proves("list-formats")
    @pytest.mark.parametrize(
        "header",
        [
            ["Email", "Student ID", "First name", "Last name", "Phone"],
            ["  COURRIEL ", "Matricule", "PRÉNOM\u00a0", "Nom de famille", "Tél."],
            ["Adresse e-mail", "N°\u00a0étudiant", "Prenom", "nom", "Remarques"],
        ],
    )
    def test_columns_in_any_order_and_language_and_what_is_not_kept_is_said(self, header):
        found = files.read(make.text(header, ["ada@example.org", "7", "Ada", "Lovelace", "a secret"]))

        [person] = found.people
        assert (person.name, person.email, person.reference) == ("Ada Lovelace", "ada@example.org", "7")
        assert found.columns.not_kept == [header[4]]

    def test_what_an_institution_called_its_columns_before_is_remembered(self):
        remembered = {"Mél pro": "email", "Qui": "last_name"}
        assert (
            files.read(make.text("Qui;Mél pro", "Ada;ada@example.org"), remembered=remembered).people[0].email
            == "ada@example.org"
        )

    def test_two_columns_of_one_name_are_refused(self):
        error = refused(make.text("Nom;Courriel;nom", "A;a@example.org;B"))
        assert (error.code, error.said) == ("twice", {"names": "nom"})

    def test_a_list_without_addresses_is_refused_with_the_columns_that_were_found(self):
        error = refused(make.text("Nom;Prénom;Téléphone", "Lovelace;Ada;0102030405"))

        assert error.code == "no_addresses"
        assert "Téléphone" in str(error)

    def test_a_ragged_row_is_told_and_the_others_go_on(self):
        found = read(
            ["A", "A", "a@example.org", "21001", "oops"],
            ["B", "B", "", "21002"],
            ["C", "C", "c@example.org", "21003"],
            ["D"],
        )

        assert [[one.code for one in person.findings] for person in found.people] == [
            ["ragged"],
            ["email_missing"],
            [],
            ["note"],
        ]

    @pytest.mark.proves("list-formats")
    def test_a_million_rows_are_refused_before_they_are_read(self):
        data = b"Nom;Courriel\n" + b"".join(b"a;%d@x.y\n" % n for n in range(750_000))
        began = time.monotonic()

        assert refused(data[:MAX_BYTES]).code == "too_many_rows"
        assert time.monotonic() - began < 6

    @pytest.mark.proves("list-formats")
    def test_more_than_ten_megabytes_are_refused(self):
        assert refused(b"a" * (MAX_BYTES + 1)).code == "too_large"

    @pytest.mark.proves("list-formats")
    def test_a_cell_without_end_is_refused(self):
        assert refused(make.text(make.HEADER, ["x" * 140_000, "A", "a@example.org", "1"])).code == "hopeless_cell"

    def test_more_columns_than_a_list_has_are_refused(self):
        assert refused(make.text([*make.HEADER, *map(str, range(40))], [*ADA, *["x"] * 40])).code == "too_many_columns"


class TestCells:
    """What people are called, and where they are written to."""

    def test_a_name_is_at_most_so_long_and_may_be_a_single_letter(self):
        person, codes = one("x" * 300)

        assert codes == ["too_long"]
        assert len(person.findings[0].value) == 60
        assert one("O", "")[1] == []
        assert one("x" * 300, "y" * 300)[1] == ["too_long", "too_long"]

    def test_accents_written_in_two_ways_are_the_same(self):
        person, _codes = one("Le\u0301a")
        assert person.last_name == "L\u00e9a"

    @pytest.mark.proves("list-names-kept")
    @pytest.mark.parametrize(
        "name",
        [
            "McDonald",
            "d'Artagnan",
            "van der Berg",
            "DE LA TOUR",
            "Nguyễn",
            "ਪੰਜਾਬੀ",
            "مريم",
            "山田",
            "🎉 Ada",
            "<script>",
        ],
    )
    def test_names_stay_as_they_are_written(self, name):
        person, codes = one(name)
        assert person.last_name == name
        assert set(codes) <= {"capitals"}

    @pytest.mark.proves("list-names-kept")
    @pytest.mark.parametrize(
        "written", [" ADA@Example.ORG ", "\u00a0ada@example.org", "mailto:ada@example.org", "ada@example.org."]
    )
    def test_addresses_are_tidied(self, written):
        person, codes = one("A", "A", written)
        assert person.email == "ada@example.org"
        assert codes in (["trimmed"], ["cleaned"])

    def test_similar_addresses_are_told_and_both_kept(self):
        found = read(
            ["A", "A", "jean@x.fr", "21001"],
            ["B", "B", "jean+2@x.fr", "21002"],
            ["C", "C", "j.ean@gmail.com", "21003"],
            ["D", "D", "jean@gmail.com", "21004"],
        )

        assert [person.is_good for person in found.people] == [True] * 4
        assert [[one.code for one in person.findings] for person in found.people] == [
            [],
            ["similar_address"],
            [],
            ["similar_address"],
        ]

    @pytest.mark.parametrize("address", ["\u0430dmin@example.org", "\uff41@example.org"])
    def test_letters_that_look_like_others_are_refused_with_their_code_point(self, address):
        person, codes = one("A", "A", address)
        assert codes == ["email_letter"]
        assert person.findings[0].said["letter"] == f"U+{ord(address[0]):04X}"

    def test_a_domain_of_two_alphabets_is_told_with_where_it_really_goes(self):
        person, codes = one("A", "A", "a@ex\u0430mple.org")

        assert "domain_mixed" in codes
        assert person.is_good
        assert person.email == "a@xn--exmple-4nf.org"

    def test_who_comes_twice_is_kept_once(self):
        again, other = ["Lovelace", "Ada", "b@example.org", "0001"], ["Autre", "B", "c@example.org", "0001"]
        found = read(ADA, ["Lovelace", "A.", "ADA@example.org", "21002"], again, other)

        assert [person.is_good for person in found.people] == [True, False, False, True]
        assert [one.code for one in found.people[1].findings][-1] == "repeated"
        assert [one.code for one in found.people[2].findings] == ["same_reference"]
        # A number is not a person: who is called otherwise, at another address, is another one.
        assert [one.code for one in found.people[3].findings] == ["shared_number"]
        assert found.people[3].reference == ""

    @pytest.mark.parametrize(
        "address",
        [
            f"{'x' * 65}@example.org",
            "a@[127.0.0.1]",
            "a@b",
            "a b@example.org",
            "@example.org",
            "a@",
            "a",
            "a@b..fr",
            "a@b,fr",
            "a@@b.fr",
        ],
    )
    def test_what_is_no_address_is_refused(self, address):
        assert one("A", "A", address)[1] == ["email_invalid"]

    def test_a_line_break_after_an_address_is_trimmed(self):
        assert one("A", "A", '"a@b.fr\n"')[1] == ["trimmed"]

    @pytest.mark.parametrize("address", ["a@b.fr, evil@x.y", "a@b.fr evil@x.y", '"a@b.fr;evil@x.y"'])
    def test_one_address_in_a_cell(self, address):
        assert one("A", "A", address)[1] == ["several_addresses"]

    @pytest.mark.proves("list-names-kept")
    @pytest.mark.parametrize("letter", ["\u202e", "\u200b", "\ufeff", "\x07", "\u200d"])
    def test_an_invisible_letter_is_removed_and_said(self, letter):
        person, codes = one(f"A{letter}da")
        assert (person.last_name, codes) == ("Ada", ["unseen"])

    def test_what_a_broken_file_left_is_refused_by_its_name(self):
        for letter in ("\0", "\ufffd"):
            person, codes = one(f"A{letter}da")
            assert (person.last_name, codes) == ("", ["control"])
            assert person.findings[0].said["letter"] == f"U+{ord(letter):04X}"

    @pytest.mark.proves("names-as-written")
    def test_a_web_address_is_no_name(self):
        person, codes = one("Ada www.evil.example")
        assert (person.last_name, codes) == ("", ["web_address"])

    @pytest.mark.parametrize("name", ["می\u200cخواهم", "क्\u200dष"])
    def test_joiners_are_letters_business_where_they_shape_them(self, name):
        assert one(name)[1] == []

    def test_a_lone_surrogate_is_refused(self):
        book = make.xlsx([make.HEADER, ["Nom0", "Ada", "ada@example.org", "21001"]])

        assert refused(make.changed(book, "xl/worksheets/sheet1.xml", old="Nom0", new="&#xD800;")).code == "damaged"
        assert [
            one.code for one in checking.check_row(2, ["\ud800", *ADA[1:]], columns.find([(1, make.HEADER)])).findings
        ] == ["control"]

    @pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+cmd", "-1+1", "@SUM", "＝1", "==1+1"])
    def test_what_looks_like_a_formula_is_text(self, text):
        assert one(text)[0].last_name == text

    def test_a_cell_that_holds_a_formula_is_not_believed(self):
        found = files.read(
            make.xlsx(
                [make.HEADER, ['="Love"&"lace"', "Ada", "ada@example.org", "1"], ["B", "B", "b@example.org", "21002"]]
            )
        )

        assert next(one.code for one in found.people[0].findings) == "formula"
        assert [one.is_good for one in found.people] == [False, True]

    def test_a_formula_is_found_in_ods_too_behind_what_repeats(self):
        computed = (
            '<table:table-cell table:formula="of:=[.A1]" office:value-type="string">'
            "<text:p>{}</text:p></table:table-cell>"
        )
        plain = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
        row = f"<table:table-row>{plain}{plain}{computed}{plain}</table:table-row>"
        empty = (
            '<table:table-row table:number-rows-repeated="3">'
            '<table:table-cell table:number-columns-repeated="4"/></table:table-row>'
        )
        extra = (
            empty
            + row.format("A", "Ada", "ada@example.org", "1")
            + row.replace(computed, plain).format("B", "B", "b@example.org", "2")
        )

        found = files.read(make.ods([make.HEADER], extra=extra))

        assert [(one.line, one.is_good) for one in found.people] == [(5, False), (6, True)]
        assert [(one.code, one.column) for one in found.people[0].findings] == [("formula", "email")]


class TestWorkbooks:
    """Files that are more than a table, or something else."""

    @pytest.mark.proves("hostile-file")
    @pytest.mark.parametrize("bomb", [make.bomb, make.lying_bomb])
    def test_a_bomb_is_refused_before_it_is_unpacked(self, bomb):
        data = bomb()
        began = time.monotonic()

        assert refused(data).code in ("bomb", "damaged")
        assert time.monotonic() - began < 3
        assert peak_mb(data) < 256

    def test_what_else_is_in_an_archive_is_never_touched(self, tmp_path):
        book = make.changed(make.xlsx([make.HEADER, ADA]), "../../escaped.txt", content=b"gotcha")

        assert files.read(book).people[0].name == "Ada Lovelace"
        assert not list(tmp_path.parent.glob("**/escaped.txt"))

    @pytest.mark.parametrize(
        "declared",
        [
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE l [<!ENTITY a "l"><!ENTITY b "&a;&a;&a;">]>',
        ],
    )
    def test_entities_are_refused(self, declared):
        book = make.xlsx([make.HEADER, ADA])
        assert (
            refused(make.changed(book, "xl/worksheets/sheet1.xml", old="<worksheet", new=f"{declared}<worksheet")).code
            == "damaged"
        )

    def test_a_cell_at_the_end_of_the_world_is_refused_at_once(self):
        book = make.xlsx([make.HEADER, ADA])
        far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
        began = time.monotonic()

        assert refused(make.changed(book, "xl/worksheets/sheet1.xml", old="</sheetData>", new=far)).code.startswith(
            "too_many"
        )
        assert time.monotonic() - began < 3

    def test_a_size_that_is_a_lie_does_not_count(self):
        book = make.xlsx([make.HEADER, ADA])
        lying = make.changed(book, "xl/worksheets/sheet1.xml", old='ref="A1:D2"', new='ref="A1:XFD1048576"')
        assert len(files.read(lying).people) == 1

    def test_ten_thousand_sheets_are_refused(self):
        book = make.archive(
            {"[Content_Types].xml": "", "xl/workbook.xml": ""}
            | {f"xl/worksheets/sheet{n}.xml": "" for n in range(10_000)}
        )
        assert refused(book).code == "bomb"

    def test_the_first_visible_sheet_is_read_the_others_named_and_any_can_be_chosen(self):
        book = make.xlsx([make.HEADER, ADA], sheets={"Brouillon": "hidden", "Master": "visible"})

        found = files.read(book)

        assert found.read_as["hidden_sheets"] == ["Brouillon"]
        assert [sentences.about(one) for one in found.findings] == [
            "We’ve read the sheet “Sheet”. There are others: Master, Brouillon."
        ]
        assert refused(book, sheet="3").code == "no_addresses"
        assert refused(book, sheet="Rien").code == "no_such_sheet"
        assert files.read(book, sheet="1").people[0].name == "Ada Lovelace"

    @pytest.mark.proves("list-formats")
    @pytest.mark.parametrize(
        ("data", "code", "type_"),
        [
            pytest.param(
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
                "encrypted",
                "",
                id="encrypted",
            ),
            pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "other_type", "XLS", id="xls"),
            pytest.param(make.archive({"xl/workbook.bin": ""}), "other_type", "XLSB", id="xlsb"),
            pytest.param(make.archive({"xl/vbaProject.bin": ""}), "other_type", "XLSM", id="xlsm"),
            pytest.param(b"<!DOCTYPE html><table>", "other_type", "HTML", id="html"),
            pytest.param(b"%PDF-1.7", "other_type", "PDF", id="pdf"),
            pytest.param(make.archive({"word/document.xml": ""}), "other_type", "DOCX", id="docx"),
            pytest.param(b"\x89PNG\r\n\x1a\n", "other_type", "PNG", id="png"),
            pytest.param(make.archive({"a.txt": ""}), "other_type", "ZIP", id="zip"),
            pytest.param(b"PK\x03\x04 and then nothing", "damaged", "", id="no archive"),
        ],
    )
    def test_other_files_are_refused_by_what_they_are(self, data, code, type_):
        error = refused(data)
        assert (error.code, error.said.get("type", "")) == (code, type_)

    def test_a_truncated_workbook_and_a_wrong_checksum_are_refused(self):
        book = make.xlsx(make.people(200))

        assert refused(book[: len(book) // 2]).code == "damaged"
        assert refused(make.wrong_checksum(book)).code == "damaged"

    def test_a_date_in_a_workbook_is_read_by_its_type_and_is_nobodys_number(self):
        rows = [["A", "A", "a@example.org", date(2027, 4, 3)], ["B", "B", "b@example.org", "0007"]]
        found = files.read(make.xlsx([make.HEADER, *rows, ["C", "C", "c@example.org", "0009"]]))
        assert [one.reference for one in found.people] == ["", "0007", "0009"]
        assert (found.people[0].findings[0].code, found.people[0].findings[0].value) == ("excel_date", "2027-04-03")

    def test_a_number_that_excel_has_changed_is_told(self):
        assert one("A", "A", "a@example.org", "3,5E+10")[1] == ["excel_number"]


@pytest.mark.proves("hostile-file")
class TestTheChild:
    """What a file does, it does to a process that has nothing."""

    @pytest.mark.proves("hostile-file")
    def test_it_can_open_no_file_and_no_socket(self):
        program = (
            f"import socket, sys; sys.path.append({str(confined.ROOT)!r})\n"
            "from core.sheets import reader; reader._confine()\n"
            "for act in (lambda: open('/etc/passwd'), lambda: socket.socket()):\n"
            "    try: act(); print('open')\n"
            "    except OSError as error: print(error.errno)\n"
        )
        done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["24", "24"]

    @pytest.mark.proves("hostile-file")
    def test_it_has_so_much_memory(self):
        program = (
            f"import sys; sys.path.append({str(confined.ROOT)!r})\n"
            "from core.sheets import reader; reader._confine()\n"
            "try: b'x' * (600 * 1024 * 1024); print('had it')\n"
            "except MemoryError: print('refused')\n"
        )
        done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["refused"]

    @pytest.mark.proves("hostile-file")
    def test_it_has_three_seconds_of_the_processor(self):
        row = "<row>" + "<c/>" * 40 + "</row>"
        book = make.changed(
            make.xlsx([make.HEADER, ADA]),
            "xl/worksheets/sheet1.xml",
            old="</sheetData>",
            new=row * 190_000 + "</sheetData>",
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)

        assert refused(make.padded(book)).code == "too_slow"

        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4

    @pytest.mark.proves("hostile-file")
    @pytest.mark.parametrize("data", [b"\n", b";", b"\r"])
    def test_ten_megabytes_of_nothing_are_refused_at_once(self, data):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)

        refused(make.text(make.HEADER, ADA) + data * 10_000_000)

        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1

    @pytest.mark.proves("hostile-file")
    def test_whatever_kills_it_is_one_answer(self, monkeypatch):
        for program in ("import os; os.abort()", "raise SystemExit(3)", "print('no json')", "while True: pass"):
            monkeypatch.setattr(confined, "READER", program)
            monkeypatch.setattr(confined, "SECONDS", 1)
            code = "too_slow" if "while" in program else "damaged"
            assert refused(make.text(make.HEADER, ADA)).code == code

    def test_it_is_given_no_secret(self, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "do-not-tell")
        spy = (
            "import json, os; print(json.dumps([{'refused': {'code': 'other_type', 'said': {'type': "
            "str(dict(os.environ))}}}]))"
        )
        monkeypatch.setattr(confined, "READER", spy)

        assert "do-not-tell" not in str(refused(make.text(make.HEADER, ADA)))


def test_every_refusal_and_finding_has_its_sentence():
    sources = [*Path(reader.__file__).parent.glob("*.py"), *Path(files.__file__).parents[1].rglob("*.py")]
    written = "".join(path.read_text() for path in sources if path.name != "sentences.py")
    written = written.replace(Path(confined.__file__).read_text().partition("class FileRefused")[0], "")

    assert [code for code in [*sentences.REFUSALS, *sentences._FINDINGS] if f'"{code}"' not in written] == []
    raised = {*re.findall(r'Refused\("(\w+)"', written)} - {*sentences.REFUSALS}
    found = {*re.findall(r'(?:\.found|Finding)\("(\w+)"', written)} - {*sentences._FINDINGS}
    assert (raised, found) == (set(), set())
