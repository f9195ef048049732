"""What people and their programs leave in cells, taken out again: addresses as mail programs write them, letters that
nobody sees, what a spreadsheet has made of numbers (docs/rules.md#lists)."""

import re
import unicodedata

from core.emails import normalise_email
from core.text import CONTROLS, DIRECTIONS

NUL = "\u2400"  # how a row of an upload keeps a NUL, which PostgreSQL takes in no text
MASK = "\u2022\u2022\u2022"  # what stands for the digits of a social security number: they are never kept
BLANKS = " \t\r\n\v\f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_BLANKS = re.compile(f"[{BLANKS}]+")
_UNSEEN = re.compile(f"(?![{BLANKS}\x00])[{CONTROLS}{DIRECTIONS}\u00ad\u034f\u061c\u180e\u200b\u2060-\u2064\ufeff]")
_JOINERS = re.compile("[\u200c\u200d]")
DAMAGED = re.compile(f"[\x00{NUL}\ufffd\ud800-\udfff]")

_MONTHS = (
    "janv?|f[ée]v|f[ée]vr|mars|mar|avr|apr|mai|may|juin|jun|juil|jul|ao[uû]t?|aug|sept?|oct|okt|nov|d[ée]c|dez|dic|ene"
)
_DATE = re.compile(
    rf"(\d{{1,2}}[-/. ]({_MONTHS})[a-zé]*\.?([-/. ]\d{{2,4}})?"
    rf"|({_MONTHS})[a-zé]*\.?[-/. ]\d{{2,4}}"
    r"|\d{1,2}[/.-]\d{1,2}[/.-](\d{2}|\d{4})|\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?)",
    re.IGNORECASE,
)
_POWER = re.compile(r"[-+]?\d+(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE)
_ERROR = re.compile(r"#[A-ZÀ-Ü/0-9_]{2,20}[!?]?|#{3,}|Err\s?:\s?\d{3}", re.IGNORECASE)
_MAY_BE_DAMAGED = re.compile(r"[\d#]")
# Sex, year and month of birth, department (2A and 2B in Corsica), municipality, order; then the key, or not (INSEE).
_NIR = re.compile(r"([1-478])(\d{2})(0[1-9]|1[0-2]|[2-4]\d|[5-9]\d)(\d{2}|2[AB])(\d{3})(\d{3})(\d{2})?", re.IGNORECASE)
_BETWEEN_DIGITS = re.compile(f"[{BLANKS}.\\-_/]")

_PARTS = re.compile(f"[{BLANKS}<>()\\[\\]{{}};,=|]+|²|–|—")
_NUMBERED = re.compile(r"\s*\d{1,4}[.)]\s+")  # the place in a list
_PLAIN = re.compile(r"\w[\w.+-]*@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_MARKDOWN = re.compile(r"\[[^\]]*\]\(\s*(?:mailto:)?([^)\s]+)\s*\)", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[<(\[]\s*(?:mailto:)?([^<>()\[\]\s]+@[^<>()\[\]\s]+)\s*[>)\]]", re.IGNORECASE)
_AROUND = f"{BLANKS}\"'`´‘’‚‛“”„«»‹›<>()[]{{}};,:|/\\.".replace(
    "\u2000-\u200a", "".join(map(chr, range(0x2000, 0x200B)))
)
ADDRESS = re.compile(r"[^\s,;<>()\[\]\"|]+@[^\s,;<>()\[\]\"|]+")
_AT = re.compile(r"\s*[(\[{]\s*(?:at|arobase|à|a)\s*[)\]}]\s*|\s+(?:at|arobase)\s+", re.IGNORECASE)
_DOT = re.compile(r"\s*[(\[{]\s*(?:dot|point)\s*[)\]}]\s*|\s+(?:dot|point)\s+", re.IGNORECASE)


def text(raw: str) -> tuple[str, bool]:
    """A text of one line as it is kept: composed letters, single spaces, nothing that nobody sees; and whether
    something unseen was taken out. What a broken encoding left stays, to be named where it stands."""
    if raw.isascii() and raw.isprintable() and "  " not in raw and raw[:1] != " " and raw[-1:] != " ":
        return raw, False  # as most are
    seen = _UNSEEN.sub("", raw)
    kept = _joiners_of_letters(_BLANKS.sub(" ", seen).strip(" "))
    had_unseen = seen != raw or len(kept) < len(_BLANKS.sub(" ", seen).strip(" "))
    return kept if DAMAGED.search(kept) else unicodedata.normalize("NFC", kept), had_unseen


def _joiners_of_letters(value: str) -> str:
    """Joiners shape letters in Arabic, Persian and Indic names, and join signs in emoji; in Latin ones they only
    hide."""

    def keep(match: re.Match[str]) -> str:
        beside = value[max(0, match.start() - 1) : match.start()] + value[match.end() : match.end() + 1]
        hides = len(beside) < 2 or any(
            letter.isascii() or letter in "\u200c\u200d" or "LATIN" in unicodedata.name(letter, "") for letter in beside
        )
        return "" if hides else match[0]

    return _JOINERS.sub(keep, value)


def email(raw: str) -> str:
    """The address in what somebody wrote around it: a display name, brackets, quotation marks, a link, signs and spaces
    at its ends or inside. What holds two, or none, comes back as it is."""
    if _PLAIN.fullmatch(raw):
        return raw
    value = _written(raw)
    addresses = ADDRESS.findall(value)
    if len(set(map(normalise_email, addresses))) > 1:
        return _BLANKS.sub(" ", value).strip(" ")
    value = addresses[0] if len(addresses) > 1 else value
    if inside := _IN_BRACKETS.search(value):
        value = inside[1]
    value = re.sub(r"(?i)^[\s<\"'\[(]*mailto:", "", value).partition("?")[0] if "@" in value else value
    value = value.strip(_AROUND).lstrip("=*~+-•")
    if value.count("@") == 1 and not ADDRESS.fullmatch(value):
        return re.sub(rf"[{BLANKS}]+", "", value) if _is_address_with_blanks(value) else value
    return value


def _written(raw: str) -> str:
    """What stands in a cell of addresses, without what nobody sees, needless quotation marks and links."""
    value = _JOINERS.sub("", _UNSEEN.sub("", raw)).translate({0xFF20: "@", 0xFE6B: "@"})
    value = re.sub(r"""(["'])([^"'@\s]+)\1@""", r"\2@", _NUMBERED.sub("", value))
    return _MARKDOWN.sub(lambda match: f" {match[1]} ", value)


def _is_address_with_blanks(value: str) -> bool:
    """A space beside the @ or a dot is a slip; between words it parts a name from an address."""
    return not re.search(rf"[^{BLANKS}.@][{BLANKS}]+[^{BLANKS}.@]", value)


def several(raw: str) -> list[str]:
    """The addresses in a cell, each once, in their order."""
    if _PLAIN.fullmatch(raw):
        return [normalise_email(raw)]
    value = _written(raw)
    written = re.split(rf"[{BLANKS},;<>()\[\]\"|]+|/(?=\S*@)", value)
    found = (part.strip(_AROUND).removeprefix("mailto:") for part in written if "@" in part)
    return list(dict.fromkeys(normalise_email(part) for part in found if re.fullmatch(r"[^@]+@[^@]+", part)))


def proposal(value: str) -> str:
    """What was certainly meant by what is no address, else an empty text."""
    inside = [part for part in _PARTS.split(_written(value)) if "@" in part]
    if len(inside) == 1 and _PLAIN.fullmatch(inside[0].strip(_AROUND)) and inside[0] != value:
        return normalise_email(inside[0].strip(_AROUND))
    meant = value
    if "@" not in meant:
        meant = _AT.sub("@", meant)
        if "@" not in meant:
            return ""
    meant = re.sub(rf"[{BLANKS}]*([@.])[{BLANKS}]*", r"\1", _DOT.sub(".", meant)).strip(BLANKS)
    meant = re.sub("@{2,}", "@", meant)
    local, at, domain = meant.rpartition("@")
    domain = re.sub(r"[.,;]+", ".", domain).strip(".")
    local = re.sub(r"\.{2,}", ".", local).strip(".")
    if not local.isascii():
        local = "".join(letter for letter in unicodedata.normalize("NFKD", local) if not unicodedata.combining(letter))
    meant = f"{local}{at}{domain}"
    return normalise_email(meant) if re.fullmatch(r"\w[\w.+'-]*@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}", meant) else ""


def damage(value: str) -> str:
    """What a spreadsheet has made of a number: "error_value", "excel_date", "excel_number"; else an empty text."""
    if value.isdecimal() or not _MAY_BE_DAMAGED.search(value):
        return ""
    if _ERROR.fullmatch(value):
        return "error_value"
    if _DATE.fullmatch(value):
        return "excel_date"
    return "excel_number" if _POWER.fullmatch(value) else ""


def is_error(value: str) -> bool:
    return bool(_ERROR.fullmatch(value))


def is_nir(value: str) -> bool:
    """Whether this is a French social security number, or begins like one: 13 digits, 15 with their key."""
    if MASK in value:
        return True
    if len(value) < 13 or value[0] not in "123478 ":
        return False
    digits = _BETWEEN_DIGITS.sub("", value)
    match = _NIR.fullmatch(digits)
    if not match:
        return False
    if match[7] is None:  # without a key, only what a month and a department can be
        return (match[3] <= "12" or "20" <= match[3] <= "42" or match[3] >= "50") and match[4] not in ("00", "96")
    return True


def mask_nirs(value: str) -> str:
    """`value`, without the digits of a social security number."""
    return f"{value.strip()[:1]}{MASK}" if is_nir(value) else value
