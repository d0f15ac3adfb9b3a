"""Statements about the tracks whose metadata is to be fetched.

A track is due when `next_attempt_at` has passed. A worker that takes it moves that time to when others may take it,
should the worker die: the time is its lease, and what it brings counts only while the row still has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Command, Query
from services.tracks.domain.enrichment import NextAttempt
from services.tracks.domain.metadata import TrackMetadata, search_text
from services.tracks.store.tracks import COLUMNS, TrackRow

LEASE_SECONDS = 60
_BACKFILL_BATCH = 200


class ClaimedTrackRow(NamedTuple):
    """A track that a worker has taken: `attempts` counts this one too, and `next_attempt_at` is the lease."""

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
    attempts: int
    next_attempt_at: Micros | None

    @property
    def metadata(self) -> TrackMetadata:
        """What was known of it when it was taken."""
        return TrackMetadata(self.title, self.artist, self.artwork_url, self.duration_seconds, self.isrc)


# Several workers take different tracks: whoever comes second passes over rows that the first one holds.
_CLAIM_DUE = Query[ClaimedTrackRow, list[str], list[int], int](
    "tracks.claim_due",
    """
    WITH due AS (
        SELECT found.id
        FROM unnest($1::text[], $2::int[]) AS room (provider, places)
        CROSS JOIN LATERAL (
            SELECT id FROM tracks.track_refs
            WHERE provider = room.provider AND next_attempt_at <= clock_timestamp()
            ORDER BY next_attempt_at LIMIT room.places
            FOR UPDATE SKIP LOCKED
        ) found
    )
    UPDATE tracks.track_refs t
    SET next_attempt_at = clock_timestamp() + make_interval(secs => $3::int), attempts = t.attempts + 1
    FROM due WHERE t.id = due.id
    RETURNING t.id, t.provider, t.provider_id, t.url, t.title, t.artist, t.artwork_url, t.duration_seconds, t.isrc,
              t.metadata_state, t.attempts, t.next_attempt_at
    """,
)

# The provider knows better than whoever filled a field before. Of the computed text see tracks.fill.
_COMPLETE = Command[
    UUID,
    Micros,
    str | None,
    str | None,
    str | None,
    int | None,
    str | None,
    str,
    bool,
    float | None,
    bool,
    str | None,
    str | None,
    str | None,
](
    "tracks.complete",
    """
    UPDATE tracks.track_refs
    SET title = coalesce($3, title),
        artist = coalesce($4, artist),
        artwork_url = coalesce($5, artwork_url),
        duration_seconds = coalesce($6, duration_seconds),
        isrc = coalesce($7, isrc),
        metadata_state = $8,
        refreshed_at = CASE WHEN $9 THEN clock_timestamp() ELSE refreshed_at END,
        next_attempt_at = clock_timestamp() + make_interval(secs => $10),
        attempts = CASE WHEN $10 IS NULL THEN 0 ELSE attempts END,
        updated_at = CASE WHEN $11 THEN clock_timestamp() ELSE updated_at END,
        search_text = CASE WHEN title IS NOT DISTINCT FROM $12 AND artist IS NOT DISTINCT FROM $13 THEN $14 END
    WHERE id = $1 AND next_attempt_at = $2
    """,
)

REFRESH = Query[TrackRow, UUID](
    "tracks.refresh",
    f"""
    UPDATE tracks.track_refs SET next_attempt_at = clock_timestamp(), attempts = 0
    WHERE id = $1 AND next_attempt_at IS NULL
        AND (refreshed_at IS NULL OR refreshed_at < clock_timestamp() - interval '1 hour')
    RETURNING {COLUMNS}
    """,
)


class MissingSearchTextRow(NamedTuple):
    """A track that has a title or an artist but no text to search."""

    id: UUID
    title: str | None
    artist: str | None


_MISSING_SEARCH_TEXT = Query[MissingSearchTextRow, int](
    "tracks.missing_search_text",
    """
    SELECT id, title, artist FROM tracks.track_refs
    WHERE search_text IS NULL AND (title IS NOT NULL OR artist IS NOT NULL)
    ORDER BY id LIMIT $1
    """,
)

_BACKFILL_SEARCH_TEXT = Command[list[UUID], list[str | None], list[str | None], list[str | None]](
    "tracks.backfill_search_text",
    """
    UPDATE tracks.track_refs t SET search_text = computed.search_text
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS computed (id, title, artist, search_text)
    WHERE t.id = computed.id AND t.search_text IS NULL
        AND t.title IS NOT DISTINCT FROM computed.title AND t.artist IS NOT DISTINCT FROM computed.artist
    """,
)


async def claim_due(database: Database, places: Mapping[str, int]) -> list[ClaimedTrackRow]:
    """Up to so many tracks of each provider that are due, the longest waiting first, taken for LEASE_SECONDS."""
    return await database.rows(_CLAIM_DUE, list(places), list(places.values()), LEASE_SECONDS)


async def complete(
    database: Database,
    due: ClaimedTrackRow,
    found: TrackMetadata,
    known: TrackMetadata,
    next_attempt: NextAttempt,
    *,
    responded: bool,
) -> bool:
    """Write what an attempt led to; False when the lease was lost and nothing was written.

    `found` is what the provider responded, `known` what is known with it.
    """
    changed = known != due.metadata or next_attempt.state != due.metadata_state
    count = await database.execute(
        _COMPLETE,
        due.id,
        due.next_attempt_at or Micros(0),
        found.title,
        found.artist,
        found.artwork_url,
        found.duration_seconds,
        found.isrc,
        next_attempt.state,
        responded,
        next_attempt.retry_in,
        changed,
        due.title,
        due.artist,
        search_text(known.title, known.artist),
    )
    return count > 0


async def backfill_search_text(database: Database) -> int:
    """Fold some of the tracks that an older build wrote, or two calls at once; returns how many there were."""
    rows: Sequence[MissingSearchTextRow] = await database.rows(_MISSING_SEARCH_TEXT, _BACKFILL_BATCH)
    if rows:
        texts = [search_text(row.title, row.artist) for row in rows]
        await database.execute(
            _BACKFILL_SEARCH_TEXT,
            [row.id for row in rows],
            [row.title for row in rows],
            [row.artist for row in rows],
            texts,
        )
    return len(rows)
