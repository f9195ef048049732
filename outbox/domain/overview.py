"""The queue at a glance, for organisers and operators."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q

from outbox.models import LaneState, Message


@dataclass
class LaneView:
    """One lane: its mails by status, how many are due now, since when the oldest of them is, and what keeps the lane
    from sending."""

    lane: Message.Lane
    state: LaneState
    resting: bool
    counts: dict[str, int] = field(default_factory=dict)
    due: int = 0
    due_since: datetime | None = None

    @property
    def later(self) -> int:
        """Mails that wait for their time, or for their next try."""
        return self.counts.get(Message.Status.QUEUED, 0) + self.counts.get(Message.Status.SENDING, 0) - self.due


def lanes(at: datetime) -> list[LaneView]:
    """Every lane in the order in which they send, in two statements."""
    states = {state.lane: state for state in LaneState.objects.all()}
    views = {}
    for lane in Message.Lane:
        state = states.get(lane) or LaneState(lane=lane)
        views[lane.value] = LaneView(lane, state, state.is_resting(at))
    due = Q(status=Message.Status.SENDING) | Q(status=Message.Status.QUEUED, not_before__lte=at)
    rows = (
        Message.objects.order_by()
        .values("lane", "status")
        .annotate(n=Count("pk"), due=Count("pk", filter=due), since=Min("not_before", filter=due))
    )
    for row in rows:
        view = views[row["lane"]]
        view.counts[row["status"]] = row["n"]
        view.due += row["due"]
        view.due_since = min(filter(None, [view.due_since, row["since"]]), default=None)
    return list(views.values())
