"""Statements about tracks.track_refs: one track, and many by their ids."""

from __future__ import annotations

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


# One statement for a track that is known and for one that is new; only the new one writes. It names no
# constraint as the one to conflict on, because two inserts of one link can meet on either unique key.
FIND_OR_ADD = Query[TrackRow, UUID, str, str, str](
    "tracks.find_or_add",
    f"""
    WITH found AS (
        SELECT {COLUMNS} FROM tracks.track_refs WHERE provider = $2 AND provider_id = $3
    ), added AS (
        INSERT INTO tracks.track_refs (id, provider, provider_id, url)
        SELECT $1::uuid, $2::text, $3::text, $4::text
        WHERE NOT EXISTS (SELECT FROM found)
        ON CONFLICT DO NOTHING
        RETURNING {COLUMNS}
    )
    SELECT * FROM found UNION ALL SELECT * FROM added
    """,
)

FIND = Query[TrackRow, str, str](
    "tracks.find",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE provider = $1 AND provider_id = $2",
)

FIND_BY_ALIAS = Query[TrackRow, str](
    "tracks.find_by_alias",
    f"""
    SELECT {OF_TRACK}
    FROM tracks.track_aliases a JOIN tracks.track_refs t ON t.id = a.track_id
    WHERE a.alias_key = $1
    """,
)

# The first track that a name led to keeps it.
ADD_ALIASES = Command[list[str], UUID](
    "tracks.add_aliases",
    """
    INSERT INTO tracks.track_aliases (alias_key, track_id)
    SELECT DISTINCT alias_key, $2::uuid FROM unnest($1::text[]) AS given (alias_key)
    ON CONFLICT (alias_key) DO NOTHING
    """,
)

# coalesce sees the row as it is once its lock is held, so that of two callers who know different titles the
# first one's stays. The folded text is the caller's only if title and artist are still those that it was made
# of ($6, $7); else it becomes empty, and a worker folds anew. COMPLETE is for whoever asked the provider.
FILL = Query[
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

GET = Query[TrackRow, UUID]("tracks.get", f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id = $1")

LOOKUP = Query[TrackRow, list[UUID]](
    "tracks.lookup",
    f"SELECT {COLUMNS} FROM tracks.track_refs WHERE id = ANY ($1)",
)


async def find_or_add(database: Database, reference: TrackReference) -> TrackRow:
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


async def fill(database: Database, track: TrackRow, known: TrackMetadata) -> TrackRow:
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
        FILL,
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
