from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.domain import access_needs, retention
from core.retention import Kind, declare, span, until_after_the_event

declare(
    Kind(
        "sign_ins",
        gettext_lazy("Traces of signing in, and the log of the administration"),
        gettext_lazy("after it happened"),
        proposed=182,
        least=182,  # security logs: six months to a year (CNIL, deliberation 2021-122)
        most=365,
        sentence=lambda days: (
            _("We keep for %(span)s when and from where somebody signed in, and what organisers did.")
            % {"span": span(days)}
        ),
        parts=[retention.CODES, retention.EVENTS, retention.ACTS],
    ),
    Kind(
        access_needs.KIND,
        gettext_lazy("Access needs"),
        gettext_lazy("after the end of the edition"),
        proposed=30,
        least=0,
        most=182,
        sentence=lambda days: (
            _("We keep your access needs %(until)s, or until you withdraw your consent.")
            % {"until": until_after_the_event(days)}
        ),
        is_hourly=True,
        changed=access_needs.keep_for,
        parts=[access_needs.KEPT],
    ),
    Kind(
        "unconfirmed",
        gettext_lazy("Accounts nobody has signed in to"),
        gettext_lazy("after the account was opened"),
        proposed=1,
        least=1,
        most=30,
        sentence=lambda days: (
            _("If you never enter the code we send you, your account is deleted after %(span)s.") % {"span": span(days)}
        ),
        is_hourly=True,
        parts=[retention.UNCONFIRMED],
    ),
    Kind(
        "web_sessions",
        gettext_lazy("Expired web sessions and limits"),
        gettext_lazy("after they expire"),
        proposed=0,
        least=0,
        most=0,
        sentence=lambda days: (
            _("Once you have signed out, or after %(span)s, we no longer know your browser.")
            % {"span": span(settings.SESSION_COOKIE_AGE // (24 * 3600))}
        ),
        is_hourly=True,
        parts=[retention.SESSIONS, retention.OLD_CODES, retention.OLD_LIMITS, retention.OLD_MARKS],
    ),
)
