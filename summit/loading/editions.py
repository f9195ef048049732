"""Which edition of the summit a folder is loaded into, and what its rows are called there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils import translation

from programme.domain import slugs
from programme.models import Edition, Event, Session
from registrations.models import Cohort
from summit.loading.files import Folder, Problem, Row, road_slug

OPTION = "--edition"
# The files whose slugs are addresses, unique among all editions, and how long those may be.
ADDRESSES: dict[str, tuple[type[Session] | type[Event] | type[Cohort], str]] = {
    "events.csv": (Event, "edition__slug"),
    "road_to_summit.csv": (Event, "edition__slug"),
    "sessions.csv": (Session, "event__edition__slug"),
    "cohorts.csv": (Cohort, "edition__slug"),
}
SHARING = (("events.csv", "road_to_summit.csv"), ("sessions.csv",), ("cohorts.csv",))  # one set of slugs each


@dataclass
class Known:
    """What the database holds: the edition (its slug) of every session, event and cohort, by its own slug."""

    editions: dict[str, dict[str, str]] = field(default_factory=dict)  # by file
    lengths: dict[str, int] = field(default_factory=dict)

    @classmethod
    def now(cls) -> "Known":
        known = cls()
        for file, (model, edition) in ADDRESSES.items():
            known.editions[file] = dict(model._default_manager.order_by().values_list("slug", edition))
            known.lengths[file] = model._meta.get_field("slug").max_length or 0
        return known

    def name(self, file: str, slug: str, edition: str, others: set[str]) -> str:
        """What the row `slug` of `file` is called in `edition`: so, unless another edition has that slug. `others`: the
        slugs of the file, none of which is a name that `slug` was given before."""
        named = self.editions[file]
        if named.get(slug) == edition:
            return slug
        ending = slugs.in_edition(slug, edition, self.lengths[file])
        return ending if slug in named or (named.get(ending) == edition and ending not in others) else slug

    def elsewhere(self, edition: str) -> dict[str, str]:
        """The sessions of other editions, and which those are."""
        return {slug: of for slug, of in self.editions["sessions.csv"].items() if of != edition}


def slug_of(row: Row) -> str:
    return road_slug(row.cells["title"]) if row.file.name == "road_to_summit.csv" else row.cells["slug"]


def slugs_of(folder: Folder, file: str) -> list[str]:
    return [slug_of(row) for row in folder.rows.get(file, [])]


def choose(folder: Folder, known: Known, asked: str) -> tuple[str, list[Problem]]:
    """The slug of the edition that a load is for, and why not if it may not be: the one that was `asked` for, or that
    edition.csv names, or that has the sessions of the folder already. Empty when nothing says which: then it is that of
    the year."""
    own = folder.rows.get("edition.csv", [])
    if asked:
        try:
            with translation.override("en"):
                Edition._meta.get_field("slug").run_validators(asked)
        except ValidationError as why:
            return "", [Problem(OPTION, 0, "", asked, " ".join(why.messages))]
        sentence = refusal(asked)
        return asked, [Problem(OPTION, 0, "", asked, sentence)] if sentence else []
    if own:
        asked = own[0].cells["slug"] if "slug" in own[0].values else ""
        return asked, [own[0].wrong("slug", sentence)] if asked and (sentence := refusal(asked)) else []
    asked, sentence = _that_has({slug for slug in slugs_of(folder, "sessions.csv") if slug}, known)
    sentence = sentence or refusal(asked)
    return asked, [Problem("sessions.csv", 0, "", "", sentence)] if sentence else []


def refusal(slug: str) -> str:
    """Why nothing is loaded into the edition of that slug, if so."""
    archived = Edition.objects.filter(slug=slug, state=Edition.State.ARCHIVED).exists()
    return f"the edition {slug} is archived: its programme changes no more." if archived else ""


def _that_has(sessions: set[str], known: Known) -> tuple[str, str]:
    """The edition that most of `sessions` are known in, or else why none can be told; neither when none is known."""
    found: Counter[str] = Counter()
    for edition in sorted(set(known.editions["sessions.csv"].values())):
        names = {known.name("sessions.csv", slug, edition, sessions) for slug in sessions}
        if number := sum(known.editions["sessions.csv"].get(name) == edition for name in names):
            found[edition] = number
    most = [edition for edition, number in found.items() if number * 2 > len(sessions)]
    if len(most) == 1:
        return most[0], ""
    if not found:
        return "", ""
    told = ", ".join(f"{edition} ({number})" for edition, number in found.items())
    return "", f"of the {len(sessions)} sessions, some are known already, in: {told}. Say with {OPTION} which is meant."


def names(folder: Folder, known: Known, edition: str) -> dict[str, dict[str, str]]:
    """What each row is called in `edition`: by file, then by its slug in the file."""
    given = {}
    for files in SHARING:
        others = {slug for file in files for slug in slugs_of(folder, file)}
        for file in files:
            given[file] = {slug: known.name(file, slug, edition, others) for slug in slugs_of(folder, file)}
    return given


def judge_names(folder: Folder, known: Known, edition: str) -> Iterator[Problem]:
    """Rows whose slug another edition has, and whose name in `edition` something else has; and `edition` among the
    others."""
    for row in folder.rows.get("other_editions.csv", []):
        if row.cells["slug"] == edition:
            yield row.wrong("slug", "is the edition that is loaded: only others stand here.")
    called = names(folder, known, edition)
    for files in SHARING:
        first: dict[str, Row] = {}
        for row in (row for file in files for row in folder.rows[file]):
            file = row.file.name
            name = called[file][slug_of(row)]
            of, twin = known.editions[file].get(name, edition), first.setdefault(name, row)
            if of != edition or twin is not row:
                who = f"a row of the edition {of}" if of != edition else f"line {twin.line} of {twin.file.name}"
                column = "title" if file == "road_to_summit.csv" else "slug"
                yield row.wrong(column, f"would be called {name} in the edition {edition}, as {who} is.")


def rename(folder: Folder, known: Known, edition: str) -> None:
    """Write into the rows what each is called in `edition`, and into those that refer to it."""
    called = names(folder, known, edition)
    for row in (row for rows in folder.rows.values() for row in rows):
        if row.file.name in called:
            row.cells["slug"] = row.values["slug"] = called[row.file.name][slug_of(row)]
        for column in row.file.columns:
            if column.refers_to in called and row.cells[column.name]:
                name = called[column.refers_to][row.cells[column.name]]
                row.cells[column.name] = row.values[column.name] = name
        if allotted := row.values.get("sessions_allotted"):
            row.values["sessions_allotted"] = [called["sessions.csv"][slug] for slug in allotted]
