"""How long one needs from one venue to another (docs/rules.md#clashes)."""

from math import asin, ceil, cos, radians, sin, sqrt

from venues.models import TravelTime, Venue

EARTH_RADIUS_KM = 6371.0
DETOUR = 1.3  # streets and rails are longer than the straight line
# What each way of travelling costs: minutes that do not depend on the distance (to the stop or station, the wait, and
# on from the last one), and km/h from there on.
ON_FOOT = (0, 4.5)
BY_CITY_TRANSPORT = (15, 25)
BY_TRAIN = (90, 150)
BY_PLANE = (300, 700)
STEP_MINUTES = 5  # an estimate is not more precise
# Where a venue has no coordinates:
WITHIN_A_CITY_MINUTES = 45
BETWEEN_CITIES_MINUTES = 180


class Travel:
    """The minutes between venues. Make one for a request or a run: it reads nothing until two different venues are
    compared, then everything in two queries.
    """

    def __init__(self) -> None:
        self._venues: dict[int, Venue] = {}
        self._known: dict[tuple[int, int], int] = {}

    def minutes(self, origin_id: int, destination_id: int) -> int:
        """Minutes from the door of one venue until one is inside the other; 0 within the same venue.

        What organisers wrote down for that way counts, else what they wrote for the way back, else the estimate (see
        `estimate`); the destination's minutes at the entrance come on top of each. Raises KeyError for a venue that
        does not exist.
        """
        if origin_id == destination_id:
            return 0
        known = self.known(origin_id, destination_id)
        origin, destination = self._venues[origin_id], self._venues[destination_id]
        return (estimate(origin, destination) if known is None else known) + destination.security_minutes

    def known(self, origin_id: int, destination_id: int) -> int | None:
        """The minutes that organisers wrote down for a way or for the way back, without the entrance; None if they did
        not."""
        if origin_id not in self._venues or destination_id not in self._venues:
            self._venues = Venue.objects.in_bulk()
            self._known = {(way.origin_id, way.destination_id): way.minutes for way in TravelTime.objects.all()}
        return self._known.get((origin_id, destination_id), self._known.get((destination_id, origin_id)))


def estimate(origin: Venue, destination: Venue) -> int:
    """Minutes from door to door by the quickest of foot, city transport, train and plane, rounded up to STEP_MINUTES.

    Distance = great circle × DETOUR; minutes = fixed ones + distance ÷ speed. So one walks up to about 1.4 km of
    street, and takes the train from about 38. Without coordinates: WITHIN_A_CITY_MINUTES in the same city, else
    BETWEEN_CITIES_MINUTES.
    """
    distance = _kilometres(origin, destination)
    if distance is None:
        same_city = (origin.city.casefold(), origin.country) == (destination.city.casefold(), destination.country)
        return WITHIN_A_CITY_MINUTES if same_city else BETWEEN_CITIES_MINUTES
    quickest = min(
        fixed + distance * DETOUR / speed * 60 for fixed, speed in (ON_FOOT, BY_CITY_TRANSPORT, BY_TRAIN, BY_PLANE)
    )
    return ceil(quickest / STEP_MINUTES) * STEP_MINUTES


def _kilometres(origin: Venue, destination: Venue) -> float | None:
    """The great circle between two venues (the haversine formula), or None when one of them has no coordinates."""
    if (
        origin.latitude is None
        or origin.longitude is None
        or destination.latitude is None
        or destination.longitude is None
    ):
        return None
    south, north = radians(origin.latitude), radians(destination.latitude)
    height, width = north - south, radians(destination.longitude - origin.longitude)
    chord = sin(height / 2) ** 2 + cos(south) * cos(north) * sin(width / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(chord, 1.0)))  # rounding may pass 1 between antipodes
