from django import forms

from notices.models import CalendarFeed, Topic


class MailsForm(forms.Form):
    """The optional mails that somebody wants."""

    wanted = forms.MultipleChoiceField(required=False, choices=Topic, widget=forms.CheckboxSelectMultiple)


class AlarmForm(forms.Form):
    """How long before a session the calendar rings; nothing is never."""

    minutes = forms.TypedChoiceField(
        choices=[("", ""), *CalendarFeed.ALARMS], required=False, coerce=int, empty_value=None
    )
