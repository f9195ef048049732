from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.domain import access_needs


def words_of_consent(at: datetime) -> str:
    """The sentence by which people agree to have their access needs kept: what for, who reads it, until when."""
    sentence = _(
        "I agree that the organisers keep this to welcome me. Only the team that welcomes people reads it, each "
        "reading is noted, and it is deleted after %(day)s. I can change my mind at any time: it is then deleted at "
        "once."
    )
    return sentence % {"day": date_format(access_needs.kept_until(at), "DATE_FORMAT")}
