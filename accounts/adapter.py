import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import get_language

from outbox.domain.kinds import Letter
from outbox.domain.posting import post
from outbox.models import Message


class AccountAdapter(DefaultAccountAdapter):
    """allauth's mails (codes above all) go through the outbox, in its urgent lane, like every other mail."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        rendered = self.render_mail(template_prefix, email, context)
        html = next((body for body, kind in getattr(rendered, "alternatives", []) if kind == "text/html"), "")
        kind = "accounts." + template_prefix.rpartition("/")[2]
        digest = hashlib.sha256(f"{email}\0{rendered.body}".encode()).hexdigest()
        post(
            kind,
            email,
            dedupe_key=f"{kind}:{digest}",
            language=get_language() or "fr",
            lane=Message.Lane.URGENT,
            letter=Letter(str(rendered.subject), str(rendered.body), str(html)),
        )

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user.language = "en" if get_language() == "en" else "fr"
        return super().save_user(request, user, form, commit)
