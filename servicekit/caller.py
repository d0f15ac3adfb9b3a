"""The calling user: the frozen form of seda.rpc.v1.Caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.clock import Micros
from servicekit.errors import ServiceUnavailableError


class Role(enum.StrEnum):
    """A user's role on the whole platform."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user on whose behalf a call is made.

    `muted_until` and `suspended_until` have no effect once they have passed on the database's clock. A stale caller is
    one whose role the users service could not confirm: their `role` is USER, whatever it was.
    """

    user_id: UUID
    role: Role
    muted_until: Micros | None = None
    suspended_until: Micros | None = None
    stale: bool = False

    def as_stale(self) -> Caller:
        """The caller without their role."""
        return replace(self, role=Role.USER, stale=True)

    @property
    def confirmed_role(self) -> Role:
        """The role, for what only a platform role allows; raises ServiceUnavailableError for a stale caller."""
        if self.stale:
            raise ServiceUnavailableError("users")
        return self.role
