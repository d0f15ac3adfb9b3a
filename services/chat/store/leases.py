"""SQL of leases: work that one process at a time does, until it is done or its holder is dead.

A lease is no lock: nothing is held open for it, and a holder who stalls for longer than it lasts has a rival.
What is done under one must bear being done twice.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Command, Query


class HolderRow(NamedTuple):
    """Who holds a lease."""

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
    """Take the lease, or go on holding it, for so long from now; False while it is somebody else's."""
    return await database.row(_ACQUIRE, name, holder, seconds) is not None


async def release(database: Database, name: str, holder: UUID) -> None:
    """Let others have it at once."""
    await database.execute(_RELEASE, name, holder)
