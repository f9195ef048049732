from core.erasure import Stage, step
from core.personal_data import Erasure, PersonalData, Retention, declare
from outbox.domain import erasure
from outbox.models import Message, SuppressedAddress

declare(
    PersonalData(
        Message,
        addresses=("to",),
        exported=("kind", "to", "subject", "text", "created_at", "sent_at"),
        erasure=Erasure.BLANKED,
        retention=Retention.MAIL,
        blanked=("to", "context", "subject", "text", "html", "calendar"),
        buried=("context",),
    ),
    PersonalData(
        SuppressedAddress,
        addresses=("address",),
        exported=("address", "reason", "words", "reported_at"),
        retention=Retention.ADDRESS,
    ),
)

step(Stage.CLEAN, erasure.forget_mails)
