"""Single-flight across processes: the lease, its renewal, and its takeover from a dead process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from servicekit.database import Database as Pool
from servicekit.errors import DatabaseUnavailableError
from services.tracks.domain.web.fetch_response import Failure
from services.tracks.store import leases
from services.tracks.workers import crawler as crawler_module
from tests.architecture.project import ROOT
from tests.postgres import Database
from tests.services.tracks.workers.crawler.crawler_fixtures import URL, CrawlerFixture, failing, key, page

NAME = f"fetch:{key().hex()}"


async def held(world: CrawlerFixture) -> None:
    """Wait until a process holds a lease."""
    async with asyncio.timeout(10):
        while not await world.admin.fetchval("SELECT count(*) FROM tracks.leases"):
            # Another process acquires it; only the row shows that.
            await asyncio.sleep(0.01)


async def waiting(world: CrawlerFixture) -> None:
    """Wait until a process has failed twice to acquire the lease."""
    seen = asyncio.Semaphore(0)
    world.pool.observers.append(lambda name, _: seen.release() if name == "tracks.acquire_lease" else None)
    async with asyncio.timeout(10):
        for _ in range(2):
            await seen.acquire()


async def test_two_processes_fetch_an_address_once(world: CrawlerFixture, second: CrawlerFixture) -> None:
    world.web.gate.clear()
    first = [asyncio.create_task(world.fetch()) for _ in range(10)]
    await world.web.asking.wait()
    others = [asyncio.create_task(second.fetch()) for _ in range(10)]
    await waiting(second)
    world.web.gate.set()
    got = await asyncio.gather(*first, *others)
    assert {each.content for each in got} == {b"<title>Air</title>"}
    assert [len(world.web.asked), len(second.web.asked)] == [1, 0]
    assert [each.from_cache for each in got] == [False] * 10 + [True] * 10
    assert await world.admin.fetchval("SELECT count(*) FROM tracks.leases") == 0


async def test_processes_that_begin_at_once_fetch_once(world: CrawlerFixture, second: CrawlerFixture) -> None:
    for number in range(10):
        url = f"{URL}/{number}"
        await asyncio.gather(*(each.fetch(url) for each in (world, second) for _ in range(3)))
    assert len(world.web.asked) + len(second.web.asked) == 10


async def test_response_cached_just_before_the_lease_is_used(
    world: CrawlerFixture, second: CrawlerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = leases.acquire

    async def late(database: Pool, name: str, holder: UUID, seconds: float) -> bool:
        if database is second.pool:
            # The first fetch ends between the second one's cache lookup and its lease.
            await world.fetch()
        return await take(database, name, holder, seconds)

    monkeypatch.setattr(leases, "acquire", late)
    assert (await second.fetch()).from_cache
    assert second.web.asked == []


async def test_failure_of_the_other_process_is_returned(
    world: CrawlerFixture, second: CrawlerFixture
) -> None:
    world.web.answer = failing(Failure.CONNECT_TIMEOUT)
    world.web.gate.clear()
    first = asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    other = asyncio.create_task(second.fetch())
    await waiting(second)
    world.web.gate.set()
    assert {(await each).failure for each in (first, other)} == {Failure.CONNECT_TIMEOUT}
    assert second.web.asked == []


async def test_expired_page_is_fetched_once(world: CrawlerFixture, second: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(9 * 86_400)
    world.web.answer = second.web.answer = page(b"new")
    got = await asyncio.gather(*(each.fetch() for each in (world, second) for _ in range(5)))
    assert {each.content for each in got} == {b"new"}
    assert len(world.web.asked) + len(second.web.asked) == 2


@contextlib.asynccontextmanager
async def dying_process(database: Database) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that holds the lease of URL and never finishes."""
    arguments = [database.service_dsn("tracks"), URL, *(["pooled"] if database.pooled else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.services.tracks.workers.crawler.lease_holder_process",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"holding\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_dead_holder_is_superseded(world: CrawlerFixture, database: Database) -> None:
    async with dying_process(database) as process:
        fetching = asyncio.create_task(world.fetch(seconds=30))
        await waiting(world)
        assert world.web.asked == []
        process.kill()
        await process.wait()
        # The lease of the dead process is expired by hand.
        assert await world.admin.execute("UPDATE tracks.leases SET until = now()") == "UPDATE 1"
        got = await fetching
    assert (got.ok, got.from_cache, len(world.web.asked)) == (True, False, 1)
    assert await world.admin.fetchval("SELECT count(*) FROM tracks.leases") == 0


async def test_lease_of_a_dead_holder_expires_soon(world: CrawlerFixture, database: Database) -> None:
    async with dying_process(database) as process:
        process.kill()
        await process.wait()
    left = await world.admin.fetchval("SELECT extract(epoch FROM until - now())::float8 FROM tracks.leases")
    assert 0 < left <= crawler_module.LEASE_SECONDS


async def test_live_holder_keeps_its_lease(
    world: CrawlerFixture, second: CrawlerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Short, so that the holder renews it several times.
    monkeypatch.setattr(crawler_module, "LEASE_SECONDS", 0.6)
    renewed = asyncio.Semaphore(0)
    world.pool.observers.append(lambda name, _: renewed.release() if name == "tracks.renew_lease" else None)
    world.web.gate.clear()
    first = asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    other = asyncio.create_task(second.fetch())
    async with asyncio.timeout(20):
        for _ in range(8):
            await renewed.acquire()
    world.web.gate.set()
    assert (await first).ok
    assert (await other).from_cache
    assert second.web.asked == []


async def test_superseded_holder_does_not_release_the_lease(world: CrawlerFixture) -> None:
    world.web.gate.clear()
    fetching = asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    await world.admin.execute(
        "UPDATE tracks.leases SET holder = gen_random_uuid(), until = now() + interval '1 h'"
    )
    world.web.gate.set()
    assert (await fetching).ok
    assert await world.admin.fetchval("SELECT name FROM tracks.leases") == NAME


async def test_no_transaction_is_open_during_a_fetch(world: CrawlerFixture) -> None:
    world.web.gate.clear()
    fetching = asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    open_ones = await world.admin.fetch(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
        " AND state LIKE 'idle in transaction%'"
    )
    assert open_ones == []
    assert world.pool.busy == 0
    world.web.gate.set()
    await fetching


async def test_without_the_database_nothing_is_fetched(
    world: CrawlerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise DatabaseUnavailableError

    monkeypatch.setattr(leases, "acquire", away)
    with pytest.raises(DatabaseUnavailableError):
        await world.fetch()
    assert world.web.asked == []
    monkeypatch.undo()
    assert (await world.fetch()).ok
