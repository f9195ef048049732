from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from accounts.models import Attendee, User
from core.personal_data import Erasure, PersonalData, Retention, declare

declare(
    PersonalData(
        Attendee,
        accounts=("user",),
        exported=("name", "organisation", "country", "access_needs"),
    ),
    PersonalData(EmailAddress, accounts=("user",), addresses=("email",), exported=("email", "verified")),
    PersonalData(SocialAccount, accounts=("user",), exported=("provider", "uid", "date_joined", "last_login")),
    # An organiser's own acts: they keep what was done, and to what.
    PersonalData(
        LogEntry,
        accounts=("user",),
        exported=("action_time", "object_repr"),
        erasure=Erasure.BLANKED,
        blanked=("user",),
    ),
    # Whose a web session is stands inside it, signed: it is found by opening each.
    PersonalData(Session, retention=Retention.SESSION, buried=("session_data",)),
    PersonalData(
        User,
        accounts=("pk",),
        addresses=("email",),
        exported=("email", "language", "timezone", "date_joined", "last_login", "is_staff"),
    ),
)
