"""The tables of schema `users`, as the migrations leave them.

This is the model that migrations are compared with. It is not imported at run time: the service's
statements are plain SQL. Constraint and index names follow PostgreSQL's own pattern; store code names them
when it maps a violation to an error.
"""

from services.users.schema.admin_actions import admin_actions
from services.users.schema.artists import artist_profiles
from services.users.schema.base import metadata
from services.users.schema.erasure import erasure_jobs, leases, refused_identities
from services.users.schema.users import users
from services.users.schema.verification import (
    verification_attempts,
    verification_requests,
    verification_transitions,
)

__all__ = [
    "admin_actions",
    "artist_profiles",
    "erasure_jobs",
    "leases",
    "metadata",
    "refused_identities",
    "users",
    "verification_attempts",
    "verification_requests",
    "verification_transitions",
]
