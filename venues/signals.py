"""What the venues tell whoever stands above them (heard in their receivers.py)."""

from django.dispatch import Signal

# Sent inside the transaction of Room.save() and Venue.save() when something has changed by which people find a room.
# Arguments: rooms (their ids), and keeps_hours: whether, in another time zone, the hours on the clocks stay.
place_changed = Signal()
# Sent inside the transaction of Venue.save() when the ways to and from it may be longer or shorter than before.
# Arguments: venue.
ways_changed = Signal()
