"""The calling user: the frozen form of seda.rpc.v1.Caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.clock import Micros
from servicekit.errors import ServiceUnavailableError

STALE_SECONDS = 900.0
"""How long a resolved caller is accepted, as stale, while the resolving service can't be reached."""


class Role(enum.StrEnum):
    """A user's role on the whole platform."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user on whose behalf a call is made.

    `muted_until` and `suspended_until` have no effect once they have passed on the database's clock. A stale caller is
    one whose role could not be confirmed: their `role` is USER, whatever it was.
    """

    user_id: UUID
    role: Role
    muted_until: Micros | None = None
    suspended_until: Micros | None = None
    unconfirmed_by: str = ""
    """The service that could not confirm the role of a stale caller; empty for others."""

    def as_stale(self, resolver: str) -> Caller:
        """The caller without their role, which the service `resolver` could not confirm."""
        return replace(self, role=Role.USER, unconfirmed_by=resolver)

    @property
    def stale(self) -> bool:
        """Whether the role could not be confirmed."""
        return bool(self.unconfirmed_by)

    @property
    def confirmed_role(self) -> Role:
        """The role, for what only a platform role allows; raises ServiceUnavailableError for a stale caller."""
        if self.stale:
            raise ServiceUnavailableError(self.unconfirmed_by)
        return self.role
