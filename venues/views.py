from collections import Counter
from urllib.parse import urlencode

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core.caching import public_page
from core.folding import fold, in_order
from core.slugs import follows_edits
from venues.models import Room, Venue


@public_page
def venues(request: HttpRequest) -> HttpResponse:
    places = list(Venue.objects.all())
    in_city = Counter(place.city for place in places)
    places.sort(key=lambda place: (-in_city[place.city], fold(place.city), fold(place.name)))
    return render(request, "venues/venues.html", {"venues": places})


@public_page
@follows_edits(Venue)
def venue(request: HttpRequest, slug: str) -> HttpResponse:
    rooms = Prefetch("rooms", Room.objects.order_by("-capacity", in_order(Room)))
    venue: Venue = get_object_or_404(Venue.objects.prefetch_related(rooms), slug=slug)
    place = {"mlat": venue.latitude, "mlon": venue.longitude}
    map_address = f"https://www.openstreetmap.org/?{urlencode(place)}#map=17/{venue.latitude}/{venue.longitude}"
    return render(
        request, "venues/venue.html", {"venue": venue, "map_address": map_address if venue.latitude is not None else ""}
    )
