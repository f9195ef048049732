from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from attendees.domain.objecting import KIND
from attendees.models import PrivacyRequest
from core.identity import current_identity
from outbox.domain.mail_kinds import Letter, NoLongerTrue, link, writes
from outbox.models import Message


@writes(KIND)
def write_objection(message: Message) -> Letter:
    """To whoever answers for people's data: that somebody objects, and by when an answer is due; who and why stands in
    the administration alone."""
    request = PrivacyRequest.objects.filter(pk=message.context["request"]).first()
    if request is None:
        raise NoLongerTrue(gettext_noop("This person’s data has been erased."))
    subject = _("%(summit)s: somebody objects to the use of their data") % {"summit": current_identity().name}
    context = {
        "answer_by": request.answer_by,
        "button": _("Read the objection"),
        "button_url": link("admin:attendees_privacyrequest_change", str(request.pk)),
        "subject": subject,
    }
    return Letter(
        subject,
        render_to_string("attendees/emails/objection.txt", context),
        render_to_string("attendees/emails/objection.html", context),
    )
