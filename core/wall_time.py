"""What a clock on the wall of a venue means as an instant."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _


def at_wall_time(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks of `zone` show `wall` (naive).

    Raises ValueError, with the sentence to show, on the nights when the clocks change: an hour that is skipped does not
    exist, one that comes twice has no single meaning (docs/rules.md#time).
    """
    instant = wall.replace(tzinfo=zone)
    if instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(
            _("%(time)s does not exist there: the clocks skip it that night.") % {"time": f"{wall:%Y-%m-%d %H:%M}"}
        )
    if instant.utcoffset() != instant.replace(fold=1).utcoffset():
        raise ValueError(
            _("%(time)s happens twice there, as the clocks go back that night: choose another time.")
            % {"time": f"{wall:%Y-%m-%d %H:%M}"}
        )
    return instant
