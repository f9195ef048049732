from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import csp_reports


@csrf_exempt  # browsers send it by themselves; it changes nothing but a counter
@require_POST
def receive_csp_report(request: HttpRequest) -> HttpResponse:
    """Take what a browser reports that the content security policy blocked. Nobody reads the answer."""
    if request.content_type not in csp_reports.TYPES:
        return HttpResponse(status=415)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return HttpResponse(status=400)
    if length > csp_reports.BYTES:  # nothing of it is read
        return HttpResponse(status=413)
    if not csp_reports.has_room():
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    try:
        csp_reports.keep(request.read(csp_reports.BYTES), request.get_host())
    except ValueError:
        return HttpResponse(status=400)
    return HttpResponse(status=204)
