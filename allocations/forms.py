from collections.abc import Mapping

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from programme.models import Session
from registrations.domain.ways_in import SeatRefused


class WishForm:
    """What a button of the page of wishes sends: the order that it showed, and one change to it.

    Sessions go by their slug; `known` are those that may be named. One that is not raises SeatRefused.
    """

    # `drop` stands in the list of sessions, `leave` in one's own order. "remove" would be a trap: it would hide
    # form.remove() from scripts.
    ACTS = ("add", "up", "down", "drop", "leave")

    def __init__(self, data: QueryDict, known: Mapping[str, Session]) -> None:
        self.act = next((act for act in self.ACTS if act in data), "")
        named = [*data.getlist("wish")[:100], data.get(self.act, "")] if self.act else []
        if not named or any(slug not in known for slug in named):
            raise SeatRefused("unknown", str(_("This session is not part of this allocation.")))
        *self.seen, self.session = (known[slug] for slug in named)

    @property
    def order(self) -> list[Session]:
        """The order that is asked for. A session that is moved beyond an end stays where it is."""
        others = [session for session in self.seen if session != self.session]
        if self.act == "add":
            return [*self.seen, self.session]
        if self.act in ("drop", "leave") or self.session not in self.seen:
            return others
        place = self.seen.index(self.session) + (1 if self.act == "down" else -1)
        return [*others[: max(place, 0)], self.session, *others[max(place, 0) :]]
