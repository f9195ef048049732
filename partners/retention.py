from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.retention import Kind, Tie, add_part, await_addresses, declare, span, tie, until_after_the_event
from partners.domain import retention
from partners.models import Invitee, PartnerRole, UploadRow

tie(
    Tie(Invitee, "attendee__user", edition="cohort__edition", goes=False),
    Tie(Invitee, address="email", edition="cohort__edition", goes=False),
    Tie(PartnerRole, "user"),
)
await_addresses(
    lambda addresses: UploadRow.objects.filter(person__email__in=addresses).values_list("person__email", flat=True)
)
declare(
    Kind(
        "never_accepted",
        gettext_lazy("People invited who did not accept"),
        gettext_lazy("after the last session of their list, or of the edition"),
        proposed=30,
        least=0,
        most=182,
        sentence=lambda days: (
            _("If you don’t accept, we keep your data %(until)s.") % {"until": until_after_the_event(days)}
        ),
        per_edition=True,
        parts=[retention.NEVER_ACCEPTED],
    ),
    Kind(
        "uploads",
        gettext_lazy("Lists nobody has applied, with their files"),
        gettext_lazy("after the upload"),
        proposed=1,
        least=1,
        most=30,
        sentence=lambda days: (
            _("A list that isn’t applied is deleted with its file after %(span)s.") % {"span": span(days)}
        ),
        per_edition=True,
        is_hourly=True,
        parts=[retention.UPLOADS],
    ),
)
add_part("registered", retention.REGISTERED)
add_part("came", retention.CAME)
