from django import forms


class SeatForm(forms.Form):
    """What a seat button sends: the stamp of what its reader knew (registrations.domain.booking.stamp)."""

    seen = forms.CharField(required=False, max_length=36)
