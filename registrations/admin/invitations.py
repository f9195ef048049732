"""Who may take a seat in a session by invitation."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import CarefulAdmin, Form, LabelledInline, RecordAdmin
from programme.admin import NamedWithEdition
from registrations.models import Invitation


class InvitationForm(Form):
    def clean_email(self) -> str:
        email = self.cleaned_data["email"]
        session = self.cleaned_data.get("session") or getattr(self.instance, "session", None)
        if (
            session
            and session.pk
            and Invitation.objects.filter(session=session, email=email).exclude(pk=self.instance.pk).exists()
        ):
            raise ValidationError(_("This person has already been invited."))
        return email


class InvitationFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        emails = set()
        for form in self.extra_forms:
            email = form.cleaned_data.get("email")
            if email and not form.cleaned_data.get("DELETE"):
                if email in emails:
                    form.add_error("email", _("This person has already been invited."))
                emails.add(email)


class InvitationInline(LabelledInline):
    """Who is invited to a session: addresses are added and taken away, not changed into others."""

    model = Invitation
    form = InvitationForm
    formset = InvitationFormSet
    fields = ["email", "created_at"]
    readonly_fields = ["created_at"]
    ordering = ["email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return super().get_queryset(request).select_related("session")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(CarefulAdmin, RecordAdmin):
    """Who is invited to what, however many they are."""

    form = InvitationForm
    fields = ["session", "email"]
    list_display = ["email", "session", "created_at"]
    list_filter = [("session__event", NamedWithEdition)]
    list_select_related = ["session"]
    search_fields = ["search", "session__search"]
    search_help_text = _("Email address or session")
    autocomplete_fields = ["session"]

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False
