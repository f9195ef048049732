from core.personal_data import Erasure, PersonalData, Retention, declare
from notices.models import CalendarFeed, OptOut, Reconfirmation

declare(
    PersonalData(
        Reconfirmation,
        accounts=("registration__attendee__user",),
        exported=("registration", "answer_until", "answered_at", "released_at"),
        erasure=Erasure.WITH_PARENT,
        retention=Retention.EVENT,
    ),
    PersonalData(OptOut, accounts=("user",), addresses=("email",), exported=("topic", "email", "created_at")),
    PersonalData(CalendarFeed, accounts=("attendee__user",), exported=("alarm_minutes", "created_at")),
)
