"""The statements that search artist profiles by name: all match tiers in one round trip.

The tiers are branches of a UNION ALL. PostgreSQL reads them in turn until the page is full: a tier costs nothing when
the ones before it fill the page. Each branch uses an index of its own and reads a bounded number of rows.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from search_text import SearchQuery, parse_query
from search_text.tiers import Cursor, prefix_upper_bound, words_tsvector
from servicekit.database import Database
from servicekit.sql import Query
from services.users.store.artists import ARTIST_COLUMNS, ArtistRow

MAX_CANDIDATES = 1_000
"""Matches of a tier that are read before a sort."""
# Of frequent endings, such as "light".
_MAX_ENDINGS = 250
_MIN_LENGTH = 6


class MatchRow(NamedTuple):
    """A matching profile with its tier and its sort key."""

    artist: ArtistRow
    search_name: str
    tier: int
    similarity: int


# $1: the query's text, $2: the upper bound of the names that begin with it, $3: a row limit, $4 to $6 and $8: the cursor,
# $7: a pattern or a tsquery. Sub-selects hide parameters from the planner: with their values each plan would look cheaper
# than the generic one, and PostgreSQL would plan at every call.
_TEXT, _LIMIT = "(SELECT $1::text)", "LIMIT (SELECT $3::int)"
# A range of names in byte order: the index returns exactly these rows in their final order, exact matches first.
_PREFIX = f"""
    SELECT id, search_name, 0 AS tier, 0 AS similarity FROM users.artist_profiles
    WHERE {{listed}} AND $4 = 0 AND search_name >= {_TEXT} AND search_name < (SELECT $2::text)
        AND (search_name, id) > ((SELECT coalesce(nullif($5::text, ''), $1)), (SELECT $6::uuid))
    ORDER BY search_name, id {_LIMIT}
"""
# A sort needs all matches, and a common syllable matches a large part of the table: they are limited before it. The CTE
# is read up to the limit but planned as if all rows were needed; with the limit inside, the planner prefers to scan the
# table from its start.
_SUBSTRING = f"""
    SELECT id, search_name, 1, 0 FROM (SELECT * FROM matching LIMIT {MAX_CANDIDATES}) candidate
    WHERE $4 <= 1 AND ($4 = 0 OR (search_name, id) > ($5, $6))
    ORDER BY search_name, id {_LIMIT}
"""
_MATCHING = f"""
    matching AS MATERIALIZED (
        SELECT id, search_name FROM users.artist_profiles
        WHERE {{listed}} AND NOT starts_with(search_name, {_TEXT}) AND {{contains}}
    )
"""
# FUZZY is searched only for a first page that the other tiers leave room in, and for its own later pages. It has the names
# with a part like the query, by pg_trgm's default threshold of 0.6; and the whole names that a typing error separates from
# it: such a name begins or ends as the query does, is about as long, and has three tenths of the trigrams in common.
_FUZZY = f"""
    SELECT id, search_name, 2, similarity FROM (
        SELECT *, (extensions.word_similarity({_TEXT}, search_name) * 1000000)::int AS similarity
        FROM (
            (SELECT * FROM alike LIMIT {MAX_CANDIDATES})
            UNION
            SELECT * FROM (
                (
                    SELECT id, search_name FROM users.artist_profiles
                    WHERE {{listed}} AND $9 <> '' AND search_name >= (SELECT $9::text) AND search_name < (SELECT $10::text)
                    ORDER BY search_name, id LIMIT {MAX_CANDIDATES}
                )
                UNION ALL
                (SELECT * FROM ending_alike WHERE $9 <> '' LIMIT {_MAX_ENDINGS})
            ) candidate
            WHERE abs(char_length(search_name) - char_length($1)) <= 2
                AND extensions.similarity(search_name, {_TEXT}) >= 0.3
        ) candidate
        WHERE strpos(search_name, {_TEXT}) = 0
    ) measured
    WHERE ($4 = 2 OR $4 = 0 AND $5 = '')
        AND (similarity < $8 OR similarity = $8 AND (search_name, id) > ($5, $6))
    ORDER BY similarity DESC, search_name, id {_LIMIT}
"""
_ALIKE = f"""
    alike AS MATERIALIZED (
        SELECT id, search_name FROM users.artist_profiles
        WHERE {{listed}} AND search_name OPERATOR(extensions.%>) {_TEXT}
    ), ending_alike AS MATERIALIZED (
        SELECT id, search_name FROM users.artist_profiles WHERE {{listed}} AND search_name LIKE (SELECT $11::text)
    )
"""
# Without three letters in a row the trigram index would be scanned completely. The tsquery ignores punctuation, so the
# text is compared as well; not with LIKE, for which the planner would choose the trigram index after all.
_HAS_PATTERN = "search_name LIKE (SELECT $7::text)"
_HAS_WORDS = (
    f"""{words_tsvector("search_name")} @@ (SELECT $7::text)::tsquery AND strpos(search_name, {_TEXT}) > 0"""
)


def _search(listed: str, contains: str, *, fuzzy: bool) -> str:
    """Return the statement for the profiles of the condition `listed`.

    The page is joined last, row by row: biographies stay out of the sorts, and LATERAL with OFFSET 0 keeps the order.
    """
    ctes = [_MATCHING, _ALIKE] if fuzzy else [_MATCHING]
    tiers = [_PREFIX, _SUBSTRING, _FUZZY] if fuzzy else [_PREFIX, _SUBSTRING]
    text = f"""
    WITH {",".join(ctes)}
    SELECT {ARTIST_COLUMNS}, page.search_name, page.tier, page.similarity
    FROM ({" UNION ALL ".join(f"({tier})" for tier in tiers)} {_LIMIT}) page
    CROSS JOIN LATERAL (SELECT * FROM users.artist_profiles WHERE id = page.id OFFSET 0) a
    """
    return text.format(listed=listed, contains=contains)


_Trigrams = Query[MatchRow, str, str, int, int, str, UUID, str, int, str, str, str]
_Words = Query[MatchRow, str, str, int, int, str, UUID, str]
_BY_TRIGRAMS = _Trigrams("users.search_artists", _search("verified", _HAS_PATTERN, fuzzy=True))
_ALL_BY_TRIGRAMS = _Trigrams("users.search_all_artists", _search("true", _HAS_PATTERN, fuzzy=True))
_BY_WORDS = _Words("users.search_artists_words", _search("verified", _HAS_WORDS, fuzzy=False))
_ALL_BY_WORDS = _Words("users.search_all_artists_words", _search("true", _HAS_WORDS, fuzzy=False))


async def find_matches(
    database: Database, query: SearchQuery, cursor: Cursor, count: int, *, include_unverified: bool
) -> list[MatchRow]:
    """Return up to `count` profiles after the cursor, the best match first; no profile is in two tiers."""
    end = prefix_upper_bound(query.text)
    position = (cursor.tier, cursor.text, cursor.id)
    if query.has_trigrams:
        trigrams = _ALL_BY_TRIGRAMS if include_unverified else _BY_TRIGRAMS
        return await database.rows(
            trigrams,
            query.text,
            end,
            count,
            *position,
            query.substring_pattern,
            cursor.similarity,
            *_halves(query.text),
        )
    words = _ALL_BY_WORDS if include_unverified else _BY_WORDS
    return await database.rows(words, query.text, end, count, *position, query.tsquery)


def _halves(text: str) -> tuple[str, str, str]:
    """Return what a name begins or ends with that a typing error separates from the text: $9 to $11.

    The error is in one half or between them. Of shorter texts the halves would be too frequent.
    """
    if len(text) < _MIN_LENGTH:
        return "", "", ""
    length = max(_MIN_LENGTH // 2, (len(text) - 1) // 2)
    head = text[:length]
    return head, prefix_upper_bound(head), parse_query(text[-length:]).substring_pattern.removesuffix("%")
