"""Backfills: passes over a whole table, in small steps, that bring what earlier builds wrote into the present form.

Every row is visited twice, the second time a day after the first pass began: until they are replaced, processes of
earlier builds go on writing the old form.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Command, Query

_PASSES = 2


class Position(NamedTuple):
    """A place in a table: the pass, from 1, and the key of the last visited row."""

    number: int
    after_id: UUID
    after_seq: int

    def next_pass(self) -> Position:
        """Return the start of the next pass."""
        return _start(self.number + 1)


class BackfillRow(NamedTuple):
    """The state of a backfill; `waiting` until the second pass may begin."""

    version: int
    number: int
    after_id: UUID
    after_seq: int
    waiting: bool


def _start(number: int) -> Position:
    return Position(number, UUID(int=0), 0)


class Backfills:
    """The table `backfills` of a schema. One process at a time works on one of them."""

    def __init__(self, schema: str) -> None:
        self._get = Query[BackfillRow, str](
            f"{schema}.get_backfill",
            f"""
            SELECT version, number, after_id, after_seq,
                   number > 1 AND started_at > now() - interval '1 day' AS waiting
              FROM {schema}.backfills WHERE name = $1
            """,
        )
        self._save = Command[str, int, int, UUID, int](
            f"{schema}.save_backfill",
            f"""
            INSERT INTO {schema}.backfills AS b (name, version, number, after_id, after_seq, started_at)
            VALUES ($1, $2, $3, $4, $5, now())
            ON CONFLICT (name) DO UPDATE
               SET version = excluded.version, number = excluded.number,
                   after_id = excluded.after_id, after_seq = excluded.after_seq,
                   started_at = CASE WHEN b.version < excluded.version THEN now() ELSE b.started_at END
             WHERE b.version <= excluded.version
            """,
        )

    async def position(self, database: Database, name: str, version: int) -> Position | None:
        """Return where to go on with the backfill to a version; None while there is nothing to do.

        A later version, of a later build, has nothing left for this one to do.
        """
        row = await database.row(self._get, name)
        if row is None or row.version < version:
            return _start(1)
        if row.version > version or row.number > _PASSES or row.waiting:
            return None
        return Position(row.number, row.after_id, row.after_seq)

    async def save(self, database: Database, name: str, version: int, position: Position) -> None:
        """Store a position; keeps that of a later version."""
        await database.execute(self._save, name, version, *position)
