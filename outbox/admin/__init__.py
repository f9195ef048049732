"""The administration of mails."""

from outbox.admin.mail_templates import MailTemplateAdmin
from outbox.admin.messages import link_to_mails

__all__ = ["MailTemplateAdmin", "link_to_mails"]
