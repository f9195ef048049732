from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def programme(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def session(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")


def speakers(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def speaker(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")


def event(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("ok")
