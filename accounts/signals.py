"""What accounts tell whoever stands above them (heard in their receivers.py)."""

from django.dispatch import Signal

# Sent inside the transaction in which an account gets another address. Arguments: user, old (the address before).
address_changed = Signal()
