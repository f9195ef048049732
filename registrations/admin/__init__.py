"""What organisers see and do about those who come, one module a subject. A row changes through the domain alone."""

from registrations.admin import cohorts, extend_programme_admin, invitations, pools, registrations

__all__ = ["cohorts", "extend_programme_admin", "invitations", "pools", "registrations"]
