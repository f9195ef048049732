"""What the programme tells whoever stands above it (heard in their receivers.py)."""

from django.dispatch import Signal

# Sent by Session.clean(): a receiver that cannot live with the new values raises ValidationError. Arguments: session.
session_checked = Signal()
# Sent inside the transaction of Session.save(). Arguments: session, created.
session_saved = Signal()
# Sent before a published session goes back to draft: a receiver that cannot live with it raises ValidationError. Arguments: session.
session_withdrawn = Signal()
