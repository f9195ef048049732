from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.retention import Held, Kind, Part, Scope, Tie, add_part, ageing, declare, span, tie, until_after_the_event
from core.sheets import forms
from registrations.domain import ledger, retention
from registrations.models import IdempotencyKey, Invitation, Membership, Registration


def _settle(registrations: QuerySet[Registration], at: datetime) -> int:
    return ledger.settle(registrations.values_list("pk", flat=True), at=at)


def _delete_previews(scope: Scope, at: datetime) -> Iterator[int]:
    for file in forms.expired(at):
        file.unlink(missing_ok=True)
    yield 0  # they are no keys


# Sheets that somebody has looked at and not confirmed hold people: nobody can confirm them after a day.
PREVIEWS = Part(lambda scope, at: Held(), lambda scope, at: 0, _delete_previews)
AFTER_THE_EVENT = gettext_lazy("after the end of the edition")

tie(
    Tie(Registration, "attendee__user", edition="session__event__edition", delete=_settle),
    Tie(Membership, "attendee__user", edition="cohort__edition"),
    Tie(Invitation, address="email", edition="session__event__edition"),
)
declare(
    Kind(
        "registered",
        gettext_lazy("People who registered, but have no seat or did not come"),
        AFTER_THE_EVENT,
        proposed=30,
        least=0,
        most=1095,
        sentence=lambda days: (
            _("If you register but don’t come, we keep your data %(until)s.") % {"until": until_after_the_event(days)}
        ),
        per_edition=True,
        parts=[retention.OTHERS],
    ),
    Kind(
        "came",
        gettext_lazy("People who come"),
        AFTER_THE_EVENT,
        proposed=182,
        least=0,
        most=1095,
        sentence=lambda days: _("If you come, we keep your data %(until)s.") % {"until": until_after_the_event(days)},
        per_edition=True,
        parts=[retention.GUESTS],
    ),
    Kind(
        "forms",
        gettext_lazy("Keys of forms"),
        gettext_lazy("after the form was sent"),
        proposed=2,
        least=2,
        most=2,
        sentence=lambda days: (
            _("We remember for %(span)s that you sent a form, so that it only counts once.") % {"span": span(days)}
        ),
        is_hourly=True,
        parts=[ageing(lambda scope: IdempotencyKey.objects.all(), "created_at"), PREVIEWS],
    ),
)
add_part("never_accepted", retention.INVITATIONS)
