"""Query plans among fifty thousand tracks: index scans that read few rows, for every query."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from search_text import parse_query
from search_text.tiers import START, Cursor, MatchTier
from servicekit.database import PoolOptions
from services.tracks.domain.search import tiers
from services.tracks.store import search, tracks
from tests.postgres import Database, administrator
from tests.services.tracks.store import sample_tracks
from tests.support.search_plans import Watched, buffers, explained, scans

_PAGE = 21
_INDEXES = {
    (MatchTier.PREFIX, True): "track_refs_listed_search_text_id_idx",
    (MatchTier.PREFIX, False): "track_refs_listed_search_text_id_idx",
    (MatchTier.SUBSTRING, True): "track_refs_listed_search_text_idx",
    (MatchTier.SUBSTRING, False): "track_refs_listed_search_parts_idx",
    (MatchTier.FUZZY, True): "track_refs_listed_search_text_idx",
}
# Of the searching user's own tracks.
_OWN_INDEXES = {"track_resolvers_pkey", "track_refs_pkey"}
_STRANGER, _RESOLVER = UUID(int=1), UUID(int=2)
"""Who resolved nothing, and who resolved two thousand tracks that are not listed."""
_OWN_BUFFERS = {_STRANGER: 4, _RESOLVER: 5 * search.MAX_OWN}
_MOST_BUFFERS = {
    MatchTier.PREFIX: 40,
    MatchTier.SUBSTRING: search.MAX_CANDIDATES + 100,
    MatchTier.FUZZY: 1_500,
}
_QUERIES = [
    # Frequent, common, rare and absent words.
    *("th", "the", "love", "e", "ne", "a b", "love you", "the love is", "zz", "zzzzzz"),
    *("u2", "U2", "100%", "!!!", "%", "_", "\\", "flim", "hyperbalad bjork"),
    *(
        "é",
        "лю",
        "мумий",
        "мумий троль",
        "米",
        "米津",
        "津玄",
        "米 師",
        "恋",
        "あい",
        "あいう",
        "방",
        "방탄",
        "حب",
        "حبل",
    ),
]


_RESOLVE = """
    INSERT INTO tracks.track_resolvers (user_id, track_id)
    SELECT $1, id FROM tracks.track_refs WHERE listed_at IS NULL ORDER BY id DESC LIMIT 2000
"""


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[Watched]:
    """A pool of the service's role on a filled table."""
    async with administrator(database.server, database.name) as admin:
        await sample_tracks.store(admin)
        # The rest is what autovacuum would do after the inserts.
        await admin.execute(_RESOLVE, _RESOLVER)
        await admin.execute("VACUUM ANALYZE tracks.track_refs, tracks.track_resolvers")
        pages = await admin.fetchval(
            "SELECT relpages FROM pg_class WHERE oid = 'tracks.track_refs'::regclass"
        )
    assert pages > max(_MOST_BUFFERS.values()), "reading all of the table would not be noticed"
    opened = Watched(database.app_dsn("tracks"), PoolOptions("test", min_size=1))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def session(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A session of the same role with PostgreSQL's default settings."""
    connection = await asyncpg.connect(database.app_dsn("tracks"), statement_cache_size=0)
    yield connection
    await connection.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("user_id", _OWN_BUFFERS, ids=["stranger", "resolver"])
@pytest.mark.parametrize("query", _QUERIES)
async def test_search_uses_its_index_and_reads_few_rows(
    pool: Watched, session: asyncpg.Connection, query: str, user_id: UUID
) -> None:
    wanted = parse_query(query)
    shown = 0
    for cursor in tiers(wanted, START):
        if shown >= _PAGE:
            break
        shown += len(await search.find_matches(pool, user_id, wanted, cursor, _PAGE - shown))
        plan = await explained(session, pool)
        index = _INDEXES[cursor.tier, wanted.has_trigrams]
        assert set(scans(plan)) == {index, *_OWN_INDEXES}, cursor.tier.name
        read = buffers(plan)
        assert read <= _MOST_BUFFERS[cursor.tier] + _OWN_BUFFERS[user_id], cursor.tier.name


@pytest.mark.parametrize("query", ["the", "th", "love", "лю", "あい"])
async def test_later_pages_use_the_same_index(pool: Watched, session: asyncpg.Connection, query: str) -> None:
    wanted = parse_query(query)
    for tier in (MatchTier.PREFIX, MatchTier.SUBSTRING):
        last = (await search.find_matches(pool, _STRANGER, wanted, Cursor(tier), _PAGE))[-1]
        cursor = Cursor(tier, last.search_text or "", last.similarity, last.id)
        await search.find_matches(pool, _STRANGER, wanted, cursor, _PAGE)
        plan = await explained(session, pool)
        assert set(scans(plan)) == {_INDEXES[tier, wanted.has_trigrams], *_OWN_INDEXES}
        read = buffers(plan)
        assert read <= _MOST_BUFFERS[tier] + _OWN_BUFFERS[_STRANGER]


@pytest.mark.parametrize(
    ("query", "title", "tier"),
    [
        ("ONE U2", "One", MatchTier.PREFIX),
        ("u2 trib", "U2", MatchTier.PREFIX),
        ("u2", "Best of U2", MatchTier.SUBSTRING),
        ("U2", "One", MatchTier.SUBSTRING),
        ("米津", "米津の歌", MatchTier.PREFIX),
        ("米津玄", "Lemon", MatchTier.SUBSTRING),
        ("米津", "Lemon", MatchTier.SUBSTRING),
        ("津玄", "Lemon", MatchTier.SUBSTRING),
        ("玄師", "Lemon", MatchTier.SUBSTRING),
        ("師", "Lemon", MatchTier.SUBSTRING),
        ("の", "米津の歌", MatchTier.SUBSTRING),
        ("тролль", "Мумий Тролль", MatchTier.SUBSTRING),
        ("0% pure", "100% Pure", MatchTier.SUBSTRING),
        ("hyperbalad bjork", "Hyperballad", MatchTier.FUZZY),
        ("мумии троль", "Мумий Тролль", MatchTier.FUZZY),
    ],
)
async def test_search_finds_the_query(pool: Watched, query: str, title: str, tier: MatchTier) -> None:
    wanted = parse_query(query)
    for cursor in tiers(wanted, START):
        rows = await search.find_matches(pool, _STRANGER, wanted, cursor, 100)
        assert (title in [row.title for row in rows]) == (cursor.tier is tier), cursor.tier.name


@pytest.mark.parametrize("query", ["love you", "방탄", "лю", "the", "night"])
async def test_only_its_resolver_finds_a_track_that_is_not_listed(
    pool: Watched, session: asyncpg.Connection, query: str
) -> None:
    wanted = parse_query(query)
    found: dict[UUID, set[UUID]] = {}
    for user_id in (_STRANGER, _RESOLVER):
        pages = [
            await search.find_matches(pool, user_id, wanted, cursor, search.MAX_CANDIDATES)
            for cursor in tiers(wanted, START)
        ]
        found[user_id] = {row.id for page in pages for row in page}
        assert len(found[user_id]) == sum(map(len, pages))
    listed = "SELECT id FROM tracks.track_refs WHERE listed_at IS NOT NULL AND id = ANY ($1)"
    newest = "SELECT id FROM tracks.track_refs WHERE listed_at IS NULL ORDER BY id DESC LIMIT $1"
    assert {row["id"] for row in await session.fetch(listed, found[_STRANGER])} == found[_STRANGER]
    own = found[_RESOLVER] - found[_STRANGER]
    assert own
    assert own <= {row["id"] for row in await session.fetch(newest, search.MAX_OWN)}


async def test_tiers_find_no_track_twice(pool: Watched) -> None:
    for query in ("love you", "방탄", "лю", "a b", "u2"):
        wanted = parse_query(query)
        found = [
            row.id
            for cursor in tiers(wanted, START)
            for row in await search.find_matches(pool, _STRANGER, wanted, cursor, search.MAX_CANDIDATES)
        ]
        assert len(found) == len(set(found)) > 0, query


async def test_literal_wildcards_find_only_themselves(pool: Watched) -> None:
    for query in ("%", "_", "\\", "100%", "1_0"):
        wanted = parse_query(query)
        for cursor in tiers(wanted, START):
            if cursor.tier is not MatchTier.FUZZY:
                rows = await search.find_matches(pool, _STRANGER, wanted, cursor, 100)
                assert all(wanted.text in (row.search_text or "") for row in rows), query


@pytest.mark.parametrize(
    ("provider", "state"),
    [(None, None), ("youtube", None), (None, "COMPLETE"), ("youtube", "COMPLETE"), ("tidal", "FAILED")],
)
async def test_lists_use_an_index_and_read_one_page(
    pool: Watched, session: asyncpg.Connection, provider: str | None, state: str | None
) -> None:
    for before in (tracks.MAX_ID, (await tracks.list_page(pool, None, None, tracks.MAX_ID, _PAGE))[-1].id):
        await tracks.list_page(pool, provider, state, before, _PAGE)
        plan = await explained(session, pool)
        assert "track_refs" not in set(scans(plan))
        assert buffers(plan) <= 4 * _PAGE
