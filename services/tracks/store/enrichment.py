"""Statements of the enrichment queue: tracks whose metadata is due to be fetched.

A track is due when `next_attempt_at` has passed. Claiming it moves that time to the end of a lease; the result of an
attempt is stored only while the row still has the lease. Another worker claims the track when the lease expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from search_text import VERSION
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Command, Query
from services.tracks.domain.enrichment import NextAttempt
from services.tracks.domain.metadata import TrackMetadata, search_text
from services.tracks.store import backfills, leases
from services.tracks.store.tracks import COLUMNS, TrackRow

LEASE_SECONDS = 60
_BACKFILL_BATCH = 200
_BACKFILL = "track_refs.search_text"


class ClaimedTrackRow(NamedTuple):
    """A claimed track: `attempts` includes this one, `next_attempt_at` is the lease."""

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
        """The metadata of the track when it was claimed."""
        return TrackMetadata(self.title, self.artist, self.artwork_url, self.duration_seconds, self.isrc)


# SKIP LOCKED: concurrent workers claim different tracks.
_CLAIM_DUE = Query[ClaimedTrackRow, list[str], list[int], int](
    "tracks.claim_due",
    """
    WITH due AS (
        SELECT found.id
        FROM unnest($1::text[], $2::int[]) AS slots (provider, free)
        CROSS JOIN LATERAL (
            SELECT id FROM tracks.track_refs
            WHERE provider = slots.provider AND next_attempt_at <= clock_timestamp()
            ORDER BY next_attempt_at LIMIT slots.free
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

# The provider's values replace those of callers. For search_text see tracks._FILL.
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

_REFRESH = Query[TrackRow, UUID](
    "tracks.refresh",
    f"""
    UPDATE tracks.track_refs SET next_attempt_at = clock_timestamp(), attempts = 0
    WHERE id = $1 AND next_attempt_at IS NULL
        AND (refreshed_at IS NULL OR refreshed_at < clock_timestamp() - interval '1 hour')
    RETURNING {COLUMNS}
    """,
)


class MissingSearchTextRow(NamedTuple):
    """A track that has a title or an artist but no search_text."""

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


class IndexedTrackRow(NamedTuple):
    """A track with its search_text, in whatever form."""

    id: UUID
    title: str | None
    artist: str | None
    search_text: str | None


_NEXT_TRACKS = Query[IndexedTrackRow, UUID, int](
    "tracks.next_tracks_with_search_text",
    "SELECT id, title, artist, search_text FROM tracks.track_refs WHERE id > $1 ORDER BY id LIMIT $2",
)

_REPLACE_SEARCH_TEXT = Command[list[UUID], list[str | None], list[str | None], list[str | None]](
    "tracks.replace_search_text",
    """
    UPDATE tracks.track_refs t SET search_text = computed.search_text
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS computed (id, title, artist, search_text)
    WHERE t.id = computed.id AND t.search_text IS NOT NULL
        AND t.title IS NOT DISTINCT FROM computed.title AND t.artist IS NOT DISTINCT FROM computed.artist
    """,
)


async def claim_due(database: Database, slots: Mapping[str, int]) -> list[ClaimedTrackRow]:
    """Claim due tracks for LEASE_SECONDS, up to `slots` per provider, the longest due first."""
    return await database.rows(_CLAIM_DUE, list(slots), list(slots.values()), LEASE_SECONDS)


async def complete(
    database: Database,
    due: ClaimedTrackRow,
    found: TrackMetadata,
    known: TrackMetadata,
    next_attempt: NextAttempt,
    *,
    responded: bool,
) -> bool:
    """Store the result of an attempt; return False if the lease was lost and nothing was stored.

    `found` is the provider's metadata, `known` the merged metadata.
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
    """Compute search_text for a batch of tracks that lack it, after concurrent fills or an older build; return how many."""
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


async def rewrite_search_text(database: Database, holder: UUID) -> bool:
    """Rewrite search_text of the next tracks where an earlier build stored another form.

    Returns False while none is left, and while another holder does it.
    """
    position = await backfills.position(database, _BACKFILL, VERSION)
    if position is None or not await leases.acquire(database, _BACKFILL, holder, LEASE_SECONDS):
        return False
    rows = await database.rows(_NEXT_TRACKS, position.after_id, _BACKFILL_BATCH)
    forms = [(row.id, row.title, row.artist, search_text(row.title, row.artist)) for row in rows]
    outdated = [form for row, form in zip(rows, forms, strict=True) if row.search_text not in {None, form[3]}]
    if outdated:
        await database.execute(
            _REPLACE_SEARCH_TEXT,
            [row[0] for row in outdated],
            [row[1] for row in outdated],
            [row[2] for row in outdated],
            [row[3] for row in outdated],
        )
    done = len(rows) < _BACKFILL_BATCH
    after = position.next_pass() if done else position._replace(after_id=rows[-1].id)
    await backfills.save(database, _BACKFILL, VERSION, after)
    return True


async def schedule_refresh(database: Database, track_id: UUID) -> TrackRow | None:
    """Make a track due now; return None if it is due already or was fetched in the last hour."""
    return await database.row(_REFRESH, track_id)
