"""Loading the seed: one transaction, so that a run that is interrupted leaves nothing behind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from ops import bulk_load
from ops.database.connection import connected
from ops.seed import rows
from ops.seed.content import DOMAIN
from ops.tokens import DEMO_DOMAIN

if TYPE_CHECKING:
    import asyncpg

    from ops.row_progress import RowProgress

ROOMS_AT_SCALE_1 = 500
_ROOMS_PER_COPY = 10
# Each index of messages is made faster from all rows than row by row, unless most rows were there before.
_FEW_ROOMS = 10

_ROOM_IDS = "SELECT id FROM chat.rooms WHERE id = ANY ($1::uuid[])"
_IS_REAL = "SELECT EXISTS (SELECT FROM users.users WHERE split_part(email, '@', 2) <> ALL ($1::text[]))"
# Each user of a room that is new has one more change in the set of their rooms.
_COUNT_ROOMS = """
    INSERT INTO chat.user_counters AS c (user_id, rooms_rev)
    SELECT user_id, count(*) FROM chat.room_memberships WHERE room_id = ANY ($1::uuid[]) GROUP BY user_id
    ON CONFLICT (user_id) DO UPDATE SET rooms_rev = c.rooms_rev + excluded.rooms_rev
"""
_TABLES = ", ".join(rows.COLUMNS)


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """The rooms that a database lacks of the seed of a scale, and whether people use that database."""

    scale: float
    missing: tuple[int, ...]
    real: bool

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows that will be added, by what they are."""
        return {
            "users": len(self.missing) * rows.USERS_PER_ROOM,
            "artists": len(self.missing) * rows.ARTISTS_PER_ROOM,
            "rooms": len(self.missing),
            "messages": sum(map(rows.messages_of, self.missing)),
            "reactions": sum(map(rows.reactions_of, self.missing)),
        }

    @property
    def rows(self) -> int:
        """The rows that the progress counts."""
        return self.counts["messages"] + self.counts["reactions"]


async def plan(dsn: str, scale: float) -> SeedPlan:
    """Find out what a database lacks. Raises CliError NOT_MIGRATED or DATABASE_UNREACHABLE."""
    await bulk_load.require_migrated(dsn)
    async with connected(dsn, "seed") as connection:
        return await _plan(connection, scale)


async def _plan(connection: asyncpg.Connection, scale: float) -> SeedPlan:
    ids = {UUID(rows.room_id(room)): room for room in range(max(1, round(scale * ROOMS_AT_SCALE_1)))}
    present = {row["id"] for row in await connection.fetch(_ROOM_IDS, list(ids))}
    missing = tuple(room for each, room in ids.items() if each not in present)
    return SeedPlan(scale, missing, await connection.fetchval(_IS_REAL, [DOMAIN, DEMO_DOMAIN]))


async def load(dsn: str, scale: float, progress: RowProgress) -> SeedPlan:
    """Add what the database lacks; return what that was. Raises CliError LOCK_BUSY."""
    async with bulk_load.loading(dsn, "seed") as connection:
        found = await _plan(connection, scale)
        if not found.missing:
            return found
        async with connection.transaction():
            if len(found.missing) > _FEW_ROOMS:
                async with bulk_load.deferred_indexes(connection, "chat.messages", "chat.reactions"):
                    await _copy_all(connection, found.missing, progress)
                    progress.step("Making indexes")
            else:
                await _copy_all(connection, found.missing, progress)
        progress.step("Counting for the planner")
        await connection.execute(f"ANALYZE {_TABLES}, chat.user_counters")
    return found


async def _copy_all(connection: asyncpg.Connection, missing: Iterable[int], progress: RowProgress) -> None:
    progress.step("Loading")
    rooms = iter(missing)
    batches = iter(lambda: tuple(itertools.islice(rooms, _ROOMS_PER_COPY)), ())
    made = asyncio.create_task(_made(next(batches, ())))
    while (current := await made)[0]:
        # While the server takes a batch, the next one is made.
        made = asyncio.create_task(_made(next(batches, ())))
        batch, lines = current
        for table, columns in rows.COLUMNS.items():
            if lines[table]:
                await bulk_load.copy(connection, table, columns.split(), lines[table])
        async with bulk_load.as_owner(connection, "chat.user_counters"):
            await connection.execute(_COUNT_ROOMS, [rows.room_id(room) for room in batch])
        progress.advance(sum(rows.messages_of(room) + rows.reactions_of(room) for room in batch))


async def _made(batch: tuple[int, ...]) -> tuple[tuple[int, ...], rows.Rows]:
    return batch, await asyncio.to_thread(_rows_of, batch)


def _rows_of(batch: tuple[int, ...]) -> rows.Rows:
    lines = rows.empty_rows()
    for room in batch:
        rows.add_block(room, lines)
    return lines
