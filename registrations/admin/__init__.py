"""What organisers see and do about those who come, one module a subject. A row changes through the domain alone."""

from registrations.admin import below, cohorts, invitations, pools, registrations

__all__ = ["below", "cohorts", "invitations", "pools", "registrations"]
