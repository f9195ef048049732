from core.erasure import Stage, step
from core.personal_data import Erasure, PersonalData, Retention, declare
from registrations.domain import erasure
from registrations.models import Draw, IdempotencyKey, Invitation, Membership, Registration

declare(
    PersonalData(
        Registration,
        accounts=("attendee__user",),
        exported=(
            "session",
            "status",
            "created_at",
            "ended_at",
            "ending",
            "waiting_at",
            "reason",
            "answer",
            "is_absent",
        ),
        erasure=Erasure.ENDED,
        retention=Retention.EVENT,
    ),
    PersonalData(
        Membership, accounts=("attendee__user",), exported=("cohort", "created_at"), retention=Retention.EVENT
    ),
    PersonalData(
        Invitation, addresses=("email",), exported=("session", "email", "created_at"), retention=Retention.EVENT
    ),
    PersonalData(
        IdempotencyKey, accounts=("user",), exported=("created_at",), retention=Retention.FORM, buried=("answer",)
    ),
    # By the codes of registrations alone: anybody may draw the lots again.
    PersonalData(
        Draw,
        accounts=("session__registrations__attendee__user",),
        exported=("session", "drawn_at"),
        erasure=Erasure.UNLINKED,
        retention=Retention.EVENT,
        buried=("entries", "order"),
    ),
)

step(Stage.END, erasure.give_back)
step(Stage.CLEAN, erasure.settle)
