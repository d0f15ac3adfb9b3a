"""Leases: work that one process at a time does, until it is done or the holder is dead.

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


class Leases:
    """The table `leases` of a schema: name, holder, until."""

    def __init__(self, schema: str) -> None:
        self._acquire = Query[HolderRow, str, UUID, float](
            f"{schema}.acquire_lease",
            f"""
            INSERT INTO {schema}.leases (name, holder, until)
            VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE leases.until <= clock_timestamp() OR leases.holder = excluded.holder
            RETURNING holder
            """,
        )
        self._renew = Command[str, UUID, float](
            f"{schema}.renew_lease",
            f"""
            UPDATE {schema}.leases SET until = clock_timestamp() + make_interval(secs => $3)
            WHERE name = $1 AND holder = $2
            """,
        )
        self._release = Command[str, UUID](
            f"{schema}.release_lease", f"DELETE FROM {schema}.leases WHERE name = $1 AND holder = $2"
        )
        self._delete_expired = Command[()](
            f"{schema}.delete_expired_leases",
            f"DELETE FROM {schema}.leases WHERE until < clock_timestamp() - interval '1 hour'",
        )

    async def acquire(self, database: Database, name: str, holder: UUID, seconds: float) -> bool:
        """Acquire or extend a lease; False while another holder has it."""
        return await database.row(self._acquire, name, holder, seconds) is not None

    async def renew(self, database: Database, name: str, holder: UUID, seconds: float) -> bool:
        """Extend a lease; False when another holder has superseded this one."""
        return await database.execute(self._renew, name, holder, seconds) > 0

    async def release(self, database: Database, name: str, holder: UUID) -> None:
        """Release a lease before its expiry."""
        await database.execute(self._release, name, holder)

    async def delete_expired(self, database: Database) -> None:
        """Delete the leases of dead holders that expired an hour ago."""
        await database.execute(self._delete_expired)
