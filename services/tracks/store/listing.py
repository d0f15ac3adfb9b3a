"""Statements that list tracks, the newest first: ids are made in the order of time."""

from __future__ import annotations

from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Query
from services.tracks.store.tracks import COLUMNS, TrackRow

NEWEST = UUID(int=(1 << 128) - 1)
"""An id after every track."""

# Four statements, since one with optional conditions could use no index.
_ALL = Query[TrackRow, UUID, int](
    "tracks.list",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id < $1 ORDER BY id DESC LIMIT $2",
)
_OF_PROVIDER = Query[TrackRow, UUID, int, str](
    "tracks.list_of_provider",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id < $1 AND provider = $3 ORDER BY id DESC LIMIT $2",
)
_IN_STATE = Query[TrackRow, UUID, int, str](
    "tracks.list_in_state",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id < $1 AND metadata_state = $3 ORDER BY id DESC LIMIT $2",
)
_OF_PROVIDER_IN_STATE = Query[TrackRow, UUID, int, str, str](
    "tracks.list_of_provider_in_state",
    f"""
    SELECT {COLUMNS} FROM tracks.track_refs
    WHERE id < $1 AND provider = $3 AND metadata_state = $4 ORDER BY id DESC LIMIT $2
    """,
)


async def page(
    database: Database, provider: str | None, state: str | None, before: UUID, count: int
) -> list[TrackRow]:
    """Up to `count` tracks that are older than `before`, of one provider and in one state where given."""
    if provider is None and state is None:
        return await database.rows(_ALL, before, count)
    if state is None:
        return await database.rows(_OF_PROVIDER, before, count, provider or "")
    if provider is None:
        return await database.rows(_IN_STATE, before, count, state)
    return await database.rows(_OF_PROVIDER_IN_STATE, before, count, provider, state)
