"""Countries and time zones, named in the reader's language (Unicode CLDR, through Babel)."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from core.folding import fold

_CONTINENTS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
# What CLDR lists beside countries: unions, pseudo-locales, the unknown, islands that ISO 3166-1 counts with another
# country.
_NOT_COUNTRIES = frozenset(["EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"])
# CLDR names continents, not oceans.
_SEAS = {
    "fr": {
        "Atlantic": "Océan Atlantique",
        "Indian": "Océan Indien",
        "Pacific": "Océan Pacifique",
        "Arctic": "Arctique",
    },
    "en": {"Atlantic": "Atlantic Ocean", "Indian": "Indian Ocean", "Pacific": "Pacific Ocean", "Arctic": "Arctic"},
}


@cache
def countries(language: str) -> list[tuple[str, str]]:
    """Every country and territory as (ISO 3166-1 alpha-2 code, name), in the order of the names."""
    names = Locale(language).territories
    listed = [
        (code, name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    ]
    return sorted(listed, key=lambda row: fold(row[1]))


@cache
def time_zones(language: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every place's time zone as (IANA name, city), by continent; aliases of old names are left out."""
    territories = get_global("zone_territories")
    by_continent: dict[str, list[tuple[str, str]]] = {}
    for zone in available_timezones():
        continent, _, city = zone.partition("/")
        if city and continent in _CONTINENTS and zone in territories:
            name = get_timezone_location(zone, locale=language, return_city=True) or city.replace("_", " ")
            by_continent.setdefault(continent, []).append((zone, name))
    names = Locale(language).territories
    headings = {
        "Africa": "002",
        "America": "019",
        "Asia": "142",
        "Europe": "150",
        "Antarctica": "AQ",
        "Australia": "AU",
    }
    grouped = [
        (
            names.get(headings.get(continent, ""), _SEAS[language].get(continent, continent)),
            sorted(zones, key=lambda row: fold(row[1])),
        )
        for continent, zones in by_continent.items()
    ]
    return [*sorted(grouped, key=lambda group: fold(group[0])), ("UTC", [("UTC", "UTC")])]
