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
    "empty": gettext_lazy("There’s nobody in this file: it has no rows below the headers."),
    "too_many_rows": gettext_lazy("This list has more than %(rows)d rows. Split it into smaller files."),
    "too_many_columns": gettext_lazy(
        "This list has more than %(columns)d columns. Keep only names, addresses and numbers."
    ),
    "too_many_wait": gettext_lazy(
        "%(number)d lists of your institution are already waiting to be read or applied. Try again once they’re done."
    ),
    "no_such_column": gettext_lazy("There’s no such column: %(column)s."),
    "guessed": gettext_lazy(
        "We can only guess what the columns mean. Say which is which with --columns, for example --columns "
        "last_name=1,first_name=2,email=3."
    ),
    "stumbled": gettext_lazy(
        "We couldn’t process this list, and we’ve logged the problem. Nothing has changed. Try another file format, or "
        "write to the organisers."
    ),
    "nobody": gettext_lazy("None of the rows in this file can be used as they are. Fix them, then try again."),
    "twice": gettext_lazy("Two columns have the same name: %(names)s. Rename one of them."),
    "no_addresses": gettext_lazy(
        "We couldn’t find a column of email addresses. We found these columns: %(names)s. Say which one contains them, "
        "or add one to the file."
    ),
    "archived": gettext_lazy("“%(edition)s” is over: you can still read its lists, but not change them."),
    "too_many_people": gettext_lazy(
        "This list can have up to %(size)d people, and this file would bring it to %(people)d. Skip some rows, or "
        "write to the organisers."
    ),
}

_FINDINGS: dict[str, Any] = {
    "email_missing": gettext_lazy("The address is missing. We can’t invite anyone without one."),
    "email_beside": gettext_lazy("There’s no address here, but there’s one elsewhere in the row: %(fix)s."),
    "email_at": gettext_lazy("The “@” is missing. Did you mean %(fix)s?"),
    "email_near": gettext_lazy("The other addresses are at %(domain)s. Is this one spelled correctly?"),
    "email_invalid": gettext_lazy("This is not an email address. Is there a stray comma, space or other character?"),
    "email_letter": gettext_lazy(
        "This address contains a character that addresses can’t have (%(letter)s). Type it again by hand."
    ),
    "several_addresses": gettext_lazy("Only one address per cell. Use %(fix)s?"),
    "domain_mixed": gettext_lazy("This address mixes alphabets: it really goes to “%(domain)s”. Is that right?"),
    "control": gettext_lazy("There’s still a broken character here (%(letter)s). Type the text again."),
    "error_in_name": gettext_lazy("This is a spreadsheet error, not a name. Type the name."),
    "nir_in_name": gettext_lazy("This is a social security number, not a name. Type the name."),
    "web_address": gettext_lazy("A name can’t contain a web address. Type the name alone."),
    "nir": gettext_lazy("We never keep social security numbers."),
    "error_value": gettext_lazy(
        "This is a spreadsheet error, so we won’t keep it. Fix the formula in the spreadsheet and export the list "
        "again."
    ),
    "excel_date": gettext_lazy(
        "The spreadsheet has turned this into a date, so we won’t keep it. Format the column as “Text” before you "
        "paste or import, then export the list again."
    ),
    "office": gettext_lazy("This may be an office, not a person. Should we invite it?"),
    "shared_address": gettext_lazy("%(name)s (line %(line)d) has the same address: one of them needs a different one."),
    "struck": gettext_lazy("This row is crossed out in the file. Is this person coming?"),
    "too_long": gettext_lazy("%(length)d characters: the limit is %(longest)d."),
    "name_missing": gettext_lazy("The name is missing."),
    "ragged": gettext_lazy(
        "This row has %(cells)d cells, but the header has %(columns)d. Is there a separator inside a cell?"
    ),
    "formula": gettext_lazy("This cell contains a formula. Replace it with its value."),
    "capitals": gettext_lazy("The name is in capitals. We’ll keep it as it is."),
    "trimmed": gettext_lazy("Stray spaces and capitals have been removed."),
    "unseen": gettext_lazy("Invisible characters have been removed."),
    "cleaned": gettext_lazy("We’ve kept only the address from this cell."),
    "civility": gettext_lazy("The title isn’t part of the name, so we won’t keep it."),
    "reference_blanks": gettext_lazy("Spaces inside the number have been removed."),
    "reference_missing": gettext_lazy(
        "The number is missing, so only the address tells this person apart from others."
    ),
    "zeros_lost": gettext_lazy("Excel has dropped the leading zeros. We’ve read the number as %(kept)s."),
    "excel_number": gettext_lazy(
        "The spreadsheet has rounded this number, so we won’t keep it. Format the column as “Text”, then export the "
        "list again."
    ),
    "repeated": gettext_lazy("Same address as %(name)s on line %(line)d: we’ll keep that line."),
    "same_reference": gettext_lazy("Same number as %(name)s, %(email)s (line %(line)d): we’ll keep that line."),
    "shared_number": gettext_lazy(
        "Same number as %(name)s. We won’t keep it, because a number can belong to only one person."
    ),
    "number_of_another": gettext_lazy(
        "This number belongs to %(name)s, %(email)s. We’ve read this row as another person, without the number."
    ),
    "probably": gettext_lazy("Probably the same person as %(name)s, %(email)s, with a new address."),
    "similar_address": gettext_lazy("This may be the same mailbox as on line %(line)d. We’ll keep both."),
    "same_name": gettext_lazy("Same name as on line %(line)d. Are they two people?"),
    "swapped": gettext_lazy("The first name and family name seem to be swapped."),
    "note": gettext_lazy("There’s nobody in this row, so we’ll leave it out."),
    "same_person": gettext_lazy("This row refers to %(name)s, and so does another row. Keep only one."),
    "reference_taken": gettext_lazy("This number already belongs to %(name)s."),
    "other_cohort": gettext_lazy("Already on your list “%(cohort)s”: nobody is invited twice."),
    "declines": gettext_lazy("This person has declined and won’t be invited again."),
    "own_name": gettext_lazy(
        "This person writes their name as “%(name)s”. Their badge stays the same: only your list changes."
    ),
    "corrected": gettext_lazy(
        "This person has corrected their name to “%(name)s”: it stays so. Correct it in your own records too."
    ),
    "own_address": gettext_lazy("This person already has an account, which keeps its address. Only your list changes."),
    "no_header": gettext_lazy("The headers are missing, or we don’t recognise them. Check which column is which."),
    "half_names": gettext_lazy(
        "Most people have only half a name. Check which columns contain the family name and the first name."
    ),
    "name_order": gettext_lazy("Full names are in one column. Say which order they’re written in."),
    "unsure_names": gettext_lazy("We’re not sure which columns contain people’s names. Check them."),
    "two_tables": gettext_lazy(
        "There are two tables side by side. We’ve read only the first: upload the other one separately."
    ),
    "second_header": gettext_lazy(
        "There’s a second row of headers in a different order. Upload the rows below it separately."
    ),
    "of_others": gettext_lazy("The addresses seem to belong to other people, such as parents. Check the column."),
    "two_addresses": gettext_lazy("Several columns contain addresses. We’ve used “%(column)s”, not %(others)s."),
    "counts": gettext_lazy("Not kept as a number, because it only counts the rows: %(columns)s."),
    "nirs": gettext_lazy("Never kept, because it contains social security numbers: %(columns)s."),
    "notes": ngettext_lazy(
        "%(rows)d row with nobody in it has been set aside: %(texts)s.",
        "%(rows)d rows with nobody in them have been set aside: %(texts)s.",
        "rows",
    ),
    "hidden_rows": ngettext_lazy(
        "%(rows)d hidden row in the file was not read.", "%(rows)d hidden rows in the file were not read.", "rows"
    ),
    "hidden_columns": gettext_lazy("Hidden columns in the file were not read: %(columns)s."),
    "formulas": ngettext_lazy(
        "%(rows)d row contains a formula: check the result.",
        "%(rows)d rows contain a formula: check the results.",
        "rows",
    ),
    "not_kept": gettext_lazy("Not needed, so not kept: %(columns)s."),
    "blank": ngettext_lazy("%(rows)d empty row was left out.", "%(rows)d empty rows were left out.", "rows"),
    "spellings": gettext_lazy("The same course seems to be spelled in different ways: %(names)s."),
    "encoding": gettext_lazy("Read as %(encoding)s. Are these names right? %(names)s"),
    "encoded_twice": gettext_lazy("The accents seem to have been encoded twice (“Ã©” for “é”)."),
    "sheets": gettext_lazy("We’ve read the sheet “%(sheet)s”. There are others: %(others)s."),
}

FIELDS: dict[str, Any] = {
    "last_name": gettext_lazy("Family name"),
    "first_name": gettext_lazy("First name"),
    "email": gettext_lazy("Email"),
    "reference": gettext_lazy("Number"),
    "programme": pgettext_lazy("studies", "Course"),
}


# What a column can be.
COLUMNS: dict[str, Any] = FIELDS | {
    "usage_last_name": gettext_lazy("Preferred family name"),
    "usage_first_name": gettext_lazy("Preferred first name"),
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
    "accepted": gettext_lazy("Accepted, no seat"),
    "seated": gettext_lazy("Has a seat"),
    "waiting": gettext_lazy("Waiting for a seat"),
    "declined": pgettext_lazy("people", "Declined"),
    "attended": gettext_lazy("Attended"),
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
        "twice": gettext("duplicated"),
        "doubtful": gettext("to check"),
        "elsewhere": npgettext("rows", "set aside", "set aside", number),
        "changed": npgettext("people", "changed", "changed", number),
        "new": npgettext("people", "new", "new", number),
        "same": npgettext("people", "unchanged", "unchanged", number),
        "skipped": npgettext("rows", "skipped", "skipped", number),
        "nobody": gettext("not a person"),
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
