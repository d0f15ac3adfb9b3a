"""Claims and leases of the enrichment queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from servicekit.database import Database as Pool
from servicekit.database import PoolOptions
from servicekit.ids import new_id
from services.tracks.domain.enrichment import NextAttempt
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.store import enrichment
from tests.postgres import Database

_TAKEN = "SELECT count(*) FROM tracks.track_refs WHERE attempts = 1"


@pytest.fixture
async def pool(database: Database, admin: asyncpg.Connection) -> AsyncIterator[Pool]:
    """A pool of the service's role on empty tables."""
    await admin.execute("DELETE FROM tracks.track_refs")
    opened = Pool(database.app_dsn("tracks"), PoolOptions("test"))
    await opened.open()
    yield opened
    await opened.close()


async def add(admin: asyncpg.Connection, provider: str, count: int, due: str = "now()") -> None:
    """Insert due tracks of a provider, one second apart."""
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, next_attempt_at)"
        " SELECT gen_random_uuid(), $1, n::text, 'https://' || $1 || '.example/' || n,"
        f" {due} - interval '1 second' * ($2 - n) FROM generate_series(1, $2::int) AS n",
        provider,
        count,
    )


async def test_claim_due_limits_each_provider_longest_due_first(
    pool: Pool, admin: asyncpg.Connection
) -> None:
    await add(admin, "youtube", 5)
    await add(admin, "tidal", 1)
    await add(admin, "deezer", 3)
    await add(admin, "apple", 3, "now() + interval '1 hour'")
    taken = await enrichment.claim_due(pool, {"youtube": 2, "tidal": 2, "apple": 2})
    found = sorted((row.provider, row.provider_id, row.attempts) for row in taken)
    assert found == [("tidal", "1", 1), ("youtube", "1", 1), ("youtube", "2", 1)]
    lease = await admin.fetchval(
        "SELECT max(next_attempt_at) - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s'"
        " FROM tracks.track_refs WHERE attempts = 1"
    )
    assert lease
    assert [row.provider_id for row in await enrichment.claim_due(pool, {"youtube": 2, "tidal": 2})] == [
        "3",
        "4",
    ]


async def test_claim_due_skips_locked_rows(pool: Pool, admin: asyncpg.Connection) -> None:
    await add(admin, "youtube", 2)
    async with admin.transaction():
        await admin.execute("SELECT FROM tracks.track_refs WHERE provider_id = '1' FOR UPDATE")
        (taken,) = await enrichment.claim_due(pool, {"youtube": 2})
    assert taken.provider_id == "2"


async def test_claim_due_concurrently_claims_each_track_once(pool: Pool, admin: asyncpg.Connection) -> None:
    await add(admin, "youtube", 60)
    answers = await asyncio.gather(*(enrichment.claim_due(pool, {"youtube": 10}) for _ in range(12)))
    ids = [row.id for taken in answers for row in taken]
    assert len(ids) == len(set(ids))
    while rest := await enrichment.claim_due(pool, {"youtube": 10}):
        ids += [row.id for row in rest]
    assert len(ids) == len(set(ids)) == 60


async def test_complete_needs_the_lease(pool: Pool, admin: asyncpg.Connection) -> None:
    await add(admin, "youtube", 1)
    (first,) = await enrichment.claim_due(pool, {"youtube": 1})
    await admin.execute("UPDATE tracks.track_refs SET next_attempt_at = now() - interval '1 second'")
    (second,) = await enrichment.claim_due(pool, {"youtube": 1})
    assert second.attempts == 2
    found = TrackMetadata("T", "A")
    done = NextAttempt(MetadataState.COMPLETE, None)
    assert not await enrichment.complete(
        pool, first, TrackMetadata("X"), TrackMetadata("X"), done, responded=True
    )
    assert await enrichment.complete(pool, second, found, found, done, responded=True)
    row = await admin.fetchrow("SELECT title, search_text, next_attempt_at, attempts FROM tracks.track_refs")
    assert row is not None
    assert tuple(row) == ("T", "t a", None, 0)
    assert await enrichment.claim_due(pool, {"youtube": 1}) == []


async def test_complete_without_change_keeps_updated_at(pool: Pool, admin: asyncpg.Connection) -> None:
    await add(admin, "youtube", 1)
    (due,) = await enrichment.claim_due(pool, {"youtube": 1})
    before = await admin.fetchval("SELECT updated_at FROM tracks.track_refs")
    assert await enrichment.complete(
        pool, due, TrackMetadata(), TrackMetadata(), NextAttempt(MetadataState.PENDING, 30.0), responded=False
    )
    row = await admin.fetchrow("SELECT updated_at, refreshed_at, attempts FROM tracks.track_refs")
    assert row is not None
    assert tuple(row) == (before, None, 1)


async def test_search_text_of_an_earlier_build_is_rewritten_twice_a_day_apart(
    pool: Pool, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrichment, "_BACKFILL_BATCH", 2)
    await admin.execute("DELETE FROM tracks.backfills; DELETE FROM tracks.leases")
    await add(admin, "youtube", 5)
    old = "UPDATE tracks.track_refs SET title = 'Łódź', search_text = CASE WHEN provider_id <> '5' THEN 'łodz' END"
    forms = "SELECT DISTINCT provider_id = '5', search_text FROM tracks.track_refs ORDER BY 1"
    holder, other = new_id(), new_id()
    for _ in range(2):
        await admin.execute(old)
        assert await enrichment.rewrite_search_text(pool, holder)
        # One process at a time.
        assert not await enrichment.rewrite_search_text(pool, other)
        while await enrichment.rewrite_search_text(pool, holder):
            pass
        # What has none yet is left to the other backfill.
        assert [tuple(row) for row in await admin.fetch(forms)] == [(False, "lodz"), (True, None)]
        await admin.execute("UPDATE tracks.backfills SET started_at = started_at - interval '25 hours'")
    await admin.execute(old)
    assert not await enrichment.rewrite_search_text(pool, holder)
