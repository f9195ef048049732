"""One column of names, taken apart into first and family names (docs/rules.md#list-names)."""

import re

FIRST_LAST, LAST_FIRST = "first_last", "last_first"
ORDERS = (FIRST_LAST, LAST_FIRST)

CIVILITIES = re.compile(
    r"\s*(?:MM?\.|M\b|Mr\b\.?|Mrs\b\.?|Ms\b\.?|Miss\b|Mme\b\.?|Mlle\b\.?|Monsieur\b|Madame\b|Mademoiselle\b"
    r"|Dr\b\.?|Pr\b\.?|Prof\b\.?|Herr\b|Frau\b|Sr\b\.?|Sra\b\.?)\s+(?=\S)",
    re.IGNORECASE,
)
# Words of family names that are written small, or together with the capitals that follow.
NEVER_FIRST = frozenset(
    "de du des les da das do dos di del della van von vom der den ter ten zu zur af av bin ibn abu".split()  # noqa: SIM905
)
PARTICLES = NEVER_FIRST | {"d", "la", "le", "el", "al", "ben", "y", "e", "st", "ste"}


def without_civility(name: str) -> str:
    return CIVILITIES.sub("", name, count=1) if " " in name and CIVILITIES.match(name) else name


def split(name: str, order: str = "") -> tuple[str, str] | None:
    """The family and the first name of a person, or None where only their order could tell them apart.

    Capitals tell the family name, then a comma after it, then a particle before it. One word alone is a family name.
    """
    name = re.sub(r"\s*\([^()]*\)$", "", without_civility(" ".join(name.split())))
    if "," in name:
        last, _comma, first = name.partition(",")
        is_suffix = re.search(r"\d|,", first) or first.strip(" .").lower() in ("jr", "sr", "phd", "md")
        return None if is_suffix else (last.strip(), first.strip())
    words = name.split(" ")
    if len(words) < 2:
        return name, ""
    return _by_capitals(words) or _by_particle(words) or _by_order(words, order)


def _by_capitals(words: list[str]) -> tuple[str, str] | None:
    """Where some words are written in capitals and others not."""
    capitals = [_is_capital(word) for word in words]
    letters = [index for index, word in enumerate(words) if any(letter.isalpha() for letter in word)]
    if not any(capitals) or all(capitals[index] for index in letters):
        return None
    said = [word for word, is_capital in zip(words, capitals, strict=True) if is_capital]
    if all(_is_particle(word) or re.fullmatch("[IVX]+", word) for word in said):
        return None
    first, last = capitals.index(True), len(words) - 1 - capitals[::-1].index(True)
    if not all(capitals[index] or _is_particle(words[index]) for index in range(first, last + 1)):
        return None  # capitals here and there
    while first > 1 and _is_particle(words[first - 1]):
        first -= 1
    if first > 0 and last < len(words) - 1:
        return None
    family, others = words[first : last + 1], words[:first] + words[last + 1 :]
    return (" ".join(family), " ".join(others)) if others else None


def _is_capital(word: str) -> bool:
    """A word in capitals; one letter alone is an initial."""
    bare = re.sub(r"^(?:Mc|Mac|O['’]|[dDlL]['’])", "", word)
    letters = [letter for letter in bare if letter.isalpha()]
    return len(letters) > 1 and bare.upper() == bare and bare.lower() != bare


def _is_particle(word: str) -> bool:
    return word.lower().rstrip("'’.") in PARTICLES


def _by_order(words: list[str], order: str) -> tuple[str, str] | None:
    if order == FIRST_LAST:
        start = next((at for at in range(1, len(words) - 1) if _is_particle(words[at])), len(words) - 1)
        return " ".join(words[start:]), " ".join(words[:start])
    if order == LAST_FIRST:
        end = 1
        while end < len(words) - 1 and _is_particle(words[end - 1]):
            end += 1
        return " ".join(words[:end]), " ".join(words[end:])
    return None


def _by_particle(words: list[str]) -> tuple[str, str] | None:
    """“Jan van der Berg”: what follows a particle that begins no first name."""
    for at in range(1, len(words) - 1):
        if words[at].islower() and words[at].rstrip("'’.") in NEVER_FIRST:
            return " ".join(words[at:]), " ".join(words[:at])
    if len(words) == 2 and re.match(r"d['’]", words[1]):
        return words[1], words[0]
    return None
