from django.db import models
from django.utils.translation import gettext_lazy as _


class Sourced(models.Model):
    """Where a row was read, and which of its fields nobody vouches for yet: organisers check those before relying on
    them."""

    source = models.CharField(
        _("source"),
        max_length=500,
        blank=True,
        help_text=_("The page or text this row was taken from; “assumed” if it was made up."),
    )
    assumed_fields = models.CharField(
        _("assumed fields"),
        max_length=500,
        blank=True,
        help_text=_(
            "Fields the source does not give, separated by “|”. Check them before any real use, then remove them from "
            "here."
        ),
    )

    class Meta:
        abstract = True
