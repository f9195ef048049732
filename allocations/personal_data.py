from allocations.models import AllocationRun, Wish
from core.personal_data import Erasure, PersonalData, Retention, declare

declare(
    PersonalData(
        Wish, accounts=("attendee__user",), exported=("allocation", "session", "rank"), retention=Retention.EVENT
    ),
    # What went in and what came out name people by their numbers: a run in force can be replayed.
    PersonalData(
        AllocationRun,
        accounts=("created_by", "allocation__wishes__attendee__user"),
        exported=("allocation", "created_at", "committed_at"),
        erasure=Erasure.UNLINKED,
        retention=Retention.EVENT,
        blanked=("created_by",),
        buried=("inputs", "results"),
    ),
)
