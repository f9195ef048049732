"""The administration of mails."""

from outbox.admin.messages import link_to_mails
from outbox.admin.wording import WordingAdmin

__all__ = ["WordingAdmin", "link_to_mails"]
