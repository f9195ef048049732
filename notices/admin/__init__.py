"""What organisers see and do about what people are told, one module a subject."""

from notices.admin import announcements, changes, invitations, reminders

__all__ = ["announcements", "changes", "invitations", "reminders"]
