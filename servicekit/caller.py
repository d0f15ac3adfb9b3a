"""The calling user: the frozen form of seda.rpc.v1.Caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Micros


class Role(enum.StrEnum):
    """A user's role on the whole platform."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user on whose behalf a call is made.

    `muted_until` and `suspended_until` have no effect once they have passed on the database's clock.
    """

    user_id: UUID
    role: Role
    muted_until: Micros | None = None
    suspended_until: Micros | None = None
