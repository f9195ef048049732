"""The programme of the demo: the edition of Paris, those before and after it by a line, and a small one that is over.

Its slug, places and people are made up, and it keeps its dates: it is there so that the pages of an archived edition
can be seen.
"""

from datetime import date
from pathlib import Path

from django.db import transaction

from programme.domain import editions
from summit.loading.loader import OWN_DATA, Loaded, load

ARCHIVE = Path(__file__).parent / "archive"


@transaction.atomic
def load_own_data(today: date) -> Loaded:
    """Load all of it into an empty database; return what was loaded of Paris. Raises CannotLoad."""
    paris = load(OWN_DATA, today=today)
    over = load(ARCHIVE, today=today, keep_dates=True).edition
    editions.open_edition(over, actor=None)
    editions.archive(over, actor=None)
    return paris
