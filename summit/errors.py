"""Error pages that need more than Django gives them, and ask no database: it may be what is down."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.identity import Nameless


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", {"edition": Nameless()}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", {"edition": Nameless()}, status=500)
