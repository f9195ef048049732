"""What organisers write instead of the standard texts of mails: kind by kind, in two languages, looked at before
anybody else does."""

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from core.admin import RecordAdmin
from core.admin.mail_preview import framed
from outbox.domain import mail_templates
from outbox.domain.mail_templates import Kind, Texts
from outbox.models import MailTemplate

NAMES = {"fr": "Français", "en": "English"}


class MailTemplateForm(forms.Form):
    """The texts of one kind in one language, and the version that they were drawn from."""

    subject = forms.CharField(label=_("Subject"), max_length=200)
    opening = forms.CharField(
        label=_("Before the practical details"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4})
    )
    closing = forms.CharField(
        label=_("After the button"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Each line is a paragraph."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, kind: Kind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.kind = kind

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name, error in mail_templates.wrong(
            self.kind, Texts(*(data.get(name, "") for name in mail_templates.FIELDS))
        ).items():
            self.add_error(name, error)
        return data

    @property
    def texts(self) -> Texts:
        # A browser ends lines as mail servers do.
        return Texts(*(self.cleaned_data[name].replace("\r\n", "\n").strip() for name in mail_templates.FIELDS))


@admin.register(MailTemplate)
class MailTemplateAdmin(RecordAdmin):
    """The list shows every kind of mail, whether it was reworded or not; its page shows the mail as it would be
    sent."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        def to(name: str, view: Any) -> URLPattern:
            address = f"<str:key>/<str:language>/{name}" if name else "<str:key>/<str:language>/"
            return path(
                address, self.admin_site.admin_view(view), name=f"outbox_mailtemplate_{name.strip('/') or 'kind'}"
            )

        kept = ("outbox_mailtemplate_changelist", "outbox_mailtemplate_history")
        return [
            *(url for url in super().get_urls() if url.name in kept),
            to("", self.kind_view),
            to("frame/", self.frame_view),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        changed = set(MailTemplate.objects.values_list("kind", "language"))
        groups = defaultdict(list)
        for kind in mail_templates.kinds.values():
            states = [
                (language, NAMES[language], (kind.key, language) in changed) for language in mail_templates.LANGUAGES
            ]
            groups[str(kind.group)].append(
                {"kind": kind, "subject": mail_templates.standard(kind).subject, "states": states}
            )
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("Email templates"),
            "groups": groups.items(),
        }
        return TemplateResponse(request, "admin/outbox/mailtemplate/change_list.html", context | (extra_context or {}))

    def kind_view(self, request: HttpRequest, key: str, language: str) -> HttpResponse:
        """The texts of one kind in one language: read, tried out, saved, sent to oneself."""
        kind = self._kind(request, key, language)
        may_change = self.has_change_permission(request)
        form, status = MailTemplateForm(kind, initial=self._initial(kind, language)), 200
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            form = MailTemplateForm(kind, request.POST)
            here = HttpResponseRedirect(request.path)
            if "standard" in request.POST:
                if self._save(request, kind, language, self._standard(kind, language), request.POST.get("seen", "")):
                    return here
                form, status = MailTemplateForm(kind, initial=self._initial(kind, language)), 409
            elif not form.is_valid():
                status = 422
            elif "test" in request.POST:
                sent = mail_templates.send_test(
                    kind,
                    form.texts,
                    language,
                    to=request.user,
                    key=str(form.cleaned_data["key"] or mail_templates.new_key()),
                )
                words = (
                    _("The test email is on its way to %(email)s.")
                    if sent
                    else _("There’s nothing to write this kind of email about yet.")
                )
                self.message_user(
                    request, words % {"email": str(request.user)}, messages.SUCCESS if sent else messages.WARNING
                )
                form = MailTemplateForm(kind, initial=self._initial(kind, language) | vars(form.texts))
            elif self._save(request, kind, language, form.texts, form.cleaned_data["seen"]):
                return here
            else:  # what was typed stays, and may be saved once their text was seen
                form, status = MailTemplateForm(kind, initial=self._initial(kind, language) | vars(form.texts)), 409
        row = MailTemplate.objects.filter(kind=key, language=language).first()
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": kind.label,
            "kind": kind,
            "language": language,
            "languages": [(code, NAMES[code]) for code in mail_templates.LANGUAGES],
            "form": form,
            "row": row,
            "may_change": may_change,
            "placeholders": [(f"{{{name}}}", words) for name, words in kind.placeholders.items()],
            "frame": reverse("admin:outbox_mailtemplate_frame", args=[key, language]),
        }
        return TemplateResponse(request, "admin/outbox/mailtemplate/kind.html", context, status=status)

    @method_decorator(xframe_options_sameorigin)
    def frame_view(self, request: HttpRequest, key: str, language: str) -> HttpResponse:
        """The mail as it is, or, by POST, as what is typed would make it; `part=text` asks for its plain part."""
        kind = self._kind(request, key, language)
        with translation.override(language):
            texts = mail_templates.texts_of(key)
        if request.method == "POST":
            form = MailTemplateForm(kind, request.POST)
            if not form.is_valid():
                return framed(self._alone(request, errors=form.errors.values()), status=422)
            texts = form.texts
        letter = mail_templates.try_out(kind, texts, language, request.user)
        if letter is None:
            return framed(self._alone(request))
        if "text" in request.POST or request.GET.get("part") == "text":
            return framed(self._alone(request, letter=letter, language=language))
        return framed(letter.html)

    def _alone(self, request: HttpRequest, **context: Any) -> str:
        return TemplateResponse(request, "admin/outbox/mailtemplate/frame.html", context).render().text

    def _kind(self, request: HttpRequest, key: str, language: str) -> Kind:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if key not in mail_templates.kinds or language not in mail_templates.LANGUAGES:
            raise Http404
        return mail_templates.kinds[key]

    def _initial(self, kind: Kind, language: str) -> dict[str, Any]:
        with translation.override(language):
            texts = mail_templates.texts_of(kind.key)
        return vars(texts) | {"seen": mail_templates.version(kind, language), "key": mail_templates.new_key()}

    def _standard(self, kind: Kind, language: str) -> Texts:
        with translation.override(language):
            return mail_templates.standard(kind)

    def _save(self, request: HttpRequest, kind: Kind, language: str, texts: Texts, seen: str) -> bool:
        """Save, and say what became of it; False when somebody else was faster."""
        try:
            changed = mail_templates.save(kind, language, texts, seen=seen, actor=request.user)
        except mail_templates.Changed as faster:
            sentence = _(
                "Somebody else has saved this text in the meantime: “%(subject)s” … “%(opening)s”. To replace it with "
                "yours, save again."
            )
            self.message_user(
                request, sentence % {"subject": faster.theirs.subject, "opening": faster.theirs.opening}, messages.ERROR
            )
            return False
        except ValidationError as wrong:  # only the standard text of a release could be so
            self.message_user(request, " ".join(wrong.messages), messages.ERROR)
            return False
        self.message_user(
            request,
            _("Saved. Emails sent from now on will use this text.") if changed else _("Nothing has changed."),
        )
        return True
