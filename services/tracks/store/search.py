"""Statements that search tracks, one per match tier.

Each uses its own index for every query and reads a bounded number of rows. Matches that need a sort are limited
before it: a common syllable matches a large part of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from search_text import SearchQuery
from search_text.tiers import Cursor, MatchTier, prefix_upper_bound, words_tsvector
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.tracks.store.tracks import OF_TRACK, TrackRow

MAX_CANDIDATES = 1_000
"""Matches that are read before a sort."""
MAX_OWN = 500
"""How many of the tracks that its user resolved a search considers, the newest first."""


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


# What the searching user resolved and is not listed. LATERAL with OFFSET 0 makes the planner look up each track by its
# id instead of reading the whole table.
_OWN = f"""
    own AS MATERIALIZED (
        SELECT t.* FROM (
            SELECT track_id FROM tracks.track_resolvers
            WHERE user_id = $1 ORDER BY track_id DESC LIMIT {MAX_OWN}
        ) r CROSS JOIN LATERAL (
            SELECT * FROM tracks.track_refs WHERE id = r.track_id AND listed_at IS NULL OFFSET 0
        ) t
    )"""

# A range of texts in the order of bytes: the index returns exactly these rows in their final order. The prefix
# itself sorts before all of them, so the first page uses the same statement.
_IN_RANGE = "(search_text, id) > ($3, $4) AND search_text >= $3 AND search_text < $2"
_PREFIX = Query[MatchRow, UUID, str, str, UUID, int](
    "tracks.search_prefix",
    f"""
    WITH {_OWN}, listed AS MATERIALIZED (
        SELECT * FROM tracks.track_refs WHERE listed_at IS NOT NULL AND {_IN_RANGE}
        ORDER BY search_text, id LIMIT $5
    )
    SELECT {OF_TRACK}, t.search_text, 0 AS similarity
    FROM (SELECT * FROM listed UNION ALL SELECT * FROM own WHERE {_IN_RANGE}) t
    ORDER BY t.search_text, t.id LIMIT $5
    """,
)

# The CTE is read lazily up to the limit, but planned as if all rows were needed. With the limit inside it the
# planner prefers a sequential scan, expecting enough matches early.
_CONTAINS = "search_text LIKE $2 AND search_text NOT LIKE $3"
_SUBSTRING = Query[MatchRow, UUID, str, str, str, UUID, int](
    "tracks.search_substring",
    f"""
    WITH {_OWN}, matching AS MATERIALIZED (
        SELECT * FROM tracks.track_refs WHERE listed_at IS NOT NULL AND {_CONTAINS}
    )
    SELECT {OF_TRACK}, t.search_text, 0 AS similarity
    FROM (
        (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) UNION ALL SELECT * FROM own WHERE {_CONTAINS}
    ) t
    WHERE (t.search_text, t.id) > ($4, $5)
    ORDER BY t.search_text, t.id LIMIT $6
    """,
)

# The tsquery finds candidates, strpos checks the text, as a tsquery ignores punctuation. Not LIKE: for a pattern
# without trigrams the planner would scan the whole trigram index.
_HAS_WORDS = f"""{words_tsvector("search_text")} @@ $7::text::tsquery
            AND strpos(search_text, $2) > 0 AND search_text NOT LIKE $3"""
_WORDS = Query[MatchRow, UUID, str, str, str, UUID, int, str](
    "tracks.search_words",
    f"""
    WITH {_OWN}, matching AS MATERIALIZED (
        SELECT * FROM tracks.track_refs WHERE listed_at IS NOT NULL AND {_HAS_WORDS}
    )
    SELECT {OF_TRACK}, t.search_text, 0 AS similarity
    FROM (
        (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) UNION ALL SELECT * FROM own WHERE {_HAS_WORDS}
    ) t
    WHERE (t.search_text, t.id) > ($4, $5)
    ORDER BY t.search_text, t.id LIMIT $6
    """,
)

# The operator's threshold is pg_trgm's default, 0.6 of the query's trigrams.
_IS_SIMILAR = "search_text OPERATOR(extensions.%>) $2 AND search_text NOT LIKE $3"
_FUZZY = Query[MatchRow, UUID, str, str, int, UUID, int](
    "tracks.search_fuzzy",
    f"""
    WITH {_OWN}, matching AS MATERIALIZED (
        SELECT * FROM tracks.track_refs WHERE listed_at IS NOT NULL AND {_IS_SIMILAR}
    ), found AS MATERIALIZED (
        SELECT *, (extensions.word_similarity($2, search_text) * 1000000)::int AS similarity
        FROM (
            (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) UNION ALL SELECT * FROM own WHERE {_IS_SIMILAR}
        ) each
    )
    SELECT {OF_TRACK}, t.search_text, t.similarity FROM found t
    WHERE t.similarity < $4 OR t.similarity = $4 AND t.id > $5
    ORDER BY t.similarity DESC, t.id LIMIT $6
    """,
)


async def find_matches(
    database: Database, user_id: UUID, query: SearchQuery, cursor: Cursor, count: int
) -> Sequence[MatchRow]:
    """Return up to `count` tracks of the cursor's tier after it that are listed or that the user resolved.

    No track matches in two tiers.
    """
    if cursor.tier is MatchTier.PREFIX:
        return await database.rows(
            _PREFIX, user_id, prefix_upper_bound(query.text), cursor.text or query.text, cursor.id, count
        )
    if cursor.tier is MatchTier.FUZZY:
        return await database.rows(
            _FUZZY, user_id, query.text, query.substring_pattern, cursor.similarity, cursor.id, count
        )
    after = (cursor.text, cursor.id)
    if query.has_trigrams:
        patterns = (query.substring_pattern, query.prefix_pattern)
        return await database.rows(_SUBSTRING, user_id, *patterns, *after, count)
    return await database.rows(
        _WORDS, user_id, query.text, query.prefix_pattern, *after, count, query.tsquery
    )
