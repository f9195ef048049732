from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.retention import Kind, declare, span
from outbox.domain.purging import TEXTS

declare(
    Kind(
        "mail_texts",
        gettext_lazy("Texts of emails"),
        gettext_lazy("after the email was sent"),
        proposed=30,
        least=1,  # a mail that failed can be sent again meanwhile
        most=365,
        sentence=lambda days: (
            _("We keep the text of our emails for %(span)s after they are sent.") % {"span": span(days)}
        ),
        is_hourly=True,
        parts=[TEXTS],
    )
)
