"""Further lists of the kinds of tests/partners/lists, odd on purpose."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font

from partners.domain import columns, files, names, sentences
from partners.domain.files import ListRefused
from tests.partners import files as make
from tests.partners.test_school_lists import fixes, people, told, wrong

pytestmark = pytest.mark.runs_once("files: no database is asked")

SCHOOL = "@ecole.example"


def read(*rows: str, **options: Any) -> files.List:
    return files.read(("\n".join(rows) + "\n").encode(), **options)


# --- Headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("list-columns")
@pytest.mark.parametrize(
    ("header", "means"),
    [
        ("NOM DE FAMILLE", "last_name"),
        ("Nom patronymique", "last_name"),
        ("Nom (majuscules)", "last_name"),
        ("family_name", "last_name"),
        ("Surname", "last_name"),
        ("Apellidos", "last_name"),
        ("Nom marital", "usage_last_name"),
        ("nomUsage", "usage_last_name"),
        ("Prénom(s)", "first_name"),
        ("Votre prénom :", "first_name"),
        ("givenName", "first_name"),
        ("Prénom d’usage", "usage_first_name"),
        ("Nom et prénom", "name"),
        ("Nom complet", "name"),
        ("Étudiant(e)", "name"),
        ("displayName", "name"),
        ("Nom de l’étudiant", "last_name"),
        ("Mél.", "email"),
        ("ADR_MAIL_ETU", "email"),
        ("Adresse électronique", "email"),
        ("Email address", "email"),
        ("Courriel @ecole", "email"),
        ("N° d’étudiant", "reference"),
        ("COD_ETU", "reference"),
        ("supannEtuId", "reference"),
        ("Numéro Apogée", "reference"),
        ("Student ID", "reference"),
        ("Matricule", "reference"),
        ("LIB_ETP", "programme"),
        ("Filière", "programme"),
        ("Diplôme préparé", "programme"),
        ("Rang", "counter"),
        ("N° d’ordre", "counter"),
        ("N° Sécu", "never"),
        ("NIR", "never"),
        ("Nom du tuteur", ""),
        ("Prénom du père", ""),
        ("Nom de l’entreprise", ""),
        ("Ville de naissance", ""),
        ("Date de naissance", ""),
        ("Téléphone portable", ""),
        ("N° de téléphone", ""),
        ("N° de rue", ""),
        ("Deuxième prénom", ""),
        ("Statut", ""),
        ("Année d’étude", ""),
        ("Date de début de formation", ""),
        ("J’accepte", ""),
        ("Carte d’étudiant remise ?", ""),
    ],
)
def test_a_header_means(header, means):
    assert (columns.classify(header) or ("",))[0] == means


@pytest.mark.parametrize(
    ("header", "cells", "used"),
    [
        ("Nom;Prénom;Mail perso;Mail", "A;B;a@gmail.com;a@ecole.example", "a@ecole.example"),
        ("Nom;Prénom;Mail;Mail parent", "A;B;a@ecole.example;p@gmail.com", "a@ecole.example"),
        ("Nom;Prénom;Mail 1;Mail 2", "A;B;a@gmail.com;a@ecole.example", "a@ecole.example"),
        ("Nom;Prénom;eduPersonPrincipalName;mail", "A;B;ab@ecole.example;a.b@ecole.example", "a.b@ecole.example"),
        ("Nom;Prénom;Contact;Téléphone", "A;B;a@ecole.example;0600000000", "a@ecole.example"),
        ("Nom;Prénom;Mail envoyé ?;Adresse", "A;B;oui;a@ecole.example", "a@ecole.example"),
    ],
)
@pytest.mark.proves("list-columns")
def test_of_several_columns_the_persons_own_address_at_the_institution_is_taken(header, cells, used):
    assert people(read(header, cells, re.sub(r"\ba(?=[.b@])", "c", cells.replace("A;B", "C;D"))))[0][2] == used


def test_addresses_of_parents_alone_are_asked_about():
    assert read("Nom;Prénom;Mail des parents", "A;B;p@x.fr").columns.asks == ("of_others",)


@pytest.mark.proves("list-guesses")
@pytest.mark.parametrize(
    "rows",
    [
        ("Nom;Courriel", "Durand;a@x.fr", "Martin;b@x.fr"),
        ("Prénom;Courriel", "Anne;a@x.fr"),
        ("Nom;Prénom;Courriel", "Durand;;a@x.fr", "Martin;;b@x.fr", "Petit;Lucie;c@x.fr"),
        ("sn;cn;mail", ";Anne Durand;a@x.fr", ";Paul Martin;b@x.fr"),
    ],
)
def test_half_a_name_is_asked_about(rows):
    assert read(*rows).columns.guessed


@pytest.mark.proves("list-numbers")
@pytest.mark.parametrize(
    ("header", "numbers", "kept"),
    [
        ("N°", ["1", "2", "3"], False),
        ("N°", ["1.", "2.", "3."], False),
        ("#;x", ["1;", "2;", "3;"], False),
        ("Id", ["3", "1", "2"], False),  # a list that was sorted anew
        ("N°", ["1", "2", "1"], False),  # anew for each group
        ("N°", ["12", "17", "40"], False),  # a part of a longer list
        ("Num", ["0", "1", "2"], False),
        ("N° étudiant", ["1", "2", "3"], False),
        ("N° étudiant", ["001", "002", "003"], True),
        ("N° étudiant", ["22000001", "22000002", "22000003"], True),
        ("N°", ["22000001", "22000002", "22000003"], True),
        ("Matricule", ["A1", "B7", "C2"], True),
    ],
)
def test_numbers_that_count_rows_are_nobodys(header, numbers, kept):
    letters = "ABC"
    rows = [f"{number};{letter};{letter};{letter}@x.fr" for number, letter in zip(numbers, letters, strict=True)]

    assert any(who.reference for who in read(f"{header};Nom;Prénom;Courriel", *rows).people) is kept


# --- Rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("list-damage")
@pytest.mark.parametrize(
    "row",
    [
        *(
            "TOTAL;;;2",
            "Total général;2;;",
            "Sous-total;;;",
            "Effectif : 2;;;",
            "Nombre d’étudiants;2;;",
            "NB : sous réserve;;;",
        ),
        *(
            "Nom;Prénom;Courriel;N° étudiant",
            "NOM ;prénom;courriel;",
            "Master 2 – Groupe B;;;",
            "-----;-----;;",
            ";;;2",
        ),
        *(
            "Fait à Paris;le 12/10/2026;;",
            ";;La directrice des études;",
            "Signature :;;;",
            "Page 1/2;;;",
            "Liste arrêtée le 3 mai;;;",
        ),
    ],
)
def test_a_row_about_nobody_is_set_aside(row):
    listed = read("Nom;Prénom;Courriel;N° étudiant", "A;B;a@x.fr;77001", row, "C;D;c@x.fr;77004")

    assert (len(people(listed)), wrong(listed)) == (2, {})
    assert "notes" in told(listed)


@pytest.mark.parametrize(
    "row", ["Total;Jean;jt@x.fr;", "Page;Anne;pa@x.fr;", "Somme;Léa;ls@x.fr;1", "Legrand;Totale;;7"]
)
def test_a_person_who_is_called_like_a_total_is_a_person(row):
    listed = read("Nom;Prénom;Courriel;N° étudiant", "A;B;a@x.fr;77001", row)

    assert not any(who.is_note for who in listed.people)


@pytest.mark.proves("list-cells")
@pytest.mark.parametrize(
    ("written", "kept", "fix"),
    [
        ('"Anne D." <a.d@x.fr>', "a.d@x.fr", ""),
        ("Anne D. (a.d@x.fr)", "a.d@x.fr", ""),
        ("MAILTO:a.d@x.fr?subject=Bonjour", "a.d@x.fr", ""),
        ("« a.d@x.fr »", "a.d@x.fr", ""),
        ("a.d@ x.fr", "a.d@x.fr", ""),
        ("a.d @x.fr.", "a.d@x.fr", ""),
        ("a.d@x.fr ; A.D@X.FR", "a.d@x.fr", ""),
        ("a.d@x.fr,b@y.fr", "", "a.d@x.fr"),
        ("a.d@x.fr ou b@y.fr", "", "a.d@x.fr"),
        ("a.d@x..fr", "", "a.d@x.fr"),
        ("a..d@x.fr", "", "a.d@x.fr"),
        ("a.d(at)x.fr", "", "a.d@x.fr"),
        ("a.d [arobase] x [point] fr", "", "a.d@x.fr"),
        ("à.d@x.fr", "", "a.d@x.fr"),
        ("a.d", "", ""),
        ("voir secrétariat", "", ""),
    ],
)
def test_an_address_in_a_cell(written, kept, fix):
    quoted = written.replace('"', '""')
    listed = read("Nom;Prénom;Courriel", f'D;Anne;"{quoted}"')

    assert (listed.people[0].email, fixes(listed).get(2, "")) == (kept, fix)


def test_the_usual_domain_tells_which_of_two_and_what_is_missing():
    usual = [f"N{n};P;p{n}{SCHOOL}" for n in range(6)]
    rows = ["A;B;a@gmail.com / a@ecole.example", "C;D;c@ecole", "E;F;e@ecole.exemple"]
    listed = read("Nom;Prénom;Courriel", *usual, *rows)

    assert fixes(listed) == {8: f"a{SCHOOL}", 9: f"c{SCHOOL}", 10: f"e{SCHOOL}"}


@pytest.mark.proves("list-damage")
@pytest.mark.parametrize(
    ("value", "code"),
    [
        *(("12-mai", "excel_date"), ("mars-26", "excel_date"), ("05/12/2026", "excel_date"), ("1-Jan", "excel_date")),
        *(("2026-12-05 00:00:00", "excel_date"), ("sept.-26", "excel_date"), ("2-Aug-26", "excel_date")),
        *(("1,2E+07", "excel_number"), ("1.23457E+14", "excel_number"), ("2E5", "excel_number")),
        *(("#REF!", "error_value"), ("#N/A", "error_value"), ("#NOM?", "error_value"), ("#VALEUR!", "error_value")),
        *(
            ("#DIV/0!", "error_value"),
            ("#########", "error_value"),
            ("Err:502", "error_value"),
            ("#NAME?", "error_value"),
        ),
    ],
)
def test_what_a_spreadsheet_did_is_named_and_not_kept(value, code):
    listed = read(
        "Nom;Prénom;Courriel;N° étudiant;Formation",
        f"A;B;a@x.fr;{value};M1",
        "C;D;c@x.fr;77001;M1",
        "E;F;e@x.fr;77003;M1",
    )

    assert (listed.people[0].reference, listed.people[0].is_good) == ("", True)
    assert code in {finding.code for finding in listed.people[0].findings if finding.column == "reference"}
    named = read("Nom;Prénom;Courriel", f"{value};B;a@x.fr")
    if code == "error_value":
        assert wrong(named) == {2: ["error_in_name"]}


@pytest.mark.parametrize("value", ["M2E1", "2026-2027", "Mai", "E5", "12", "R&D", "L3 Maths", "12 bis"])
def test_what_only_looks_like_damage_is_kept(value):
    assert read("Nom;Prénom;Courriel;Formation", f"A;B;a@x.fr;{value}").people[0].programme == value


@pytest.mark.proves("list-damage")
@pytest.mark.parametrize(
    "number", ["2 01 11 75 056 001 23", "201117505600123", "2011175056001", "1 85 05 2A 004 123 45", "299059935112345"]
)
def test_a_social_security_number_is_kept_nowhere(number):
    listed = read("Nom;Prénom;Courriel;Matricule;Formation", f"A;B;a@x.fr;{number};{number}", "C;D;c@x.fr;77003;M1")

    assert (listed.people[0].reference, listed.people[0].programme) == ("", "")
    assert sentences.about(listed.people[0].findings[0])
    from partners.domain.processing import storable  # noqa: PLC0415

    assert not re.search(r"\d{2}", storable(number))
    assert storable("22000001") == "22000001"


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("list-names")
@pytest.mark.parametrize(
    ("written", "last", "first"),
    [
        ("M. Côme DE LA TOUR", "DE LA TOUR", "Côme"),
        ("Mlle. LEFÈVRE Zoé", "LEFÈVRE", "Zoé"),
        ("Monsieur Jean-Paul DUPONT-AIGNAN", "DUPONT-AIGNAN", "Jean-Paul"),
        ("VAN DER BERG Jan", "VAN DER BERG", "Jan"),
        ("Ludwig van BEETHOVEN", "van BEETHOVEN", "Ludwig"),
        ("Étienne de La BOÉTIE", "de La BOÉTIE", "Étienne"),
        ("DURAND, Jeanne", "DURAND", "Jeanne"),
        ("Jan van der Berg", "van der Berg", "Jan"),
        ("Pat O’BRIEN", "O’BRIEN", "Pat"),
        ("Ron McDONALD", "McDONALD", "Ron"),
        ("Maria J. LOPEZ", "LOPEZ", "Maria J."),
        ("Madonna", "Madonna", ""),
    ],
)
def test_capitals_and_particles_tell_the_family_name(written, last, first):
    assert names.split(written) == (last, first)


@pytest.mark.parametrize("written", ["Jeanne Durand", "JEAN DUPONT", "Marie Claire Dupont"])
def test_where_nothing_tells_the_order_is_asked(written):
    listed = read("Étudiant;Courriel", f"{written};a@x.fr")

    assert listed.columns.asks == ("name_order",)
    said = read("Étudiant;Courriel", f"{written};a@x.fr", remembered={"etudiant": "name:last_first"})
    assert (said.columns.asks, said.people[0].last_name) == ((), written.split()[0])


def test_the_title_before_a_name_is_not_kept():
    listed = read("Nom;Prénom;Courriel", "M. Durand;Jean;j@x.fr", "MARTIN;Mme Zoé;z@x.fr", "Mme;Ana;a@x.fr")

    assert [who.name for who in listed.people] == ["Jean Durand", "Zoé MARTIN", "Ana Mme"]


# --- Mail programs ----------------------------------------------------------------------------------------------------


@pytest.mark.proves("list-cells")
@pytest.mark.parametrize(
    "text",
    [
        'À : "DURAND, Jeanne" <j@x.fr>, Paul MARTIN <p@x.fr>',
        "Cc: DURAND Jeanne <j@x.fr>;\r\nMARTIN Paul <p@x.fr>;",
        "'DURAND Jeanne' <mailto:j@x.fr>; MARTIN Paul<p@x.fr>",
        "DURAND Jeanne <j@x.fr>, MARTIN Paul <p@x.fr>,",
    ],
)
def test_recipients_are_read_as_people(text):
    assert people(files.read(text.encode())) == [("DURAND", "Jeanne", "j@x.fr"), ("MARTIN", "Paul", "p@x.fr")]


def test_a_list_of_bare_addresses_is_no_list_of_recipients():
    assert [who.email for who in files.read(b"Courriel\na@x.fr\nb@x.fr\n").people] == ["a@x.fr", "b@x.fr"]
    assert [who.email for who in files.read(b"a@x.fr; b@x.fr; c@x.fr").people] == ["a@x.fr", "b@x.fr", "c@x.fr"]


# --- Workbooks --------------------------------------------------------------------------------------------------------

ROWS = [["Nom", "Prénom", "Courriel"], ["A", "B", "a@x.fr"], ["C", "D", "c@x.fr"]]


def parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(make.xlsx(ROWS))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files_: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files_.items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, content)
    return out.getvalue()


def renamed(change: Callable[[str], str]) -> bytes:
    return pack({change(name): content for name, content in parts().items()})


def rewritten(name: str, change: Callable[[bytes], bytes]) -> bytes:
    return pack(parts() | {name: change(parts()[name])})


def other_workbook() -> bytes:
    book = {
        name.replace("xl/workbook.xml", "xl/book.xml").replace("workbook.xml.rels", "book.xml.rels"): content
        for name, content in parts().items()
    }
    book["_rels/.rels"] = book["_rels/.rels"].replace(b"workbook.xml", b"book.xml")
    return pack(book)


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.proves("list-seen")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: renamed(lambda name: name.replace("/", "\\")), id="backslashes"),
        pytest.param(lambda: renamed(lambda name: f"/{name}"), id="leading slashes"),
        pytest.param(lambda: renamed(lambda name: f"./{name}"), id="leading dots"),
        pytest.param(lambda: renamed(lambda name: name.replace("xl/w", "XL/W")), id="capitals"),
        pytest.param(other_workbook, id="another name"),
        pytest.param(
            lambda: rewritten(SHEET, lambda xml: re.sub(rb'<c r="[A-Z]+\d+"', b"<c", xml)), id="no references"
        ),
        pytest.param(
            lambda: rewritten(SHEET, lambda xml: re.sub(rb' r="[A-Z]*\d+"', b"", xml)), id="no references of rows"
        ),
        pytest.param(
            lambda: rewritten(
                SHEET,
                lambda xml: re.sub(rb"<(/?)(\w)", rb"<\1x:\2", xml).replace(b"xmlns=", b"xmlns:x="),
            ),
            id="prefixes",
        ),
        pytest.param(lambda: make.xlsx(ROWS) + b"\0" * 50, id="bytes after the end"),
        pytest.param(lambda: b"\0" * 8 + make.xlsx(ROWS), id="bytes before the beginning"),
        pytest.param(
            lambda: pack({name: xml for name, xml in parts().items() if "Content_Types" not in name}), id="no types"
        ),
    ],
)
def test_a_workbook_of_another_writer_is_read(data):
    assert people(files.read(data())) == [("A", "B", "a@x.fr"), ("C", "D", "c@x.fr")]


def test_a_formula_is_found_whatever_the_prefix_and_without_references():
    formula = b'<c t="str"><f>"c"&amp;"@x.fr"</f><v>c@x.fr</v></c>'

    def change(xml: bytes) -> bytes:
        xml = re.sub(rb'<c r="C3"[^>]*>.*?</c>', formula, xml)
        return re.sub(rb"<(/?)(\w)", rb"<\1q:\2", re.sub(rb' r="[A-Z]*\d+"', b"", xml)).replace(b"xmlns=", b"xmlns:q=")

    assert wrong(files.read(rewritten(SHEET, change))) == {3: ["formula"]}


def workbook(change: Callable[[Any], None]) -> bytes:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.proves("list-seen")
def test_rows_and_columns_that_are_hidden_wait_to_be_asked_for():
    def hide(book: Any) -> None:
        book.active.row_dimensions[2].hidden = True
        book.active.column_dimensions["B"].hidden = True

    listed = files.read(workbook(hide))

    assert [who.email for who in listed.people] == ["c@x.fr"]
    assert {"hidden_rows", "hidden_columns", "half_names"} <= set(told(listed))


@pytest.mark.parametrize("where", ["cell", "text"])
def test_a_row_that_is_struck_through_waits_for_a_look(where):
    def strike(book: Any) -> None:
        if where == "cell":
            book.active["A2"].font = Font(strike=True)
        else:
            from openpyxl.cell.rich_text import CellRichText, TextBlock  # noqa: PLC0415
            from openpyxl.cell.text import InlineFont  # noqa: PLC0415

            book.active["A2"] = CellRichText([TextBlock(InlineFont(strike=True), "A")])

    assert wrong(files.read(workbook(strike))) == {2: ["struck"]}


def test_ods_says_what_is_hidden_and_struck():
    data = make.ods(ROWS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    xml = kept["content.xml"].decode()
    rows = xml.split("<table:table-row>")
    rows[2] = rows[2].replace("<table:table-cell ", '<table:table-cell table:style-name="ce1" ')
    xml = "<table:table-row>".join(rows[:3]) + '<table:table-row table:visibility="collapse">' + rows[3]
    style = (
        '<office:automatic-styles><style:style xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
        'style:name="ce1"><style:text-properties style:text-line-through-style="solid"/></style:style>'
        "</office:automatic-styles><office:body>"
    )
    kept["content.xml"] = xml.replace("<office:body>", style).encode()

    listed = files.read(pack(kept))

    assert wrong(listed) == {2: ["struck"]}
    assert listed.read_as["hidden_rows"] == 1


@pytest.mark.proves("list-seen")
def test_the_sheet_with_a_table_is_proposed():
    def cover(book: Any) -> None:
        sheet = book.create_sheet("Contacts", 0)
        sheet.append(["Une question ?", "scolarite@x.fr"])
        book.create_sheet("Notes", 1).append(["Nom", "Prénom", "Courriel"])

    listed = files.read(workbook(cover))

    assert (listed.read_as["sheet"], len(people(listed))) == ("Sheet", 2)


@pytest.mark.proves("list-seen")
@pytest.mark.parametrize(
    ("data", "kind", "named"),
    [
        (b"%PDF-1.7 x", "PDF", "PDF"),
        (b"{\\rtf1 x}", "RTF", "texte"),
        (b"<html><table><tr><td>Nom</td></tr></table></html>", "HTML", "page web"),
        (b"<table><tr><td>Nom</td></tr></table>", "HTML", "page web"),
        (
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "XML2003",
            "2003",
        ),
        (
            b'<?xml version="1.0"?><office:document office:mimetype="application/vnd.oasis.opendocument.spreadsheet">',
            "FODS",
            "fods",
        ),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n", "MHTML", "page web"),
        (b"Received: from x\nSubject: liste\n\n", "EML", "message"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le"), "DOC", "Word"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "__substg1.0_".encode("utf-16-le"), "MSG", "message"),
        (b"\x09\x08\x10\0\0\x06\x05\0" + b"\0" * 60, "XLS", "ancien"),
        (pack({"Index/Document.iwa": b"x", "Metadata/x.plist": b"x"}), "NUMBERS", "Numbers"),
        (pack({"index.zip": b"x"}), "NUMBERS", "Numbers"),
        (pack({"word\\document.xml": b"x"}), "DOCX", "Word"),
        (pack({"liste.csv": b"Nom;Courriel"}), "ZIP", "ZIP"),
        (b"Rar!\x1a\x07\x00", "RAR", "RAR"),
        (b"\x1f\x8b\x08\x00", "GZIP", "compress"),
    ],
)
def test_a_file_of_another_program_is_named_with_what_to_do(data, kind, named):
    with pytest.raises(ListRefused) as refused:
        files.read(data)

    assert refused.value.said == {"type": kind}
    assert named in str(refused.value)


# --- What is not the person's own, and what is lost without a word ----------------------------------------------------


@pytest.mark.proves("list-columns", "list-guesses")
@pytest.mark.parametrize(
    ("header", "cells", "used"),
    [
        ("Nom;Prénom;Mail MA;Mail", "Durand;Jeanne;luc@boite.com;jd@gmail.com", "jd@gmail.com"),
        ("Nom;Prénom;Mail chargé de mission;Mail", "Durand;Jeanne;luc@boite.com;jd@gmail.com", "jd@gmail.com"),
        ("Nom;Prénom;Mail N+1;Mail", "Durand;Jeanne;z@e.fr;jd@gmail.com", "jd@gmail.com"),
        ("Nom;Prénom;Your email;Who referred you? (email)", "Durand;Jeanne;jd@gmail.com;x@e.fr", "jd@gmail.com"),
        ("Nom;Prénom;Mail famille;Mail élève", "Durand;Jeanne;luc@gmail.com;jd@gmail.com", "jd@gmail.com"),
        ("Nom;Prénom;Mail du binôme;Mail", "Durand;Jeanne;paul@e.fr;jd@gmail.com", "jd@gmail.com"),
        ("Nom;Prénom;Mail établissement d’origine;Mail candidat", "Durand;Jeanne;lycee1@ac.fr;jd@x.fr", "jd@x.fr"),
        ("Nom;Prénom;Mail;Mail université d’accueil", "Durand;Jeanne;jd@gmail.com;intl@uni.de", "jd@gmail.com"),
        ("Nom du binôme;Nom;Prénom;Mail", "Martin;Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom de l’équipe;Nom;Prénom;Mail", "Les As;Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom évaluateur;Nom;Prénom;Mail", "Martin;Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom d’artiste;Nom;Prénom;Mail", "Zazie;Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom;Nom d'usage;Prénom;Mail", "Durand;-;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom;Nom d'usage;Prénom;Mail", "Durand;Néant;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Name;Vorname;E-Mail-Adresse", "Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Surname,Name,Email".replace(",", ";"), "Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom;Prénom;Groupe;", "Durand;Jeanne;A;jd@x.fr", "jd@x.fr"),
        ("Nom;Prénom;Mail;Note;Note", "Durand;Jeanne;jd@x.fr;12;14", "jd@x.fr"),
        ("Nom;Prénom;Adresse mail (ex : prenom.nom@e.fr)", "Durand;Jeanne;jd@x.fr", "jd@x.fr"),
        ("Nom;Prénom;Adresse de messagerie;Référent", "Durand;Jeanne;jd@x.fr;M. X", "jd@x.fr"),
    ],
)
def test_the_persons_own_name_and_address_are_read(header, cells, used):
    assert people(read(header, cells)) == [("Durand", "Jeanne", used)]


@pytest.mark.proves("list-guesses")
@pytest.mark.parametrize(
    ("rows", "asks"),
    [
        (("Nom;Prénom;Mail représentant légal", "Durand;Jeanne;luc.durand@gmail.com"), "of_others"),
        (("Nom;Prénom;MEL RESP. LEGAL 1", "Durand;Jeanne;luc.durand@gmail.com"), "of_others"),
        (("Nom;Prénom;Mail maman", "Durand;Jeanne;luc.durand@gmail.com"), "of_others"),
        (("Nom;Prénom;Tuteur", "Durand;Jeanne;luc@b.fr"), "of_others"),
        (("Nom;Prénom;Mail UFR", "Durand;Jeanne;ufr@b.fr"), "of_others"),
        (("Nom;Prénom;Mail", "Durand;Jeanne;scolarite@e.fr", "Martin;Paul;scolarite@e.fr"), "of_others"),
        (("Nom du site;Prénom;Mail", "Durand;Jeanne;jd@x.fr"), "half_names"),
        (("Nom tel que sur la carte;Prénom;Mail", "Durand;Jeanne;jd@x.fr"), "unsure_names"),
        (("Nom et prénom;x;Mail", "DURAND;Jeanne;jd@x.fr", "MARTIN;Paul;pm@x.fr"), "half_names"),
        (("Nom;Prénom;Mail;;Nom2;Prénom2;Mail2", "D;J;j@x.fr;;M;P;p@x.fr"), "two_tables"),
        (("Nom;Prénom;Mail", "D;J;j@x.fr", "Prénom;Nom;Mail", "Paul;M;p@x.fr"), "second_header"),
    ],
)
def test_what_may_be_somebody_elses_is_asked_about(rows, asks):
    assert asks in read(*rows).columns.asks


def test_an_address_that_holds_the_first_name_is_the_persons_whatever_its_header():
    assert read("Nom;Prénom;Mail UPEC", "Durand;Jeanne;jeanne.durand@u.fr", "Martin;Paul;paul@u.fr").columns.asks == ()


@pytest.mark.proves("number-is-not-a-person")
def test_brothers_with_one_address_are_two_people_to_be_told_apart():
    listed = read("Nom;Prénom;Mail", "Durand;Jeanne;famille@b.fr", "Durand;Paul;famille@b.fr", "Roux;Zoé;z@b.fr")
    assert wrong(listed) == {2: ["shared_address"], 3: ["shared_address"]}


@pytest.mark.proves("list-damage")
@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ("Responsable :;Mme Roux;roux@e.fr", ["office"]),
        ("Contact;Scolarité;scolarite@e.fr", ["office"]),
        ("Master 2;Liste;m2@listes.e.fr", ["office"]),
        ("Le Doyen;Marie;", ["email_missing"]),
        ("Count;Basie;", ["email_missing"]),
        ("Export;Paul;", ["email_missing"]),
    ],
)
def test_offices_wait_for_a_look_and_people_are_no_notes(row, codes):
    assert wrong(read("Nom;Prénom;Mail", "Durand;Jeanne;jd@x.fr", row)) == {3: codes}


def test_a_whole_name_without_an_address_is_a_person_to_be_fixed():
    assert wrong(read("Étudiant;Mail", "DURAND Jeanne;jd@x.fr", "MARTIN Paul;")) == {3: ["email_missing"]}


@pytest.mark.proves("list-cells")
@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("Durand jd@e.fr", "jd@e.fr"),
        ("0612345678 jd@e.fr", "jd@e.fr"),
        ("jd@e.fr 0612345678", "jd@e.fr"),
        ("jd@e.fr (perso)", "jd@e.fr"),
        ("jd@e.fr – Paul", "jd@e.fr"),
        ("jd@e.fr²", "jd@e.fr"),
        ("jd@e.fr<br>", "jd@e.fr"),
        ("e-mail=jd@e.fr", "jd@e.fr"),
    ],
)
def test_what_is_proposed_is_the_address_alone(written, fix):
    person = read("Nom;Prénom;Mail", f"Durand;Jeanne;{written}").people[0]
    assert [person.email, *(finding.fix for finding in person.findings if finding.fix)] in ([fix], ["", fix])


@pytest.mark.parametrize("written", ["1. jd@e.fr", "=jd@e.fr", "*jd@e.fr", "'jd'@e.fr", "+jd@e.fr"])
def test_signs_before_an_address_are_not_part_of_it(written):
    assert read("Nom;Prénom;Mail", f"Durand;Jeanne;{written}").people[0].email == "jd@e.fr"


@pytest.mark.proves("list-names")
@pytest.mark.parametrize(
    "written", ["Jeanne Durand, M2 Info", "Dupont, Jr., John", "Jean-Paul II Dupont", "EL Amrani Sara"]
)
def test_what_no_sign_tells_is_asked(written):
    assert names.split(written) is None


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Numéro", ["0612345678", "0698765432"]),
        ("Identifiant", ["jd@x.fr", "pm@x.fr"]),
        ("Code", ["MIAGE", "MIAGE"]),
    ],
)
def test_phones_addresses_and_groups_are_nobodys_number(header, cells):
    rows = [f"{name};{name};{cell};{name}@y.fr" for name, cell in zip("AB", cells, strict=True)]
    assert {who.reference for who in read(f"Nom;Prénom;{header};Mail", *rows).people} == {""}


def test_a_recipient_without_an_address_does_not_swallow_the_next():
    assert files.read("Roux Zoé, Martin Paul <pm@e.fr>, NOIR Ali <an@e.fr>".encode()).columns.guessed
    [who] = files.read(b'"noir.ali@e.fr" <noir.ali@e.fr>').people
    assert (who.last_name, who.is_good) == ("", False)
