"""What the programme tells whoever stands above it (heard in their receivers.py)."""

from django.dispatch import Signal

# Sent by Session.clean(): a receiver that cannot live with the new values raises ValidationError. Arguments: session.
session_checked = Signal()
# Sent inside the transaction of Session.save(). Arguments: session, and before: its former values (see
# Session.WATCHED), empty when it is new.
session_saved = Signal()
# Sent after session_saved when a session that is not cancelled has other times or another room than before. Arguments:
# session, before.
session_moved = Signal()
# Sent when the home page is drawn, which is the same for everybody. Receivers return HTML that stands below its
# opening, or nothing. Arguments: at.
home_shown = Signal()
# Sent before a published session goes back to draft: a receiver that cannot live with it raises ValidationError.
# Arguments: session.
session_withdrawn = Signal()
# Sent inside the transaction in which an edition ceases to take seats: a receiver that cannot live with it raises
# ValidationError. Arguments: edition, at.
edition_closing = Signal()
# Sent inside the transaction in which an edition begins or ceases to take seats, after it. Arguments: edition.
edition_moved = Signal()
# Sent when an edition was saved. Arguments: edition.
edition_saved = Signal()
# Sent when somebody looks at what the next edition would begin with. Receivers return a list of
# programme.domain.next_edition.Counted. Arguments: edition.
edition_copy_asked = Signal()
# Sent inside the transaction in which the next edition is made, after what belongs to the programme: a receiver adds
# what is its own. Arguments: copy (programme.domain.next_edition.Copy).
edition_copied = Signal()
