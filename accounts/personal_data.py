from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.db.models import Q

from accounts.domain import erasure
from accounts.models import AccessNeeds, AccessNeedsConsent, AccessNeedsReading, Attendee, SignInEvent, User, WebSession
from core.audit_log import Other, read_as_acts
from core.erasure import Stage, role, step
from core.personal_data import PersonalData, Retention, declare

declare(
    PersonalData(
        AccessNeeds,
        accounts=("attendee__user",),
        exported=("token", "written_at", "kept_until"),
        retention=Retention.ACCESS_NEEDS,
    ),
    PersonalData(AccessNeedsConsent, accounts=("attendee__user",), exported=("words", "given_at", "withdrawn_at")),
    PersonalData(AccessNeedsReading, accounts=("attendee__user",), exported=("read_at",), blanked=("reader",)),
    PersonalData(Attendee, accounts=("user",), exported=("name", "organisation", "country")),
    PersonalData(EmailAddress, accounts=("user",), addresses=("email",), exported=("email", "verified")),
    PersonalData(
        SignInEvent,
        accounts=("account",),
        exported=("kind", "means", "network", "browser", "happened_at"),
        retention=Retention.ACTS,
        blanked=("actor",),
    ),
    PersonalData(Authenticator, accounts=("user",), exported=("type", "created_at", "last_used_at")),
    PersonalData(SocialAccount, accounts=("user",), exported=("provider", "uid", "date_joined", "last_login")),
    # The history says what was done, and in which role: this repeats it with names.
    PersonalData(
        LogEntry,
        accounts=("user",),
        exported=("action_time", "object_repr"),
        retention=Retention.ACTS,
        buried=("object_repr", "change_message"),
    ),
    # Of somebody who only typed an address it keeps a hash, by which a step finds it.
    PersonalData(
        WebSession,
        accounts=("account",),
        exported=("expire_date",),
        retention=Retention.SESSION,
        buried=("session_data", "address_hash"),
    ),
    PersonalData(
        User,
        accounts=("pk",),
        addresses=("email",),
        exported=("email", "language", "timezone", "date_joined", "last_login", "is_staff"),
        retention=Retention.EVENT,
    ),
)

step(Stage.WIDEN, erasure.widen)
step(Stage.LEAVE, erasure.leave)
step(Stage.REFUSE, erasure.refuse)
step(Stage.END, erasure.lock_out)
step(Stage.CLEAN, erasure.clean_sessions)
step(Stage.CLEAN, erasure.clean_log)
step(Stage.CLEAN, erasure.clean_codes)
role("erased-organiser", erasure.organisers)

read_as_acts(
    Other(AccessNeedsReading, act="read", at="read_at", actor="reader", about="attendee", role="organiser"),
    # What others do with their own account is in the sign-in log alone.
    Other(
        SignInEvent,
        act="kind",
        at="happened_at",
        actor="actor",
        about="account",
        role="organiser",
        # Tries are a stranger's, and a reset is an owner's: it has an entry of its own (accounts/domain/factors.py).
        meant=Q(account__is_staff=True) & ~Q(kind__in=["wrong_code", "wrong_factor", "factor_reset"]),
    ),
)
