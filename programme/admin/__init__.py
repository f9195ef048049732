"""What organisers see and do about the programme, one module a subject."""

from programme.admin import editions
from programme.admin.events import DayAdmin, EventAdmin, TrackAdmin
from programme.admin.in_edition import (
    InEdition,
    InEditionAdmin,
    NamedWithEdition,
    OnlyNamedWithEdition,
    edition_to_begin_with,
)
from programme.admin.sessions import OnDay, SessionAdmin, SessionForm
from programme.admin.speakers import ParticipationAdmin, SpeakerAdmin

__all__ = [
    "DayAdmin",
    "EventAdmin",
    "InEdition",
    "InEditionAdmin",
    "NamedWithEdition",
    "OnDay",
    "OnlyNamedWithEdition",
    "ParticipationAdmin",
    "SessionAdmin",
    "SessionForm",
    "SpeakerAdmin",
    "TrackAdmin",
    "edition_to_begin_with",
    "editions",
]
