"""Whose lists somebody may see, and change: a partner finds its own alone, and nothing tells that there are others
(docs/rules.md#partner-isolation)."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import User
from core import keys
from core.folding import in_order
from partners.domain import objections, roles
from partners.models import Invitee, Upload
from registrations.models import Cohort, Institution

_ANSWERS = "invitations"  # in the web session: the invitations that are this person's, each with its version
ANSWERS_KEPT = 20


def institutions_of(user: User) -> QuerySet[Institution]:
    """The institutions that somebody works for; all that have a cohort, for organisers who may act on their behalf."""
    if user.is_staff and user.has_perm(roles.ON_BEHALF):
        return Institution.objects.filter(cohorts__isnull=False).distinct().order_by(in_order(Institution))
    return Institution.objects.filter(roles__user=user).order_by(in_order(Institution))


def institution(request: HttpRequest, slug: str, may: Callable[[User, Institution], bool] | None = None) -> Institution:
    """The institution of this slug, for one who has a role in it. Raises Http404 for strangers, PermissionDenied for
    who may see but not do it (`may`: roles.may_edit or roles.may_own)."""
    institution = get_object_or_404(Institution, slug=slug)
    return _checked(institution, request, may)


def cohort(
    request: HttpRequest, slug: str, cohort_slug: str, may: Callable[[User, Institution], bool] | None = None
) -> Cohort:
    """The cohort of this slug, of an institution that the person has a role in; raises as `institution` does."""
    cohort: Cohort = get_object_or_404(
        Cohort.objects.select_related("institution", "edition"), slug=cohort_slug, institution__slug=slug
    )
    _checked(cohort.institution, request, may)
    return cohort


def upload(request: HttpRequest, uuid: UUID, may: Callable[[User, Institution], bool] | None = None) -> Upload:
    """The uploaded list of this code; raises as `institution` does."""
    upload = get_object_or_404(
        Upload.objects.select_related("institution", "cohort__institution", "cohort__edition", "uploaded_by"), uuid=uuid
    )
    _checked(upload.institution, request, may)
    return upload


def invitee(request: HttpRequest, uuid: UUID, may: Callable[[User, Institution], bool] | None = None) -> Invitee:
    """The person on a list of this code; raises as `institution` does."""
    invitee = get_object_or_404(
        Invitee.objects.select_related("institution", "cohort__institution", "cohort__edition", "attendee__user"),
        uuid=uuid,
    )
    _checked(invitee.institution, request, may)
    return invitee


def answering(key: str) -> Invitee:
    """The person whose personal link this is. Raises Http404: links that are wrong, old or of another kind are all
    alike."""
    invitees = Invitee.objects.select_related("institution", "cohort__edition", "attendee__user")
    if row := keys.row_of(key):
        invitee = invitees.filter(uuid=row).first()
        if invitee and keys.is_right(key, Invitee.PURPOSE, row, invitee.key_version):
            return invitee
    elif invitee := invitees.filter(old_key_hash=objections.key_hash_of(key)).first():
        return invitee
    raise Http404


def may_change_answer(request: HttpRequest, invitee: Invitee) -> bool:
    """Whether the link is enough, since nobody has answered; or this browser is that of the person: signed in as them,
    the one that answered, or one in which the code of their address was typed."""
    if invitee.status == Invitee.Status.INVITED or _known(invitee) in request.session.get(_ANSWERS, []):
        return True
    if not request.user.is_authenticated:
        return False
    return request.user == invitee.attendee.user if invitee.attendee else request.user.email == invitee.email


def remember_answer(request: HttpRequest, invitee: Invitee) -> None:
    """Let this browser go on seeing the answer of `invitee`, until it is closed or signed out."""
    kept = [one for one in request.session.get(_ANSWERS, []) if one != _known(invitee)]
    request.session[_ANSWERS] = [*kept, _known(invitee)][-ANSWERS_KEPT:]


def _known(invitee: Invitee) -> str:
    return f"{invitee.pk}:{invitee.key_version}"


def _checked(
    institution: Institution, request: HttpRequest, may: Callable[[User, Institution], bool] | None
) -> Institution:
    user = cast("User", request.user)
    role = roles.role_in(user, institution)
    if not role:
        raise Http404
    if may is not None and not may(user, institution):
        raise PermissionDenied
    return institution
