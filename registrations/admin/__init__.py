"""What organisers see and do about those who come, one module a subject. A row changes through the domain alone."""

from registrations.admin import allocations, announcements, below, changes, cohorts, invitations, pools, registrations, reminders

__all__ = ["allocations", "announcements", "below", "changes", "cohorts", "invitations", "pools", "registrations", "reminders"]
