"""What people typed instead of cells, remembered for the same row of a later list (docs/rules.md#list-corrections)."""

import json
from collections.abc import Iterable, Sequence

from core.hashes import keyed_hash
from partners.models import Correction, UploadRow


def hash_of(institution_id: int, cells: Sequence[str]) -> str:
    """A hash of a row as it was handed in, which says nothing without the site's key."""
    words = f"partners.correction:{institution_id}:{json.dumps(list(cells))}"
    return keyed_hash(words)


def offer(institution_id: int, rows: Iterable[UploadRow]) -> None:
    """Note on each row, which the caller saves, what was typed for it before; one query."""
    known = dict(Correction.objects.filter(institution=institution_id).values_list("row_hash", "fixes"))
    if known:
        for row in rows:
            row.offered = known.get(hash_of(institution_id, row.cells), {})


def remember(institution_id: int, rows: Iterable[UploadRow]) -> None:
    """Keep what was typed for `rows`, which have just become people."""
    Correction.objects.bulk_create(
        [
            Correction(
                institution_id=institution_id,
                row_hash=hash_of(institution_id, row.cells),
                email=row.person["email"],
                fixes=row.fixes,
            )
            for row in rows
            if row.fixes and row.person.get("email")
        ],
        update_conflicts=True,
        unique_fields=["institution", "row_hash"],
        update_fields=["email", "fixes"],
    )
