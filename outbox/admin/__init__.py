"""The administration of mails, and what the lists and forms of every app share (base.py)."""

from outbox.admin.base import Boxes, Form, ListAdmin, RecordAdmin, Values, WholeNumber, badge
from outbox.admin.messages import link_to_mails
from outbox.admin.wording import WordingAdmin

__all__ = ["Boxes", "Form", "ListAdmin", "RecordAdmin", "Values", "WholeNumber", "WordingAdmin", "badge", "link_to_mails"]
