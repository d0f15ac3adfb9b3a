"""Query plans of searches among fifty thousand artists: every tier by its index, and only if it is needed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from search_text import normalize_text, parse_query
from search_text.tiers import START, Cursor, MatchTier
from servicekit.database import PoolOptions
from servicekit.ids import new_id
from services.users.domain.name_skeleton import name_skeleton
from services.users.store import artist_search, artists
from services.users.store.artist_search import MatchRow
from tests.postgres import Database, administrator
from tests.services.tracks.store import sample_tracks
from tests.support.search_plans import Watched, buffers, explained, nodes, scans

_PAGE = 21
_KNOWN = ("U2", "Best of U2", "Rihanna", "Beyoncé", "米津玄師", "Мумий Тролль", "100% Pure")
_QUERIES = [
    # Frequent, common, rare and absent words.
    *("th", "the", "love", "e", "ne", "a b", "love you", "the love is", "zz", "zzzzzz"),
    *("u2", "U2", "100%", "!!!", "%", "_", "\\", "flim", "rihenna", "rihnana", "nightlovetime", "lovenight"),
    *("one love in the night", "newdaylight"),
    *(
        "é",
        "лю",
        "мумий",
        "мумий троль",
        "米",
        "米津",
        "津玄",
        "恋",
        "あい",
        "あいう",
        "방",
        "방탄",
        "حب",
        "حبل",
    ),
]
_MOST_BUFFERS = {
    MatchTier.PREFIX: 5 * _PAGE,
    MatchTier.SUBSTRING: artist_search.MAX_CANDIDATES + 700,
    MatchTier.FUZZY: 2 * artist_search.MAX_CANDIDATES + 700,
}


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[Watched]:
    """A pool of the service's role on fifty thousand profiles, of which half are verified."""
    chance, now = random.Random(1), datetime.now(UTC)
    names = [title for title, _ in sample_tracks.names()] + list(_KNOWN)
    rows = [
        (
            new_id(),
            new_id(),
            name,
            normalize_text(name),
            name_skeleton(name),
            "b" * chance.choice((0, 200, 1500)),
            number % 2 == 0 or name in _KNOWN,
            now if number % 2 == 0 or name in _KNOWN else None,
        )
        for number, name in enumerate(names)
    ]
    async with administrator(database.server, database.name) as admin:
        await admin.copy_records_to_table(
            "users",
            schema_name="users",
            records=[(row[1], f"{row[1]}@example.com", f"{row[1]}", "") for row in rows],
            columns=["id", "email", "supabase_id", "display_name"],
        )
        await admin.copy_records_to_table(
            "artist_profiles",
            schema_name="users",
            records=rows,
            columns=[
                "id",
                "user_id",
                "artist_name",
                "search_name",
                "name_skeleton",
                "bio",
                "verified",
                "verified_at",
            ],
        )
        # As autovacuum does after the inserts.
        await admin.execute("VACUUM ANALYZE users.artist_profiles")
        pages = await admin.fetchval(
            "SELECT relpages FROM pg_class WHERE oid = 'users.artist_profiles'::regclass"
        )
    assert pages > max(_MOST_BUFFERS.values()), "reading all of the table would not be noticed"
    opened = Watched(database.app_dsn("users"), PoolOptions("test", min_size=1))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def session(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A session of the same role with PostgreSQL's default settings."""
    connection = await asyncpg.connect(database.app_dsn("users"), statement_cache_size=0)
    yield connection
    await connection.close()


async def search(
    pool: Watched, query: str, cursor: Cursor = START, count: int = _PAGE, *, include_unverified: bool = False
) -> list[MatchRow]:
    return await artist_search.find_matches(
        pool, parse_query(query), cursor, count, include_unverified=include_unverified
    )


def allowed_indexes(query: str, *, include_unverified: bool) -> dict[str, MatchTier]:
    """The indexes of a search, and the tier that each is for."""
    listed = "artist_profiles_" if include_unverified else "artist_profiles_verified_"
    matching = "search_name_idx" if parse_query(query).has_trigrams else "search_words_idx"
    return {
        "artist_profiles_pkey": MatchTier.PREFIX,
        f"{listed}search_name_id_idx": MatchTier.PREFIX,
        f"{listed}{matching}": MatchTier.SUBSTRING,
    }


@pytest.mark.timeout(180)
@pytest.mark.parametrize("include_unverified", [False, True], ids=["verified", "all"])
@pytest.mark.parametrize("query", _QUERIES)
async def test_search_uses_its_indexes_and_reads_few_rows(
    pool: Watched, session: asyncpg.Connection, query: str, include_unverified: bool
) -> None:
    rows = await search(pool, query, include_unverified=include_unverified)
    # A page that is not full has looked for matches in the last tier.
    last = MatchTier.FUZZY if len(rows) < _PAGE else MatchTier(rows[-1].tier)
    plan = await explained(session, pool)
    allowed = allowed_indexes(query, include_unverified=include_unverified)
    assert set(scans(plan)) == set(allowed)
    used = {each["Index Name"] for each in nodes(plan) if "Index Name" in each and each["Actual Loops"]}
    assert all(allowed[index] <= last for index in used)
    assert buffers(plan) <= _MOST_BUFFERS[last]


@pytest.mark.parametrize("query", ["the", "th", "love", "лю", "あい"])
async def test_later_pages_use_the_same_indexes(
    pool: Watched, session: asyncpg.Connection, query: str
) -> None:
    tiers = {row.tier: row for row in await search(pool, query, count=artist_search.MAX_CANDIDATES)}
    assert {MatchTier.PREFIX, MatchTier.SUBSTRING} & tiers.keys()
    for tier, row in tiers.items():
        cursor = Cursor(MatchTier(tier), row.search_name, row.similarity, row.artist.id)
        assert all(each.tier >= tier for each in await search(pool, query, cursor))
        plan = await explained(session, pool)
        assert set(scans(plan)) == set(allowed_indexes(query, include_unverified=False))
        assert buffers(plan) <= _MOST_BUFFERS[MatchTier.SUBSTRING]


async def test_statements_keep_the_generic_plan(pool: Watched, session: asyncpg.Connection) -> None:
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = $1"
    for query in ("love", "the love is", "zzzzzz", "th", "zz"):
        await search(pool, query)
        statement, values = pool.asked
        prepared = await session.prepare(statement.text, name=query)
        for _ in range(12):
            await prepared.fetch(*values)
        assert [tuple(row) for row in await session.fetch(plans, query)] == [(7, 5)]


@pytest.mark.parametrize("query", ["love you", "방탄", "лю", "a b", "u2", "nightlovetime"])
async def test_tiers_find_no_profile_twice(pool: Watched, query: str) -> None:
    for include_unverified in (False, True):
        rows = await search(
            pool, query, count=3 * artist_search.MAX_CANDIDATES, include_unverified=include_unverified
        )
        assert len(rows) == len({row.artist.id for row in rows}) > 0
        assert [row.tier for row in rows] == sorted(row.tier for row in rows)


@pytest.mark.parametrize(
    "typo", ["rihenna", "rihnana", "riahnna", "rihana", "rxhanna", "Rihannab", "beyonze"]
)
async def test_a_typo_finds_the_name_among_all(pool: Watched, typo: str) -> None:
    (first, *_) = await search(pool, typo)
    assert first.artist.artist_name in {"Rihanna", "Beyoncé"}
    assert first.tier == MatchTier.FUZZY


@pytest.mark.serial
@pytest.mark.parametrize(
    "query", ["love", "th", "love you", "lovenight", "u2", "米津", "лю", "rihenna", "zzzzzz"]
)
async def test_a_first_page_takes_less_than_five_milliseconds(
    pool: Watched, session: asyncpg.Connection, query: str
) -> None:
    await search(pool, query)
    assert min([(await explained(session, pool))["Actual Total Time"] for _ in range(5)]) < 5


async def test_lookalikes_of_verified_names_are_found(pool: Watched) -> None:
    async with pool.session() as session:
        for name, original in (
            ("R\u0456hanna", "Rihanna"),
            ("Beyonce", "Beyoncé"),
            ("Веуоnсе", "Beyoncé"),  # noqa: RUF001 - mostly Cyrillic
            ("МУМИЙ ТРОЛЛЬ", "Мумий Тролль"),
        ):
            found = await artists.find_lookalike(session, new_id(), name)
            assert found is not None
            assert found.artist_name == original
            assert await artists.find_lookalike(session, found.id, name) is None
        assert await artists.find_lookalike(session, new_id(), "Rihanne") is None


async def test_lookalikes_of_other_names_are_none(pool: Watched, session: asyncpg.Connection) -> None:
    unverified = await session.fetchval(
        "SELECT artist_name FROM users.artist_profiles a WHERE NOT verified AND NOT EXISTS"
        " (SELECT FROM users.artist_profiles b WHERE verified AND b.name_skeleton = a.name_skeleton) LIMIT 1"
    )
    async with pool.session() as opened:
        assert await artists.find_lookalike(opened, new_id(), unverified) is None


async def test_finding_a_lookalike_reads_two_indexes(session: asyncpg.Connection) -> None:
    text = artists._FIND_LOOKALIKE.text
    found = await session.fetch(
        f"EXPLAIN {text.replace('$1', 'gen_random_uuid()').replace('$2', repr('a')).replace('$3', repr('b'))}"
    )
    plan = "\n".join(row[0] for row in found)
    assert "artist_profiles_verified_name_skeleton_idx" in plan
    assert "Seq Scan" not in plan
