"""Searches and lists among fifty thousand tracks: each by its index, whatever the query, and never reading much."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from search_text import parse_query
from servicekit.database import Database as Pool
from servicekit.database import PoolOptions
from servicekit.sql import Params, Query, Row
from services.tracks.domain.search import START, Place, Stage, stages
from services.tracks.store import listing, search
from tests.postgres import Database, administrator
from tests.services.tracks.store import sample_tracks

_PAGE = 21
# Enough that PostgreSQL may settle for a plan that knows no values.
_TIMES = 7
_INDEXES = {
    (Stage.STARTING, True): "track_refs_search_text_id_idx",
    (Stage.STARTING, False): "track_refs_search_text_id_idx",
    (Stage.CONTAINING, True): "track_refs_search_text_idx",
    (Stage.CONTAINING, False): "track_refs_search_words_idx",
    (Stage.LIKE, True): "track_refs_search_text_idx",
}
_MOST_BUFFERS = {Stage.STARTING: 40, Stage.CONTAINING: search.CANDIDATES + 100, Stage.LIKE: 1_500}
_QUERIES = [
    # In very many texts, in some, in few, in none.
    *("th", "the", "love", "e", "ne", "a b", "love you", "the love is", "zz", "zzzzzz"),
    *("u2", "U2", "100%", "!!!", "%", "_", "\\", "flim", "hyperbalad bjork"),
    *("é", "лю", "мумий", "мумий троль", "米", "米津", "恋", "あい", "あいう", "방", "방탄", "حب", "حبل"),
]


class Watched(Pool):
    """The service's pool, which also tells what it was last asked."""

    asked: tuple[Query[Any, *tuple[Any, ...]], tuple[Any, ...]]

    async def rows(self, query: Query[Row, *Params], *args: *Params) -> list[Row]:
        """All rows of a query."""
        self.asked = (query, args)
        return await super().rows(query, *args)


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[Watched]:
    """A pool of the service's role on a filled table."""
    async with administrator(database.server, database.name) as admin:
        await sample_tracks.store(admin)
        # What autovacuum does by itself after so many inserts.
        await admin.execute("VACUUM ANALYZE tracks.track_refs")
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
    """A session of the same role, with PostgreSQL's own settings, that prepares statements by their names."""
    connection = await asyncpg.connect(database.app_dsn("tracks"), statement_cache_size=0)
    yield connection
    await connection.close()


async def explained(session: asyncpg.Connection, pool: Watched) -> dict[str, Any]:
    """The plan of what the pool was last asked, as it is run for the seventh time, with what it read."""
    query, values = pool.asked
    types = [each.name for each in (await session.prepare(query.text)).get_parameters()]
    text = re.sub(r"/\*.*?\*/", "", query.text)
    await session.execute(f"PREPARE watched({', '.join(types)}) AS {text}")
    literals = [await session.fetchval("SELECT quote_literal($1::text)", str(value)) for value in values]
    run = f"EXECUTE watched({', '.join(literals)})"
    try:
        for _ in range(_TIMES - 1):
            await session.execute(run)
        found = await session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {run}")
    finally:
        await session.execute("DEALLOCATE watched")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """The indexes that a plan goes by, and the tables that it reads from end to end."""
    if "Index Name" in plan:
        yield plan["Index Name"]
    elif plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for inner in plan.get("Plans", ()):
        yield from scans(inner)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("query", _QUERIES)
async def test_search_goes_by_its_index_and_reads_little(
    pool: Watched, session: asyncpg.Connection, query: str
) -> None:
    wanted = parse_query(query)
    shown = 0
    for place in stages(wanted, START):
        if shown >= _PAGE:
            break
        shown += len(await search.found(pool, wanted, place, _PAGE - shown))
        plan = await explained(session, pool)
        assert set(scans(plan)) == {_INDEXES[place.stage, wanted.has_trigrams]}, place.stage.name
        read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        assert read <= _MOST_BUFFERS[place.stage], place.stage.name


@pytest.mark.parametrize("query", ["the", "th", "love", "лю", "あい"])
async def test_later_pages_go_by_the_same_index(
    pool: Watched, session: asyncpg.Connection, query: str
) -> None:
    wanted = parse_query(query)
    for stage in (Stage.STARTING, Stage.CONTAINING):
        last = (await search.found(pool, wanted, Place(stage), _PAGE))[-1]
        place = Place(stage, last.search_text or "", last.likeness, last.id)
        await search.found(pool, wanted, place, _PAGE)
        plan = await explained(session, pool)
        assert set(scans(plan)) == {_INDEXES[stage, wanted.has_trigrams]}
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= _MOST_BUFFERS[stage]


@pytest.mark.parametrize(
    ("query", "title", "stage"),
    [
        ("ONE U2", "One", Stage.STARTING),
        ("u2 trib", "U2", Stage.STARTING),
        ("u2", "Best of U2", Stage.CONTAINING),
        ("U2", "One", Stage.CONTAINING),
        ("米津", "米津の歌", Stage.STARTING),
        ("米津玄", "Lemon", Stage.CONTAINING),
        ("米津", "Lemon", Stage.CONTAINING),
        ("тролль", "Мумий Тролль", Stage.CONTAINING),
        ("0% pure", "100% Pure", Stage.CONTAINING),
        ("hyperbalad bjork", "Hyperballad", Stage.LIKE),
        ("мумии троль", "Мумий Тролль", Stage.LIKE),
    ],
)
async def test_search_finds_the_needle(pool: Watched, query: str, title: str, stage: Stage) -> None:
    wanted = parse_query(query)
    for place in stages(wanted, START):
        rows = await search.found(pool, wanted, place, 100)
        assert (title in [row.title for row in rows]) == (place.stage is stage), place.stage.name


async def test_stages_find_no_track_twice(pool: Watched) -> None:
    for query in ("love you", "방탄", "лю", "a b", "u2"):
        wanted = parse_query(query)
        found = [
            row.id
            for place in stages(wanted, START)
            for row in await search.found(pool, wanted, place, search.CANDIDATES)
        ]
        assert len(found) == len(set(found)) > 0, query


async def test_literal_wildcards_find_only_themselves(pool: Watched) -> None:
    for query in ("%", "_", "\\", "100%", "1_0"):
        wanted = parse_query(query)
        for place in stages(wanted, START):
            if place.stage is not Stage.LIKE:
                rows = await search.found(pool, wanted, place, 100)
                assert all(wanted.text in (row.search_text or "") for row in rows), query


@pytest.mark.parametrize(
    ("provider", "state"),
    [(None, None), ("youtube", None), (None, "COMPLETE"), ("youtube", "COMPLETE"), ("tidal", "FAILED")],
)
async def test_lists_go_by_an_index_and_read_a_page(
    pool: Watched, session: asyncpg.Connection, provider: str | None, state: str | None
) -> None:
    for before in (listing.NEWEST, (await listing.page(pool, None, None, listing.NEWEST, _PAGE))[-1].id):
        await listing.page(pool, provider, state, before, _PAGE)
        plan = await explained(session, pool)
        assert "track_refs" not in set(scans(plan))
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 4 * _PAGE
