"""What is asked of the apps above when seats are shown (answered in their receivers.py)."""

from django.dispatch import Signal

# Which sessions are given out by wishes. Receivers return registrations.domain.seats.GivenOut by the id of the session.
# Arguments: sessions.
wishes_asked = Signal()
# What stands on top of somebody's own programme. Receivers return HTML, or nothing. Arguments: attendee, at.
own_programme_shown = Signal()
