"""What people are told about a list: one sentence for each case, with how to fix it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, gettext_lazy, ngettext, ngettext_lazy, npgettext, pgettext_lazy

from core.sheets import confined
from partners.domain.checking import Finding

if TYPE_CHECKING:
    from partners.domain.leaving import Freed

NAMED = 10  # names in one sentence

REFUSALS: dict[str, Any] = confined.REFUSALS | {
    "empty": gettext_lazy("There is nobody in this file: it has no rows below its headers."),
    "too_many_rows": gettext_lazy("This list has more than %(rows)d rows: split it."),
    "too_many_columns": gettext_lazy("This list has more than %(columns)d columns: keep names, addresses and numbers."),
    "no_such_column": gettext_lazy("There is no such column: %(column)s."),
    "guessed": gettext_lazy(
        "What the columns mean is a guess: say it with --columns, such as --columns last_name=1,first_name=2,email=3."
    ),
    "stumbled": gettext_lazy(
        "We could not process this list, and have made a note of it. Nothing was changed: try another file "
        "format, or write to the organisers."
    ),
    "nobody": gettext_lazy("No row of this file can be used as it is: fix the rows, then try again."),
    "twice": gettext_lazy("Two columns have the same name: %(names)s. Rename one of them."),
    "no_addresses": gettext_lazy(
        "No column contains e-mail addresses. The columns found: %(names)s. Say which one does, or add one to the file."
    ),
    "archived": gettext_lazy("“%(edition)s” is over: its lists can be read, and change no more."),
    "too_many_people": gettext_lazy(
        "This list can have %(size)d people, and would have %(people)d with this file: skip rows, or write to the"
        " organisers."
    ),
}

_FINDINGS: dict[str, Any] = {
    "email_missing": gettext_lazy("The address is missing: nobody can be invited without one."),
    "email_beside": gettext_lazy("No address here, but elsewhere in the row: %(fix)s."),
    "email_at": gettext_lazy("The “@” is missing. Do you mean %(fix)s?"),
    "email_near": gettext_lazy("The others have addresses at %(domain)s. Is this one spelled right?"),
    "email_invalid": gettext_lazy("This is not an e-mail address: is there a comma, a space or a character too many?"),
    "email_letter": gettext_lazy(
        "This address contains a character that no address has (%(letter)s): type it again by hand."
    ),
    "several_addresses": gettext_lazy("One address per cell. Take %(fix)s?"),
    "domain_mixed": gettext_lazy("This address mixes alphabets: it really goes to “%(domain)s”. Is that right?"),
    "control": gettext_lazy("A broken character (%(letter)s) is left here: type the text again."),
    "error_in_name": gettext_lazy("This is an error of the spreadsheet, not a name: type the name."),
    "nir_in_name": gettext_lazy("This is a social security number, not a name: type the name."),
    "nir": gettext_lazy("A social security number is never kept."),
    "error_value": gettext_lazy(
        "This is an error of the spreadsheet and is not kept: fix the formula there and export the list again."
    ),
    "excel_date": gettext_lazy(
        "The spreadsheet has turned this into a date; it is not kept. Set the format of the column to “Text” before you"
        " paste or import, and export the list again."
    ),
    "office": gettext_lazy("This may be an office, not a person: does it come?"),
    "shared_address": gettext_lazy("%(name)s (line %(line)d) has the same address: one of the two needs another."),
    "struck": gettext_lazy("This row is struck through in the file: does this person come?"),
    "too_long": gettext_lazy("%(length)d characters: at most %(longest)d."),
    "name_missing": gettext_lazy("The name is missing."),
    "ragged": gettext_lazy("This row has %(cells)d cells, the header %(columns)d: is there a separator inside a text?"),
    "formula": gettext_lazy("This cell contains a formula: replace it with its value."),
    "capitals": gettext_lazy("The name is in capitals: it is kept as it is."),
    "trimmed": gettext_lazy("Stray spaces and capitals were removed."),
    "unseen": gettext_lazy("Invisible characters were removed."),
    "cleaned": gettext_lazy("Only the address was kept of what the cell contains."),
    "civility": gettext_lazy("The title is not part of the name: it is not kept."),
    "reference_blanks": gettext_lazy("Spaces inside the number were removed."),
    "reference_missing": gettext_lazy("The number is missing: only the address tells this person from others."),
    "zeros_lost": gettext_lazy("Excel has dropped the leading zeros; the number is read as %(kept)s."),
    "excel_number": gettext_lazy(
        "The spreadsheet has rounded this number; it is not kept. Set the format of the column to “Text”, and export "
        "the list again."
    ),
    "repeated": gettext_lazy("The same address as %(name)s on line %(line)d, who is kept."),
    "same_reference": gettext_lazy("The same number as %(name)s, %(email)s (line %(line)d), who is kept."),
    "shared_number": gettext_lazy("The same number as %(name)s: it is not kept, as it can only be one person’s."),
    "number_of_another": gettext_lazy(
        "This number belongs to %(name)s, %(email)s: read as another person, without the number."
    ),
    "probably": gettext_lazy("Probably the same person as %(name)s, %(email)s, under a new address."),
    "similar_address": gettext_lazy("Perhaps the same mailbox as on line %(line)d: both are kept."),
    "same_name": gettext_lazy("The same name as on line %(line)d: two people?"),
    "swapped": gettext_lazy("The first name and the family name seem to be swapped."),
    "note": gettext_lazy("This row names nobody: it is left out."),
    "same_person": gettext_lazy("This row refers to %(name)s, and so does another row: keep one."),
    "reference_taken": gettext_lazy("This number already belongs to %(name)s."),
    "other_cohort": gettext_lazy("Already on your list “%(cohort)s”: nobody is invited twice."),
    "declines": gettext_lazy("This person has declined: they will not be invited again."),
    "own_name": gettext_lazy(
        "The person writes their own name as “%(name)s”: their badge keeps it, only your list changes."
    ),
    "own_address": gettext_lazy("The person already has an account: it keeps its address, only your list changes."),
    "no_header": gettext_lazy("The headers are missing, or we do not recognise them: check which column is which."),
    "half_names": gettext_lazy(
        "Most people have only half a name: check which columns contain the family name and the first name."
    ),
    "name_order": gettext_lazy("Full names are in one column: say in which order they are written."),
    "unsure_names": gettext_lazy("We are not sure which columns contain people’s names: check them."),
    "two_tables": gettext_lazy("Two tables stand side by side; only the first is read: hand in the other apart."),
    "second_header": gettext_lazy("A second line of headers has another order: hand in what is below it apart."),
    "of_others": gettext_lazy("The addresses seem to be those of other people, such as parents: check the column."),
    "two_addresses": gettext_lazy("Several columns contain addresses: “%(column)s” is used, not %(others)s."),
    "counts": gettext_lazy("Not kept as a number, since it only counts the rows: %(columns)s."),
    "nirs": gettext_lazy("Never kept, as it contains social security numbers: %(columns)s."),
    "notes": ngettext_lazy(
        "%(rows)d row that names nobody was set aside: %(texts)s.",
        "%(rows)d rows that name nobody were set aside: %(texts)s.",
        "rows",
    ),
    "hidden_rows": ngettext_lazy(
        "%(rows)d hidden row of the file was not read.", "%(rows)d hidden rows of the file were not read.", "rows"
    ),
    "hidden_columns": gettext_lazy("Hidden columns of the file were not read: %(columns)s."),
    "formulas": ngettext_lazy(
        "%(rows)d row contains a formula: check the value that it came to.",
        "%(rows)d rows contain a formula: check the values that they came to.",
        "rows",
    ),
    "not_kept": gettext_lazy("Not kept, as we do not need it: %(columns)s."),
    "blank": ngettext_lazy("%(rows)d empty row was left out.", "%(rows)d empty rows were left out.", "rows"),
    "spellings": gettext_lazy("One programme seems to be spelled in several ways: %(names)s."),
    "encoding": gettext_lazy("Read as %(encoding)s. Are these names right? %(names)s"),
    "encoded_twice": gettext_lazy("Accents look as if they had been encoded twice (“Ã©” for “é”)."),
    "sheets": gettext_lazy("The sheet “%(sheet)s” was read. There are others: %(others)s."),
}

FIELDS: dict[str, Any] = {
    "last_name": gettext_lazy("Family name"),
    "first_name": gettext_lazy("First name"),
    "email": gettext_lazy("E-mail"),
    "reference": gettext_lazy("Number"),
    "programme": pgettext_lazy("studies", "Programme"),
}


# What a column can be.
COLUMNS: dict[str, Any] = FIELDS | {
    "usage_last_name": gettext_lazy("Family name in use"),
    "usage_first_name": gettext_lazy("First name in use"),
    "name": gettext_lazy("Full name"),
}
NAME_ORDERS: dict[str, Any] = {
    "first_last": gettext_lazy("first name, family name"),
    "last_first": gettext_lazy("family name, first name"),
}


# How a file can be written; the names are those that programs show when they save.
ENCODINGS: dict[str, Any] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": gettext_lazy("Windows (Western Europe)"),
    "mac_roman": "Mac",
    "iso8859-15": "ISO 8859-15",
    "utf-8-twice": gettext_lazy("UTF-8, encoded twice"),
}
DELIMITERS: dict[str, Any] = {
    ";": gettext_lazy("semicolons"),
    ",": gettext_lazy("commas"),
    "\t": gettext_lazy("tabs"),
    "|": gettext_lazy("vertical bars"),
}


def read_as(said: Mapping[str, Any]) -> list[str]:
    """How a file was read, in a few words: "Windows (Western Europe)", "semicolons"; or the sheet of a workbook."""
    if said.get("kind") == "csv":
        return [
            str(ENCODINGS.get(said["encoding"], said["encoding"])),
            str(DELIMITERS.get(said["delimiter"], said["delimiter"])) if said["delimiter"] else gettext("recipients"),
        ]
    return [said.get("kind", "").upper(), said.get("sheet", "")]


# How far somebody on a list is: what their institution may know.
STATES: dict[str, Any] = {
    "invited": pgettext_lazy("people", "Invited"),
    "accepted": gettext_lazy("Accepted, without a seat"),
    "seated": gettext_lazy("Has a seat"),
    "waiting": gettext_lazy("Waiting for a seat"),
    "declined": pgettext_lazy("people", "Declined"),
    "attended": gettext_lazy("Came"),
}


def state_of(invitee: Any) -> Any:
    """How far an invitee of `following.people_of` is."""
    if invitee.status != "accepted":
        return STATES[invitee.status]
    name = (
        "seated" if invitee.seated else "waiting" if invitee.waits else "attended" if invitee.attended else "accepted"
    )
    return STATES[name]


def sort(name: str, number: int) -> str:
    """What `number` rows of a list are, in a word: a verdict, or that they ask for a look."""
    words = {
        "to_fix": gettext("to fix"),
        "twice": gettext("repeated"),
        "doubtful": gettext("to check"),
        "elsewhere": npgettext("rows", "set aside", "set aside", number),
        "changed": npgettext("people", "changed", "changed", number),
        "new": npgettext("people", "new", "new", number),
        "same": npgettext("people", "unchanged", "unchanged", number),
        "skipped": npgettext("rows", "skipped", "skipped", number),
        "nobody": gettext("without a person"),
    }
    return words[name]


def freed(what: "Freed") -> str:
    """What becomes of the seats of people who leave a list, in sentences: how many there are, and who is next on the
    waiting list."""
    if not what.seats:
        return gettext("No seat will be freed.")
    said = [ngettext("%(n)d seat will be freed.", "%(n)d seats will be freed.", what.seats) % {"n": what.seats}]
    more = len(what.heirs) - NAMED
    names = ", ".join(what.heirs[:NAMED])
    if more > 0:
        names = ngettext("%(names)s and %(n)d more", "%(names)s and %(n)d more", more) % {"names": names, "n": more}
    if names:
        said.append(gettext("Next on the waiting list, from your list: %(names)s.") % {"names": names})
    if what.others:
        words = ngettext(
            "%(n)d person next on the waiting list is not on your list.",
            "%(n)d people next on the waiting list are not on your list.",
            what.others,
        )
        said.append(words % {"n": what.others})
    return " ".join(said)


def about(finding: Finding) -> str:
    """What was found, and how to fix it."""
    # Lists that are being checked during an upgrade say less.
    said = (
        {"name": "…", "email": "…", "length": 0}
        | finding.said
        | ({"encoding": ENCODINGS[finding.said["encoding"]]} if finding.code == "encoding" else {})
    )
    return _FINDINGS[finding.code] % {**said, "fix": finding.fix}
