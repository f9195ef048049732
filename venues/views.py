from django.http import HttpRequest, HttpResponse


def venues(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def venue(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")
