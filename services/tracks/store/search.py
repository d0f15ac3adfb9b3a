"""Statements that search tracks, one per match tier.

Each uses its own index for every query and reads a bounded number of rows. Matches that need a sort are limited
before it: a common syllable matches a large part of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from search_text import SearchQuery
from search_text.tiers import MatchTier, prefix_upper_bound
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.tracks.domain.search import Cursor
from services.tracks.store.tracks import COLUMNS, OF_TRACK, TrackRow

MAX_CANDIDATES = 1_000
"""Matches that are read before a sort."""


class MatchRow(NamedTuple):
    """A matching track with the sort key of its cursor."""

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
    search_text: str | None
    similarity: int

    @property
    def track(self) -> TrackRow:
        """The track without its sort key."""
        return TrackRow(**{name: getattr(self, name) for name in TrackRow._fields})


# A range of texts in the order of bytes: the index returns exactly these rows in their final order. The prefix
# itself sorts before all of them, so the first page uses the same statement.
_PREFIX = Query[MatchRow, str, str, UUID, int](
    "tracks.search_prefix",
    f"""
    SELECT {COLUMNS}, search_text, 0 AS similarity FROM tracks.track_refs
    WHERE (search_text, id) > ($2, $3) AND search_text >= $2 AND search_text < $1
    ORDER BY search_text, id LIMIT $4
    """,
)

# The CTE is read lazily up to the limit, but planned as if all rows were needed. With the limit inside it the
# planner prefers a sequential scan, expecting enough matches early.
_SUBSTRING = Query[MatchRow, str, str, str, UUID, int](
    "tracks.search_substring",
    f"""
    WITH matching AS MATERIALIZED (
        SELECT * FROM tracks.track_refs WHERE search_text LIKE $1 AND search_text NOT LIKE $2
    )
    SELECT {OF_TRACK}, t.search_text, 0 AS similarity
    FROM (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) t
    WHERE (t.search_text, t.id) > ($3, $4)
    ORDER BY t.search_text, t.id LIMIT $5
    """,
)

# The tsquery finds candidates, strpos checks the text, as a tsquery ignores punctuation. Not LIKE: for a pattern
# without trigrams the planner would scan the whole trigram index.
_WORDS = Query[MatchRow, str, str, str, UUID, int, str](
    "tracks.search_words",
    f"""
    WITH matching AS MATERIALIZED (
        SELECT * FROM tracks.track_refs
        WHERE to_tsvector('simple', search_text) @@ $6::text::tsquery
            AND strpos(search_text, $1) > 0 AND search_text NOT LIKE $2
    )
    SELECT {OF_TRACK}, t.search_text, 0 AS similarity
    FROM (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) t
    WHERE (t.search_text, t.id) > ($3, $4)
    ORDER BY t.search_text, t.id LIMIT $5
    """,
)

# The operator's threshold is pg_trgm's default, 0.6 of the query's trigrams.
_FUZZY = Query[MatchRow, str, str, int, UUID, int](
    "tracks.search_fuzzy",
    f"""
    WITH matching AS MATERIALIZED (
        SELECT *, (extensions.word_similarity($1, search_text) * 1000000)::int AS similarity
        FROM tracks.track_refs
        WHERE search_text OPERATOR(extensions.%>) $1 AND search_text NOT LIKE $2
    )
    SELECT {OF_TRACK}, t.search_text, t.similarity
    FROM (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) t
    WHERE t.similarity < $3 OR t.similarity = $3 AND t.id > $4
    ORDER BY t.similarity DESC, t.id LIMIT $5
    """,
)


async def find_matches(
    database: Database, query: SearchQuery, cursor: Cursor, count: int
) -> Sequence[MatchRow]:
    """Return up to `count` tracks of the cursor's tier after it. No track matches in two tiers."""
    if cursor.tier is MatchTier.PREFIX:
        return await database.rows(
            _PREFIX, prefix_upper_bound(query.text), cursor.text or query.text, cursor.id, count
        )
    if cursor.tier is MatchTier.FUZZY:
        return await database.rows(
            _FUZZY, query.text, query.substring_pattern, cursor.similarity, cursor.id, count
        )
    after = (cursor.text, cursor.id)
    if query.has_trigrams:
        return await database.rows(_SUBSTRING, query.substring_pattern, query.prefix_pattern, *after, count)
    return await database.rows(_WORDS, query.text, query.prefix_pattern, *after, count, query.tsquery)
