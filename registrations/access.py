"""Which sessions a person may ask a seat of."""

from django.shortcuts import get_object_or_404

from programme.models import Session


def visible_session(slug: str) -> Session:
    """The published session of that slug; raises Http404 for a draft as for an unknown one."""
    return get_object_or_404(Session.objects.published(), slug=slug)
