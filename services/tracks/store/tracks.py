"""Statements that read, list and insert tracks and their aliases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.errors import ConflictError
from servicekit.ids import new_id
from servicekit.sql import Command, Query
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.metadata import TrackMetadata, search_text

COLUMNS = """id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
       metadata_state, created_at, updated_at, refreshed_at"""
OF_TRACK = ", ".join(f"t.{name.strip()}" for name in COLUMNS.split(","))


class TrackRow(NamedTuple):
    """A stored track."""

    id: UUID
    provider: str
    provider_id: str
    url: str
    title: str | None
    artist: str | None
    artwork_url: str | None
    duration_seconds: int | None
    isrc: str | None
    metadata_state: str
    created_at: Micros
    updated_at: Micros
    refreshed_at: Micros | None


# No conflict target: two inserts of one link can conflict on either unique key.
_ADD = Query[TrackRow, UUID, str, str, str](
    "tracks.add",
    f"""
    INSERT INTO tracks.track_refs (id, provider, provider_id, url) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    RETURNING {COLUMNS}
    """,
)


class FoundTrackRow(NamedTuple):
    """A stored track, and whether the given user finds it in searches."""

    track: TrackRow
    searchable: bool


_SEARCHABLE = """t.listed_at IS NOT NULL OR EXISTS (
        SELECT FROM tracks.track_resolvers r WHERE r.user_id = $1::uuid AND r.track_id = t.id
    ) AS searchable"""

_FIND = Query[FoundTrackRow, UUID | None, str, str](
    "tracks.find",
    f"SELECT {OF_TRACK}, {_SEARCHABLE} FROM tracks.track_refs t WHERE t.provider = $2 AND t.provider_id = $3",
)

_FIND_BY_ALIAS = Query[FoundTrackRow, UUID | None, str](
    "tracks.find_by_alias",
    f"""
    SELECT {OF_TRACK}, {_SEARCHABLE}
    FROM tracks.track_aliases a JOIN tracks.track_refs t ON t.id = a.track_id
    WHERE a.alias_key = $2
    """,
)

_ADD_ALIASES = Command[list[str], UUID](
    "tracks.add_aliases",
    """
    INSERT INTO tracks.track_aliases (alias_key, track_id)
    SELECT DISTINCT alias_key, $2::uuid FROM unnest($1::text[]) AS given (alias_key)
    ON CONFLICT (alias_key) DO NOTHING
    """,
)

# coalesce sees the locked row, so the first of two concurrent titles stays. search_text is stored only if title and
# artist are still those that it was computed from ($6, $7); otherwise it becomes null and the worker backfills it.
# Only enrichment sets COMPLETE.
_FILL = Query[
    TrackRow, UUID, str | None, str | None, str | None, int | None, str | None, str | None, str | None
](
    "tracks.fill",
    f"""
    UPDATE tracks.track_refs
    SET title = coalesce(title, $2),
        artist = coalesce(artist, $3),
        artwork_url = coalesce(artwork_url, $4),
        duration_seconds = coalesce(duration_seconds, $5),
        search_text = CASE WHEN title IS NOT DISTINCT FROM $6 AND artist IS NOT DISTINCT FROM $7 THEN $8 END,
        metadata_state = CASE
            WHEN metadata_state IN ('PENDING', 'FAILED')
                AND coalesce(title, $2) IS NOT NULL AND coalesce(artist, $3) IS NOT NULL THEN 'PARTIAL'
            ELSE metadata_state
        END,
        updated_at = clock_timestamp()
    WHERE id = $1
    RETURNING {COLUMNS}
    """,
)

_GET = Query[TrackRow, UUID]("tracks.get", f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id = $1")

_LOOKUP = Query[TrackRow, list[UUID]](
    "tracks.lookup",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id = ANY ($1)",
)


MAX_ID = UUID(int=(1 << 128) - 1)
"""Sorts after every track."""

# Four statements: one with optional conditions could not use an index.
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


async def get(database: Database, track_id: UUID) -> TrackRow | None:
    """Return one track."""
    return await database.row(_GET, track_id)


async def lookup(database: Database, track_ids: Sequence[UUID]) -> list[TrackRow]:
    """Return the tracks that exist."""
    return await database.rows(_LOOKUP, list(track_ids))


async def find(
    database: Database, reference: TrackReference, user_id: UUID | None = None
) -> FoundTrackRow | None:
    """Return the stored track of a reference; of one that needs resolution, the track that it was resolved to.

    `searchable` is that of the user, without one whether the track is listed.
    """
    if reference.needs_resolution:
        return await database.row(_FIND_BY_ALIAS, user_id, reference.url)
    return await database.row(_FIND, user_id, reference.provider, reference.provider_id)


async def add_aliases(database: Database, urls: Sequence[str], track_id: UUID) -> None:
    """Store links as aliases of a track; an existing alias keeps its track."""
    await database.execute(_ADD_ALIASES, list(urls), track_id)


async def list_page(
    database: Database, provider: str | None, state: str | None, before: UUID, count: int
) -> list[TrackRow]:
    """Return up to `count` tracks older than `before`, newest first, of a provider and in a state if given."""
    if provider is None and state is None:
        return await database.rows(_ALL, before, count)
    if state is None:
        return await database.rows(_OF_PROVIDER, before, count, provider or "")
    if provider is None:
        return await database.rows(_IN_STATE, before, count, state)
    return await database.rows(_OF_PROVIDER_IN_STATE, before, count, provider, state)


async def add(database: Database, reference: TrackReference) -> TrackRow:
    """Return the inserted track of a reference that was not found, or the one that a concurrent call inserted."""
    row = await database.row(_ADD, new_id(), reference.provider, reference.provider_id, reference.url)
    if row is not None:
        return row
    found = await find(database, reference)
    if found is None:
        # The concurrent insert was rolled back or its row deleted.
        raise ConflictError
    return found.track


async def fill(database: Database, track: TrackRow, known: TrackMetadata) -> TrackRow:
    """Return the track, its empty fields filled from `known`; runs no statement if there is nothing to fill."""
    fills = (
        (known.title and track.title is None)
        or (known.artist and track.artist is None)
        or (known.artwork_url and track.artwork_url is None)
        or (known.duration_seconds and track.duration_seconds is None)
    )
    if not fills:
        return track
    row = await database.row(
        _FILL,
        track.id,
        known.title,
        known.artist,
        known.artwork_url,
        known.duration_seconds,
        track.title,
        track.artist,
        search_text(track.title or known.title, track.artist or known.artist),
    )
    if row is None:
        raise ConflictError
    return row
