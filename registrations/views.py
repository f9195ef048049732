from django.http import HttpRequest, HttpResponse


def me(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def seats(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def seat(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")


def register(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")


def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")
