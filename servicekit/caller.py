"""Who calls: the frozen form of seda.rpc.v1.Caller that actions get."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Micros


class Role(enum.StrEnum):
    """What a user may do on the whole platform."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user on whose behalf a call is made.

    `muted_until` and `suspended_until` are instants; an instant that has passed on the database's
    clock has no effect any more.
    """

    user_id: UUID
    role: Role
    muted_until: Micros | None = None
    suspended_until: Micros | None = None
