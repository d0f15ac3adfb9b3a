"""Statements about tracks.leases: work that one process at a time does, until it's done or its holder is dead.

A lease is no lock: nothing is held open for it, and a holder who stalls for longer than it lasts has a rival. What
is done under one must bear being done twice.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Command, Query


class HolderRow(NamedTuple):
    """Who holds a lease."""

    holder: UUID


ACQUIRE = Query[HolderRow, str, UUID, float](
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

RENEW = Command[str, UUID, float](
    "tracks.renew_lease",
    """
    UPDATE tracks.leases SET until = clock_timestamp() + make_interval(secs => $3)
    WHERE name = $1 AND holder = $2
    """,
)

RELEASE = Command[str, UUID](
    "tracks.release_lease", "DELETE FROM tracks.leases WHERE name = $1 AND holder = $2"
)

# Of holders that died and whose work nobody wanted after that.
DELETE_EXPIRED = Command[()](
    "tracks.delete_expired_leases",
    "DELETE FROM tracks.leases WHERE until < clock_timestamp() - interval '1 hour'",
)


async def acquire(database: Database, name: str, holder: UUID, seconds: float) -> bool:
    """Take the lease for so long, unless somebody else holds it."""
    row = await database.row(ACQUIRE, name, holder, seconds)
    return row is not None


async def renew(database: Database, name: str, holder: UUID, seconds: float) -> bool:
    """Hold it for so long from now; False when it went to somebody else."""
    return await database.execute(RENEW, name, holder, seconds) > 0


async def release(database: Database, name: str, holder: UUID) -> None:
    """Let others have it at once."""
    await database.execute(RELEASE, name, holder)
