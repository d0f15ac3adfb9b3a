"""Statements of tracks.leases: work that one process at a time does.

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
    "tracks.acquire_lease",
    """
    INSERT INTO tracks.leases (name, holder, until)
    VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, until = clock_timestamp() + make_interval(secs => $3)
    WHERE leases.until <= clock_timestamp()
    RETURNING holder
    """,
)

_RENEW = Command[str, UUID, float](
    "tracks.renew_lease",
    """
    UPDATE tracks.leases SET until = clock_timestamp() + make_interval(secs => $3)
    WHERE name = $1 AND holder = $2
    """,
)

_RELEASE = Command[str, UUID](
    "tracks.release_lease", "DELETE FROM tracks.leases WHERE name = $1 AND holder = $2"
)

# Left by holders that died.
_DELETE_EXPIRED = Command[()](
    "tracks.delete_expired_leases",
    "DELETE FROM tracks.leases WHERE until < clock_timestamp() - interval '1 hour'",
)


async def acquire(database: Database, name: str, holder: UUID, seconds: float) -> bool:
    """Acquire the lease; return False if another holder has it."""
    row = await database.row(_ACQUIRE, name, holder, seconds)
    return row is not None


async def renew(database: Database, name: str, holder: UUID, seconds: float) -> bool:
    """Extend the lease; return False if another holder has it."""
    return await database.execute(_RENEW, name, holder, seconds) > 0


async def release(database: Database, name: str, holder: UUID) -> None:
    """Release the lease."""
    await database.execute(_RELEASE, name, holder)


async def delete_expired(database: Database) -> None:
    """Delete the leases that expired more than an hour ago."""
    await database.execute(_DELETE_EXPIRED)
