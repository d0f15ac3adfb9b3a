"""SQL of leases, which let one process at a time do some work.

A lease is not a lock: a holder that stalls past its expiry can be superseded, so work done under it must be idempotent.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Command, Query


class HolderRow(NamedTuple):
    """The holder of a lease."""

    holder: UUID


_ACQUIRE = Query[HolderRow, str, UUID, float](
    "chat.acquire_lease",
    """
    INSERT INTO chat.leases (name, holder, until)
    VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
     WHERE leases.until <= clock_timestamp() OR leases.holder = excluded.holder
    RETURNING holder
    """,
)
_RELEASE = Command[str, UUID]("chat.release_lease", "DELETE FROM chat.leases WHERE name = $1 AND holder = $2")


async def acquire(database: Database, name: str, holder: UUID, seconds: float) -> bool:
    """Acquire or renew the lease for `seconds` from now; returns False while another process holds it."""
    return await database.row(_ACQUIRE, name, holder, seconds) is not None


async def release(database: Database, name: str, holder: UUID) -> None:
    """Release the lease."""
    await database.execute(_RELEASE, name, holder)
