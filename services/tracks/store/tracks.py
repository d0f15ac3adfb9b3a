"""Statements about tracks.track_refs."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.errors import ConflictError
from servicekit.ids import new_id
from servicekit.sql import Query
from services.tracks.domain.facts import Facts
from services.tracks.domain.links.reference import Reference


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


# One statement for a track that is known and for one that is new; only the new one writes. It names no
# constraint as the one to conflict on, because two inserts of one link can meet on either unique key.
FIND_OR_ADD = Query[TrackRow, UUID, str, str, str](
    "tracks.find_or_add",
    """
    WITH found AS (
        SELECT id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
               metadata_state, created_at, updated_at
        FROM tracks.track_refs
        WHERE provider = $2 AND provider_id = $3
    ), added AS (
        INSERT INTO tracks.track_refs (id, provider, provider_id, url)
        SELECT $1::uuid, $2::text, $3::text, $4::text
        WHERE NOT EXISTS (SELECT FROM found)
        ON CONFLICT DO NOTHING
        RETURNING id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
                  metadata_state, created_at, updated_at
    )
    SELECT * FROM found UNION ALL SELECT * FROM added
    """,
)

FIND = Query[TrackRow, str, str](
    "tracks.find",
    """
    SELECT id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
           metadata_state, created_at, updated_at
    FROM tracks.track_refs
    WHERE provider = $1 AND provider_id = $2
    """,
)

# coalesce sees the row as it is once its lock is held, so that of two callers who know different titles the
# first one's stays. COMPLETE is for whoever asked the provider itself.
FILL = Query[TrackRow, UUID, str | None, str | None, str | None, int | None](
    "tracks.fill",
    """
    UPDATE tracks.track_refs
    SET title = coalesce(title, $2),
        artist = coalesce(artist, $3),
        artwork_url = coalesce(artwork_url, $4),
        duration_seconds = coalesce(duration_seconds, $5),
        metadata_state = CASE
            WHEN metadata_state IN ('PENDING', 'FAILED')
                AND coalesce(title, $2) IS NOT NULL AND coalesce(artist, $3) IS NOT NULL THEN 'PARTIAL'
            ELSE metadata_state
        END,
        updated_at = clock_timestamp()
    WHERE id = $1
    RETURNING id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
              metadata_state, created_at, updated_at
    """,
)

LOOKUP = Query[TrackRow, list[UUID]](
    "tracks.lookup",
    """
    SELECT id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc,
           metadata_state, created_at, updated_at
    FROM tracks.track_refs
    WHERE id = ANY ($1)
    """,
)


async def find_or_add(database: Database, reference: Reference) -> TrackRow:
    """The row of a reference, made when there is none.

    One statement, or a second one when somebody else made the row in the same moment: then the first one's
    snapshot can't see it, and a new one can.
    """
    key = (reference.provider, reference.provider_id)
    row = await database.row(FIND_OR_ADD, new_id(), *key, reference.url)
    if row is None:
        row = await database.row(FIND, *key)
    if row is None:
        # The other one's row went away again.
        raise ConflictError
    return row


async def fill(database: Database, track: TrackRow, known: Facts) -> TrackRow:
    """The track with its empty fields filled from what is known; no statement when nothing is to be filled."""
    fills = (
        (known.title and track.title is None)
        or (known.artist and track.artist is None)
        or (known.artwork_url and track.artwork_url is None)
        or (known.duration_seconds and track.duration_seconds is None)
    )
    if not fills:
        return track
    row = await database.row(
        FILL, track.id, known.title, known.artist, known.artwork_url, known.duration_seconds
    )
    if row is None:
        raise ConflictError
    return row
