"""Which row holds the headers of a list, and what each column means: by the words of its header and by what stands in
it (docs/rules.md#lists)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from core.sheets.reader import MAX_TITLES, plain
from partners.domain import cleaning, names

FIELDS = ("last_name", "first_name", "email", "reference", "programme")
# What a column may be besides: half of a name that stands before another half, or a whole name that is taken apart.
NAME_FIELDS = ("usage_last_name", "usage_first_name", "name")
ALL_FIELDS = (
    "last_name",
    "usage_last_name",
    "first_name",
    "usage_first_name",
    "name",
    "email",
    "reference",
    "programme",
)

Row = tuple[int, list[str]]  # the line in the file, from 1, and the cells
SAMPLE = 300  # rows


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> list[str]:
    return text.split(", ")


FREE_MAIL = _words(
    "gmail.com googlemail.com hotmail.com hotmail.fr outlook.com outlook.fr live.com live.fr yahoo.com "
    "yahoo.fr icloud.com me.com orange.fr wanadoo.fr free.fr sfr.fr laposte.net bbox.fr proton.me "
    "protonmail.com gmx.com gmx.fr aol.com msn.com ymail.com mail.com"
)

# --- Words of headers -------------------------------------------------------------------------------------------------

EMAIL = _words("email emails mail mails mel courriel courriels correo emailaddress mailadresse messagerie")
OF_THE_INSTITUTION = _words(
    "institutionnel institutionnelle universitaire univ universite etudiant etudiante etu etud ecole "
    "etablissement school university student work professionnel professionnelle pro campus academique academic "
    "edu insti officiel officielle interne upn cnam eleve apprenant apprenante stagiaire candidat candidate "
    "participant participante inscrit"
)
PERSONAL = _words(
    "perso personnel personnelle personal prive privee private secondaire secours autre recuperation "
    "alternatif alternative home"
)
OF_OTHERS = _words(
    "tuteur tutrice parent parents pere mere responsable entreprise societe employeur contact urgence referent "
    "referente conjoint garant maitre enseignant professeur encadrant directeur directrice secretariat "
    "gestionnaire guardian emergency father mother supervisor manager company cc copie representant legal "
    "legaux legale resp rl rl1 rl2 maman papa ma tutor charge chargee chef binome parrain "
    "marraine recommande referred rapporteur rapporteuse jury president gerant evaluateur evaluatrice equipe "
    "structure site campus cfa ue artiste affichage"
)
PLACES_AND_THINGS = _words(
    "ville commune rue voie pays etablissement ecole lycee universite formation diplome groupe projet fichier "
    "cours composante parcours master organisme laboratoire salle utilisateur user domaine session module bac "
    "photo bank banque programme"
)
LAST = _words("nom noms surname lastname familyname patronyme sn nachname apellido apellidos cognome")
FIRST = _words("prenom prenoms firstname forename forenames givenname vorname pr1 prenom1 nombre")
MIDDLE = _words("pr2 pr3 prenom2 prenom3 deuxieme second secondaire autres middle 2 3 2e 3e")
USAGE = _words("usage usuel usuelle usu marital maritale epouse epoux mariage preferred choisi prefere")
BIRTH = _words("famille naissance pat patronymique birth jeune fille maiden civil legal")
WHOLE = _words(
    "etudiant etudiante etudiants etudiantes eleve eleves participant participante apprenant apprenante "
    "candidat candidate stagiaire inscrit inscrite invite invitee personne name identite student students "
    "attendee guest cn displayname full fullname display participants complet affiche beneficiaire auditeur "
    "auditrice apprenants candidats stagiaires inscrits invites"
)
NUMBER = _words("numero num no n nr code cod id number nb mat ident")
OF_A_STUDENT = _words(
    "etudiant etudiante etu student apprenant eleve adherent apogee employee carte supann auditeur dossier "
    "candidat personnel inscription identification"
)
REFERENCES = _words("matricule identifiant uid login reference ref ine nne apogee username matrikelnummer matrikel")
COUNTERS = _words("rang ordre index ligne row position classement rank line")
NO_NUMBER = _words(
    "telephone tel phone mobile portable fixe rue voie siret siren groupe salle place postal postale commande "
    "table badge bac session fax gsm iban rib"
)
STUDIES = _words(
    "formation programme program diplome cursus filiere parcours course degree master specialite mention etape "
    "etp major studies studiengang"
)
GROUPS = _words("groupe promotion promo classe section composante departement group class licence")
NOT_STUDIES = _words(
    "date debut fin responsable annee year ville nombre duree start end origine souhaitee souhaite precedente "
    "precedent anterieure anterieur"
)
SECURITY = _words("nir insee secu ssn")
STRANGE, UNNAMED, SOMEBODY_ELSES, NO_ADDRESS = 3, 4, 5, 6  # ranks of columns; the lowest is taken first
SMALL_WORDS = _words(
    "le la les l de du des d votre ton quel quelle est et the your of what is e s a en un une and or ou your "
    "veuillez indiquer saisir lib ind his her ce cet"
)

CIVILITY = re.compile(r"(?i)\A(?:m|mr|mme|mlle|mrs|ms|monsieur|madame|f|h|masculin|féminin)\.?\Z")

# Words that change nothing about what a header means. One with other words is never preferred to one without.
PLAIN_WORDS = SMALL_WORDS | _words(
    "adresse address adr electronique elec courrier e principal principale value type 1 2 3 contact obligatoire "
    "required last family given first name names personne majuscule majuscules minuscule minuscules individu"
)
NAME_WORDS = LAST | FIRST | USAGE | BIRTH | WHOLE | PLAIN_WORDS
EMAIL_WORDS = EMAIL | OF_THE_INSTITUTION | PERSONAL | WHOLE | PLAIN_WORDS
NO_USAGE = _words("non oui neant aucun aucune null none nc na sans idem x")  # what stands for “no other name”

# Headers by which the reader tells the sign between cells; as `plain` writes them.
USUAL_HEADERS = _phrases(
    "nom, prenom, courriel, email, e mail, mail, mel, adresse mail, adresse email, adresse e mail, nom de "
    "famille, nom usuel, nom d usage, last name, surname, family name, first name, given name, prenoms, nom "
    "complet, nom prenom, name, full name, etudiant, n etudiant, numero etudiant, matricule, identifiant, "
    "student number, student id, formation, programme, diplome, filiere, groupe, civilite, sn, givenname, n, "
    "id, adresse electronique, e mail universitaire"
)


@dataclass(frozen=True)
class Columns:
    """`header_line` is 0 when there is none. `names` are the headers as written, `meaning` gives the column of each
    field, from 0. `order`: how whole names are written where nothing in them tells. `asks`: why somebody has to say
    that this is right before anyone is invited. `passed_over`: columns that look like a field and are none, with the
    reason. `others`: further columns of addresses."""

    header_line: int
    names: tuple[str, ...]
    meaning: Mapping[str, int]
    asks: tuple[str, ...] = ()
    twice: tuple[str, ...] = field(default=())
    order: str = ""
    passed_over: Mapping[int, str] = field(default_factory=dict)
    others: tuple[int, ...] = ()

    @property
    def guessed(self) -> bool:
        return bool(self.asks)

    @property
    def not_kept(self) -> list[str]:
        """The headers of columns that are read by nobody: what is not needed is not kept."""
        aside = {*self.meaning.values(), *self.passed_over, *self.others}
        return [name for index, name in enumerate(self.names) if name.strip() and index not in aside]

    @property
    def fields(self) -> list[str]:
        """What is known of a person by these columns."""
        has = set(self.meaning)
        halves = {"last_name", "usage_last_name", "name"} & has, {"first_name", "usage_first_name", "name"} & has
        known = dict(zip(("last_name", "first_name"), map(bool, halves), strict=True))
        return [name for name in FIELDS if known.get(name, name in has)]

    def named(self, indexes: Iterable[int]) -> str:
        """Columns by their headers."""
        return ", ".join(self.names[index] for index in indexes if index < len(self.names) and self.names[index])


def words(header: str) -> list[str]:
    """The words of a header: `givenName`, `LIB_NOM_USU_IND`, “N° étudiant”."""
    header = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header) if not header.isupper() else header
    return plain(header.replace("@", " email ")).split()


def classify(header: str) -> tuple[str, int] | None:
    """The field that a header names, and how firmly: the lowest rank is taken first; None for no field, and
    ("never", 0) for what is never kept."""
    said = words(header)
    has = set(said)
    if not said or len(said) > 14:
        return None
    joined = " ".join(said)
    if has & SECURITY or "securite sociale" in joined or "social security" in joined:
        return "never", 0
    if has & EMAIL or re.search(r"\be mails?\b|(adresse|courrier|address) (electronique|elec)", joined):
        if has & (OF_OTHERS - {"contact"} | {"famille", "familles"}):
            return "email", SOMEBODY_ELSES
        if has - EMAIL_WORDS:
            return "email", STRANGE
        return "email", 2 if has & PERSONAL else 0 if has & OF_THE_INSTITUTION else 1
    if "principal" in has and "name" in has:  # eduPersonPrincipalName looks like an address
        return "email", NO_ADDRESS
    return _name(has, joined) or _reference(said, has, joined) or _programme(has)


def _name(has: set[str], joined: str) -> tuple[str, int] | None:
    if has & OF_OTHERS:
        return None
    is_first = bool(has & FIRST) or re.search(r"\b(first|given) names?\b", joined) is not None
    is_last = bool(has & LAST) or re.search(r"\b(last|family) names?\b|\bnom\b", joined) is not None
    if (is_first or is_last) and has & (PLACES_AND_THINGS - {"master", "formation"}):
        return None
    if is_first and is_last:
        return "name", 0
    if is_first:
        if has & MIDDLE:
            return None
        return ("usage_first_name", 0) if has & USAGE else ("first_name", _rank_of_name(has))
    if is_last:
        if has & {"complet", "complets"}:
            return "name", 0
        if has & {"formation", "master", "date", "lieu"}:
            return None
        return ("usage_last_name", 0) if has & USAGE else ("last_name", _rank_of_name(has))
    return ("name", 1) if has & WHOLE and has <= WHOLE | SMALL_WORDS else None


def _rank_of_name(has: set[str]) -> int:
    return STRANGE if has - NAME_WORDS else 1 if has & BIRTH else 0


def _reference(said: list[str], has: set[str], joined: str) -> tuple[str, int] | None:
    if has & NO_NUMBER or has & OF_OTHERS:
        return None
    if has & NUMBER and has & OF_A_STUDENT:
        return "reference", 0
    if "matricule" in has or "etu id" in joined or "apogee" in has:
        return "reference", 0
    if has & REFERENCES and len(has - SMALL_WORDS) <= 3:
        return "reference", 1
    if has <= NUMBER and len(said) == 1:
        return "reference", 3
    return ("counter", 0) if has & COUNTERS and has <= COUNTERS | NUMBER | SMALL_WORDS else None


def _programme(has: set[str]) -> tuple[str, int] | None:
    if has & NOT_STUDIES or has & OF_OTHERS:
        return None
    is_code = 2 if has & {"code", "cod", "id"} else 0
    if has & STUDIES:
        return "programme", is_code
    return ("programme", 1 + is_code) if has & GROUPS and len(has - SMALL_WORDS) <= 3 else None


# --- The columns of a list --------------------------------------------------------------------------------------------


def find(rows: Sequence[Row], remembered: Mapping[str, str] | None = None) -> Columns:
    """The columns of a list: the header is the row that names most fields and is followed by rows of people.

    `remembered` says what the institution called its columns before, as somebody there chose: field by header, an empty
    one for none, `name:last_first` for the order of whole names.
    """
    said = {plain(name): field for name, field in (remembered or {}).items()}
    best: tuple[int, Row] | None = None
    for row in rows[: MAX_TITLES + 1]:
        cells = row[1]
        if any(cleaning.ADDRESS.fullmatch(cell.strip()) for cell in cells):
            continue
        known = {field for cell in cells if cell.strip() and (field := _field_of(cell, said))}
        filled = sum(bool(cell.strip()) for cell in cells)
        score = len(known - {"never", "counter"}) * 2 + ("email" in known)
        if score > (best[0] if best else 0) and known - {"never", "counter"} and (len(known) > 1 or filled == 1):
            best = (score, row)
    if best is None or (len(best[1][1]) == 1 and max(len(cells) for _line, cells in rows) > 1):
        return _guess(rows)
    line, cells = best[1]
    sample = [row for row in rows if row[0] > line][:SAMPLE]
    return _by_headers(line, cells, sample, said)


def _field_of(header: str, remembered: Mapping[str, str]) -> str:
    if (chosen := remembered.get(plain(header))) is not None:
        return chosen.partition(":")[0]
    return (classify(header) or ("",))[0]


def _by_headers(line: int, cells: list[str], sample: list[Row], remembered: Mapping[str, str]) -> Columns:
    columns = _Sample(sample, max([len(cells), *(len(row) for _line, row in sample)]))
    candidates: dict[str, list[tuple[int, int]]] = {}
    passed_over: dict[int, str] = {}
    chosen: dict[str, int] = {}
    twice: list[str] = []
    order = ""
    for index, cell in enumerate(cells):
        name = plain(cell)
        if name and _field_of(cell, remembered) and any(plain(other) == name for other in cells[:index]):
            twice.append(cell.strip())
        if (kept := remembered.get(name)) is not None:
            meant, _colon, said_order = kept.partition(":")
            order = said_order or order
            if meant and not columns.is_of_nirs(index):
                chosen.setdefault(meant, index)
            continue
        meant, rank = classify(cell) or ("", 0)
        if columns.is_of_nirs(index) or meant == "never":
            passed_over[index] = "nir"
        elif meant == "counter" or (meant == "reference" and columns.counts(index, is_bare=rank == 3)):
            passed_over[index] = "counter"
        elif (meant == "reference" and not columns.may_be_of_references(index)) or (
            meant == "email" and not columns.may_be_of_addresses(index)
        ):
            continue
        elif meant:
            candidates.setdefault(meant, []).append((rank, index))
    taken = {*chosen.values(), *passed_over}
    candidates["email"] = _addresses(candidates.get("email", []), columns, cells, taken)
    meaning = {meant: min(found)[1] for meant, found in candidates.items() if found} | chosen
    meaning, asks = _settle(meaning, columns)
    [score] = [score for score, index in candidates["email"] if index == meaning.get("email")] or [0]
    is_strange = 2 * STRANGE <= score < 2 * UNNAMED and not columns.agree(meaning, "email")
    if score >= 2 * SOMEBODY_ELSES or is_strange:
        asks.append("of_others")
    halves = ("last_name", "first_name", "usage_last_name", "usage_first_name")
    if any((STRANGE, meaning.get(half)) in candidates.get(half, ()) for half in halves):
        asks.append("unsure_names")
    asks += _second_tables(cells, sample, remembered)
    others = tuple(index for _rank, index in sorted(candidates["email"]) if index != meaning.get("email"))
    if "name" in meaning and not order and columns.has_unclear_names(meaning["name"]):
        asks.append("name_order")
    headers = tuple(cell.strip() for cell in cells)
    return Columns(line, headers, meaning, tuple(asks), tuple(twice), order, passed_over, others)


def _addresses(
    named: list[tuple[int, int]], columns: "_Sample", cells: list[str], taken: set[int]
) -> list[tuple[int, int]]:
    """The columns of addresses, by their headers and then by what stands in them: of two that are called alike, the one
    of the institution's own domain; one address for many is an office's."""
    known = {index for _rank, index in named}
    named = [(SOMEBODY_ELSES if columns.is_shared(index) else rank, index) for rank, index in named]
    unnamed = [
        (SOMEBODY_ELSES if _is_of_others(cells, index) or columns.is_shared(index) else UNNAMED, index)
        for index in range(columns.width)
        if index not in known | taken and columns.is_of_addresses(index)
    ]
    return [(2 * rank + columns.is_personal(index), index) for rank, index in [*named, *unnamed]]


def _is_of_others(cells: list[str], index: int) -> bool:
    return index < len(cells) and bool(set(words(cells[index])) & (OF_OTHERS - {"contact"}))


def _settle(meaning: dict[str, int], columns: "_Sample") -> tuple[dict[str, int], list[str]]:
    """Halves of names that go together, and what is to be asked about them."""
    asks = []
    for usage, plain_name in (("usage_last_name", "last_name"), ("usage_first_name", "first_name")):
        if usage in meaning and plain_name not in meaning:
            meaning[plain_name] = meaning.pop(usage)
    if "name" in meaning and not columns.holds_whole_names(meaning["name"]):
        # “Name; Vorname”, “Name, Surname”: the one stands for the half that no other column is
        missing = {"last_name", "first_name"} - set(meaning)
        if len(missing) == 1:
            meaning[missing.pop()] = meaning.pop("name")
        elif len(missing) == 2:
            asks.append("half_names")
    if "last_name" in meaning and "first_name" not in meaning and columns.holds_whole_names(meaning["last_name"]):
        meaning.pop("name", None)
        meaning["name"] = meaning.pop("last_name")
    if "last_name" in meaning and "first_name" in meaning:
        meaning.pop("name", None)
        if columns.is_half_empty(meaning, "last_name") or columns.is_half_empty(meaning, "first_name"):
            asks.append("half_names")
    elif "name" in meaning:
        for half in ("last_name", "first_name", "usage_last_name", "usage_first_name"):
            meaning.pop(half, None)
    elif "last_name" in meaning or "first_name" in meaning:
        asks.append("half_names")
    return meaning, asks


def _second_tables(cells: list[str], sample: list[Row], remembered: Mapping[str, str]) -> list[str]:
    """Whether a second table stands beside or below the first, whose people would be lost or turned round."""
    names_ = [plain(cell) for cell in cells]
    stems = [re.sub(r" ?\d+$", "", name) for name in names_ if re.search(r"\d$", name)]
    beside = [stem for stem in stems if stem in names_]
    fields = [_field_of(cell, remembered) for cell in cells]
    asks = ["two_tables"] if len(beside) > 1 and any((classify(name) or ("",))[0] == "email" for name in beside) else []
    for _line, row in sample:
        said = [_field_of(cell, remembered) for cell in row if cell.strip()]
        is_header = len({field for field in said if field}) > 1 and all(said) and not any("@" in cell for cell in row)
        if is_header and [_field_of(cell, remembered) for cell in row] != fields[: len(row)]:
            return [*asks, "second_header"]
    return asks


def _guess(rows: Sequence[Row]) -> Columns:
    """Without a header that says anything: the column of addresses tells itself, and the texts before it are taken for
    the family and the first name. Somebody has to say whether that is right."""
    header, sample = _unknown_header(rows), list(rows[:SAMPLE])
    if header:
        sample = [row for row in sample if row[0] > header[0]]
    columns = _Sample(sample, max((len(cells) for _line, cells in sample), default=0))
    meaning: dict[str, int] = {}
    passed_over: dict[int, str] = {}
    emails = sorted((columns.is_personal(n), n) for n in range(columns.width) if columns.is_of_addresses(n))
    if emails:
        meaning["email"] = emails[0][1]
    halves = iter(("last_name", "first_name"))
    for index in range(columns.width):
        if index in {place for _personal, place in emails} or not columns.filled(index):
            continue
        if columns.is_of_nirs(index):
            passed_over[index] = "nir"
        elif columns.counts(index, is_bare=False):
            passed_over[index] = "counter"
        elif columns.is_of_dates(index) or columns.is_of_civilities(index) or columns.is_of_phones(index):
            continue
        elif columns.has_digits(index):
            if columns.may_be_of_references(index):
                meaning.setdefault("reference", index)
        elif half := next(halves, None):
            meaning[half] = index
    order = ""
    if "last_name" in meaning and columns.holds_whole_names(meaning["last_name"]):
        meaning.pop("first_name", None)
        meaning["name"] = meaning.pop("last_name")
    asks = ["no_header"]
    if "name" in meaning and columns.has_unclear_names(meaning["name"]):
        asks.append("name_order")
    headers = tuple(cell.strip() for cell in header[1]) if header else tuple("" for _ in range(columns.width))
    others = tuple(place for _personal, place in emails[1:])
    return Columns(header[0] if header else 0, headers, meaning, tuple(asks), (), order, passed_over, others)


def choose(columns: Columns, meaning: Mapping[str, int], order: str = "") -> Columns:
    """The columns as somebody has said that they are: nothing is asked any more. A column of social security numbers
    stays none."""
    kept = {field: index for field, index in meaning.items() if columns.passed_over.get(index) != "nir"}
    over = {index: why for index, why in columns.passed_over.items() if index not in kept.values()}
    addresses = {*columns.others, *([columns.meaning["email"]] if "email" in columns.meaning else [])}
    others = tuple(sorted(addresses - set(kept.values())))
    return replace(columns, meaning=kept, asks=(), twice=(), order=order, passed_over=over, others=others)


def has_unclear_names(rows: Sequence[Row], columns: Columns) -> bool:
    """Whether whole names do not tell which part is the family name, and nobody has said in which order they stand."""
    if columns.order or "name" not in columns.meaning:
        return False
    index = columns.meaning["name"]
    return _Sample(people(rows, columns), index + 1).has_unclear_names(index)


def of_recipients(rows: Sequence[Row], remembered: Mapping[str, str] | None = None) -> Columns:
    """The columns of recipients of a mail: a whole name and an address."""
    columns = _Sample(rows, 2)
    order = (remembered or {}).get("recipients", "").partition(":")[2]
    # “Roux Zoé, Martin Paul <…>”: a comma between two names, of whom one has no address.
    may_be_two = any(re.search(r"\S\s+\S+\s*,\s*\S+\s+\S", cell) for cell in columns.filled(0))
    asks = ("name_order",) if may_be_two or (not order and columns.has_unclear_names(0)) else ()
    return Columns(0, ("", ""), {"name": 0, "email": 1}, asks, order=order)


def _unknown_header(rows: Sequence[Row]) -> Row | None:
    """The first row, when addresses stand under it and none in it."""
    if len(rows) < 2 or len(rows[0][1]) < 2 or any("@" in cell for cell in rows[0][1]):
        return None
    return rows[0] if any("@" in cell for cell in rows[1][1]) else None


def people(rows: Sequence[Row], columns: Columns) -> list[Row]:
    """The rows under the header."""
    return [row for row in rows if row[0] > columns.header_line]


class _Sample:
    """The first rows under a header, column by column; of rows about people only, where some hold an address."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        kept = [cells for _line, cells in rows if any("@" in cell for cell in cells)]
        kept = kept if len(kept) * 4 > len(rows) else [cells for _line, cells in rows]
        self.width, self.rows = width, kept[:SAMPLE]
        self.columns = [
            [cells[index].strip() if index < len(cells) else "" for cells in self.rows] for index in range(width)
        ]

    def filled(self, index: int) -> list[str]:
        return [cell for cell in self.columns[index] if cell] if index < self.width else []

    def _most(self, index: int, test: "re.Pattern[str]", share: float = 0.5) -> bool:
        cells = self.filled(index)
        return bool(cells) and sum(bool(test.search(cell)) for cell in cells) > len(cells) * share

    def is_of_addresses(self, index: int) -> bool:
        return self._most(index, re.compile(r"\S@\S"))

    def may_be_of_addresses(self, index: int) -> bool:
        """Addresses; or whatever there is, when no other column has any: people are asked to fix it."""
        return any("@" in cell for cell in self.filled(index)) or not any(map(self.is_of_addresses, range(self.width)))

    def is_personal(self, index: int) -> int:
        domains = Counter(cell.rpartition("@")[2].strip(" >;,.").lower() for cell in self.filled(index) if "@" in cell)
        at_free_mail = sum(number for domain, number in domains.items() if domain in FREE_MAIL)
        return int(at_free_mail * 2 > sum(domains.values()))

    def is_of_nirs(self, index: int) -> bool:
        cells = self.filled(index)
        return bool(cells) and sum(cleaning.is_nir(cell) for cell in cells) * 2 > len(cells)

    def may_be_of_references(self, index: int) -> bool:
        """Not dates, phones or addresses, and not the same for many."""
        cells = self.filled(index)
        differ = self.has_digits(index) or len(set(cells)) * 10 >= len(cells) * 8
        return differ and not (self.is_of_dates(index) or self.is_of_phones(index) or self.is_of_addresses(index))

    def is_shared(self, index: int) -> bool:
        """Whether one address stands for many people."""
        cells = [cell.lower() for cell in self.filled(index) if "@" in cell]
        most = Counter(cells).most_common(1)
        return bool(most) and most[0][1] > 1 and most[0][1] * 5 > len(cells)

    def agree(self, meaning: Mapping[str, int], field: str) -> bool:
        """Whether most addresses hold the first name of the person of their row: parents share the family name."""
        if "first_name" not in meaning or field not in meaning:
            return False
        firsts, emails = self.columns[meaning["first_name"]], self.columns[meaning[field]]
        known = [
            (plain(first).replace(" ", ""), plain(email.partition("@")[0]).replace(" ", ""))
            for first, email in zip(firsts, emails, strict=True)
            if first and email
        ]
        return bool(known) and sum(len(first) > 2 and first in email for first, email in known) * 2 > len(known)

    def is_of_dates(self, index: int) -> bool:
        cells = self.filled(index)
        return bool(cells) and sum(cleaning.damage(cell) == "excel_date" for cell in cells) * 2 > len(cells)

    def is_of_civilities(self, index: int) -> bool:
        return self._most(index, CIVILITY)

    def is_of_phones(self, index: int) -> bool:
        return self._most(index, re.compile(r"\A(?:\+|00)?[\d .()/-]{9,20}\Z")) and self._most(
            index, re.compile(r"\A(?:\+|0[1-9]|00)")
        )

    def has_digits(self, index: int) -> bool:
        return self._most(index, re.compile(r"\d"))

    def counts(self, index: int, *, is_bare: bool) -> bool:
        """Whether a column only counts the rows, so that its numbers are nobody's: 1, 2, 3 …, in any order, anew for
        each group; under a header that says “number” alone (`is_bare`), also the small numbers of a part of such a
        list."""
        matches = [re.fullmatch(r"\D{0,3}(\d{1,9})\D{0,2}", cell) for cell in self.filled(index)]
        if not matches or sum(bool(match) for match in matches) * 10 < len(matches) * 9:
            return False
        numbers = [int(match[1]) for match in matches if match]
        if not is_bare and any(len(match[1]) > 1 and match[1].startswith("0") for match in matches if match):
            return False  # nobody writes zeros before the numbers of rows under “N° étudiant”
        if sorted(numbers) in ([*range(1, len(numbers) + 1)], [*range(len(numbers))]):
            return True
        follows = all(number in (last + 1, 0, 1) for last, number in pairwise(numbers))
        if follows and numbers[0] in (0, 1):
            return True
        is_small = max(numbers) <= max(10 * len(numbers), 100) and all(len(str(number)) < 5 for number in numbers)
        return is_bare and is_small

    def holds_whole_names(self, index: int) -> bool:
        cells = self.filled(index)
        several = [cell for cell in cells if len(names.without_civility(cell).split()) > 1]
        return len(cells) > 0 and len(several) * 10 >= len(cells) * 6 and not self._are_compound(several)

    def _are_compound(self, cells: list[str]) -> bool:
        """Whether these are family names of several words, such as “de la Tour”, and no first name with them."""
        return all(names.split(cell) is None and cell.split()[0].lower() in names.PARTICLES for cell in cells)

    def has_unclear_names(self, index: int) -> bool:
        return any(names.split(cell) is None for cell in self.filled(index))

    def is_half_empty(self, meaning: Mapping[str, int], half: str) -> bool:
        """Whether most people lack that half of their names, although they have the other."""
        other = "first_name" if half == "last_name" else "last_name"

        def has(cells: list[str], name: str) -> bool:
            places = [meaning[key] for key in (name, f"usage_{name}") if key in meaning]
            return any(place < len(cells) and cells[place].strip() for place in places)

        named = [cells for cells in self.rows if has(cells, other)]
        return bool(named) and sum(not has(cells, half) for cells in named) * 2 >= len(named)
