"""Statements that say which tracks a search may find: those that are listed, and those that its user resolved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Command, Query
from services.tracks.store.tracks import OF_TRACK, TrackRow

_BATCH = 1_000


class ResolvedTrackRow(NamedTuple):
    """A track, and when a user resolved it."""

    track: TrackRow
    resolved_at: Micros


# In the order of ids, so that two calls with the same tracks don't wait for each other in a circle.
_MARK_LISTED = Command[list[UUID]](
    "tracks.mark_listed",
    """
    UPDATE tracks.track_refs SET listed_at = clock_timestamp()
    WHERE id = ANY (ARRAY(
        SELECT id FROM tracks.track_refs WHERE id = ANY ($1) AND listed_at IS NULL ORDER BY id FOR UPDATE))
    """,
)

_ADD_RESOLVER = Command[UUID, UUID](
    "tracks.add_resolver",
    "INSERT INTO tracks.track_resolvers (user_id, track_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
)

# In batches, so that no statement and no lock takes long.
_DELETE_RESOLVER = Command[UUID, int](
    "tracks.delete_resolver",
    """
    DELETE FROM tracks.track_resolvers
    WHERE user_id = $1 AND track_id = ANY (ARRAY(
        SELECT track_id FROM tracks.track_resolvers WHERE user_id = $1 LIMIT $2))
    """,
)


_RESOLVED = Query[ResolvedTrackRow, UUID, UUID, int](
    "tracks.resolved",
    f"""
    SELECT {OF_TRACK}, r.created_at AS resolved_at
    FROM tracks.track_resolvers r JOIN tracks.track_refs t ON t.id = r.track_id
    WHERE r.user_id = $1 AND r.track_id < $2 ORDER BY r.track_id DESC LIMIT $3
    """,
)


async def mark_listed(database: Database, track_ids: Sequence[UUID]) -> None:
    """List the tracks that exist and are not listed yet."""
    await database.execute(_MARK_LISTED, list(track_ids))


async def add_resolver(database: Database, user_id: UUID, track_id: UUID) -> None:
    """Let a user find a track that is not listed."""
    await database.execute(_ADD_RESOLVER, user_id, track_id)


async def list_resolved(
    database: Database, user_id: UUID, before: UUID, count: int
) -> list[ResolvedTrackRow]:
    """Return up to `count` tracks older than `before` that a user resolved, the newest track first."""
    return await database.rows(_RESOLVED, user_id, before, count)


async def delete_resolver(database: Database, user_id: UUID) -> int:
    """Delete what is stored of a user; return how many rows."""
    total = 0
    while count := await database.execute(_DELETE_RESOLVER, user_id, _BATCH):
        total += count
    return total
