"""The crawler's cache: freshness, revalidation and purging, on rows that the tests age."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from servicekit.errors import DatabaseUnavailableError, DeadlineExceededError, OverloadedError
from servicekit.sql_errors import UnexpectedDatabaseError
from services.tracks.domain.errors import HostBusyError
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.domain.web.fetch_response import Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl
from services.tracks.store import crawler_cache
from services.tracks.workers import crawler as crawler_module
from tests.services.tracks.workers.crawler.crawler_fixtures import (
    SLOTS,
    URL,
    CrawlerFixture,
    failing,
    key,
    page,
)

HOUR, DAY = 3600.0, 86_400.0


async def test_a_miss_is_fetched_and_a_hit_is_not(world: CrawlerFixture) -> None:
    first, second = await world.fetch(), await world.fetch("https://MUSIC.example.com:443/song#part")
    assert [each.from_cache for each in (first, second)] == [False, True]
    assert dataclasses.replace(first, from_cache=True) == second
    assert (first.content, first.ok, first.text()) == (b"<title>Air</title>", True, "<title>Air</title>")
    assert [(url, policy) for url, policy, _ in world.web.asked] == [(URL, Policy.ANY_SITE)]


async def test_policies_are_cached_separately(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.fetch(policy=Policy.SAME_SITE)
    assert [policy for _, policy, _ in world.web.asked] == [Policy.ANY_SITE, Policy.SAME_SITE]


@pytest.mark.parametrize(
    ("answer", "fresh", "stale"),
    [
        (page(), DAY, 7 * DAY),
        (page(max_age=7200), 7200, 7 * DAY),
        (page(max_age=5), HOUR, 7 * DAY),
        (page(max_age=1e9), 7 * DAY, 7 * DAY),
        (page(b"", status_code=404), 6 * HOUR, 0),
        (page(b"", status_code=410), 6 * HOUR, 0),
        (page(b"", status_code=403), HOUR, 0),
        (page(b"", status_code=429), 300, 0),
        (page(b"", status_code=503), 300, 0),
        (page(b"", status_code=503, retry_after=42), 42, 0),
        (page(b"", status_code=429, retry_after=1e9), DAY, 0),
        (failing(Failure.BLOCKED_ADDRESS), HOUR, 0),
        (failing(Failure.REDIRECT_LOOP), HOUR, 0),
        (failing(Failure.TOO_LARGE), HOUR, 0),
        (failing(Failure.CONNECT_TIMEOUT), 120, 0),
        (failing(Failure.DNS_FAILED), 120, 0),
        (failing(Failure.TLS_FAILED), 120, 0),
    ],
)
async def test_lifetime_of_each_response(
    world: CrawlerFixture, answer: FetchResponse, fresh: float, stale: float
) -> None:
    world.web.answer = answer
    got = await world.fetch()
    assert await world.cache_lifetimes() == pytest.approx([fresh, stale], abs=30)
    assert (got.failure, got.status_code) == (answer.failure, answer.status_code)
    assert got.retry_after == (None if got.ok else pytest.approx(fresh))
    again = await world.fetch()
    assert again.from_cache
    assert again.retry_after == (None if got.ok else pytest.approx(fresh, abs=30))
    await world.age(fresh + stale + 1)
    await world.fetch()
    assert len(world.web.asked) == 2


async def test_a_page_without_content_is_a_page(world: CrawlerFixture) -> None:
    world.web.answer = page(b"", status_code=204)
    assert (await world.fetch()).ok
    again = await world.fetch()
    assert (again.ok, again.from_cache, again.retry_after) == (True, True, None)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "gopher://example.com"])
async def test_blocked_url_is_not_fetched_or_cached(world: CrawlerFixture, url: str) -> None:
    got = await world.fetch(url)
    assert got.failure in {Failure.BLOCKED_URL, Failure.BLOCKED_HOST}
    assert (got.url, got.retry_after, world.web.asked) == ("", HOUR, [])
    assert await world.admin.fetchval("SELECT count(*) FROM tracks.crawler_cache") == 0


async def test_stale_page_is_served_while_it_is_revalidated(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(DAY + 1)
    world.web.answer = page(b"new")
    world.web.gate.clear()
    got = [await world.fetch() for _ in range(3)]
    assert [(each.content, each.from_cache) for each in got] == [(b"<title>Air</title>", True)] * 3
    world.web.gate.set()
    await world.wait_idle()
    assert (await world.fetch()).content == b"new"
    assert len(world.web.asked) == 2


async def test_page_is_not_served_after_its_stale_period(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(8 * DAY + 1)
    world.web.answer = page(b"new")
    got = await world.fetch()
    assert (got.content, got.from_cache) == (b"new", False)


@pytest.mark.parametrize("answer", [failing(Failure.CONNECT_TIMEOUT), page(b"", status_code=500)])
async def test_transient_failure_keeps_the_cached_page(world: CrawlerFixture, answer: FetchResponse) -> None:
    await world.fetch()
    await world.age(DAY + 1)
    world.web.answer = answer
    await world.fetch()
    await world.wait_idle()
    got = await world.fetch()
    assert (got.content, got.from_cache) == (b"<title>Air</title>", True)
    # Not retried at once: the stale page is extended by two or five minutes.
    assert len(world.web.asked) == 2
    await world.age(301)
    await world.fetch()
    await world.wait_idle()
    assert len(world.web.asked) == 3
    # Unavailability does not extend the stale period.
    await world.age(8 * DAY)
    assert not (await world.fetch()).ok


async def test_transient_failure_does_not_extend_the_stale_period(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(8 * DAY - 60)
    world.web.answer = failing(Failure.CONNECT_TIMEOUT)
    assert (await world.fetch()).ok
    await world.wait_idle()
    assert await world.cache_lifetimes() == pytest.approx([60, 0], abs=30)


async def test_a_page_that_is_gone_is_gone(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(DAY + 1)
    world.web.answer = page(b"", status_code=404)
    await world.fetch()
    await world.wait_idle()
    assert (await world.fetch()).status_code == 404


async def test_not_modified_response_renews_the_cached_page(world: CrawlerFixture) -> None:
    world.web.answer = page(etag='"v1"', final_url="https://www.example.com/song")
    await world.fetch()
    await world.age(9 * DAY)
    world.web.answer = FetchResponse(
        final_url="https://www.example.com/song", status_code=304, not_modified=True, max_age=7200
    )
    got = await world.fetch()
    assert (got.content, got.status_code, got.from_cache) == (b"<title>Air</title>", 200, False)
    assert world.web.asked[1][2] == ("https://www.example.com/song", '"v1"')
    assert await world.cache_lifetimes() == pytest.approx([7200, 7 * DAY], abs=30)
    again = await world.fetch()
    assert (again.content, again.fetched_at) == (got.content, got.fetched_at)


async def test_page_purged_during_revalidation_is_returned(world: CrawlerFixture) -> None:
    world.web.answer = page(etag='"v1"')
    await world.fetch()

    world.web.answer = FetchResponse(final_url=URL, status_code=304, not_modified=True)
    world.web.gate.clear()
    world.web.asking.clear()
    fetching = asyncio.create_task(world.fetch(max_age=0))
    await world.web.asking.wait()
    await world.admin.execute("TRUNCATE tracks.crawler_cache")
    world.web.gate.set()
    assert (await fetching).content == b"<title>Air</title>"
    assert await world.admin.fetchval("SELECT count(*) FROM tracks.crawler_cache") == 0


async def test_max_age_fetches_older_pages(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.age(100)
    assert (await world.fetch(max_age=200)).from_cache
    world.web.answer = page(b"new")
    assert (await world.fetch(max_age=50)).content == b"new"
    assert (await world.fetch(max_age=0)).from_cache is False
    # With max_age the failure is returned, not the cached page.
    world.web.answer = failing(Failure.CONNECT_FAILED)
    assert (await world.fetch(max_age=0)).failure is Failure.CONNECT_FAILED
    assert (await world.fetch()).content == b"new"


async def test_concurrent_callers_share_one_fetch(world: CrawlerFixture) -> None:
    statements: list[str] = []
    world.pool.observers.append(lambda name, _: statements.append(name))
    world.web.gate.clear()
    asking = [asyncio.create_task(world.fetch()) for _ in range(50)]
    await world.web.asking.wait()
    world.web.gate.set()
    got = await asyncio.gather(*asking)
    assert {each.content for each in got} == {b"<title>Air</title>"}
    assert len(world.web.asked) == 1
    # They share the task in the process and do not wait for the lease.
    assert statements.count("tracks.acquire_lease") == 1


async def test_caller_timeout_does_not_cancel_the_fetch(world: CrawlerFixture) -> None:
    world.web.gate.clear()
    leaving, staying = asyncio.create_task(world.fetch()), asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    with pytest.raises(DeadlineExceededError):
        await world.fetch(seconds=0.05)
    world.web.gate.set()
    assert (await staying).ok
    assert (await world.fetch()).from_cache


async def test_busy_host_is_not_cached(world: CrawlerFixture) -> None:
    def busy(_: FetchUrl) -> FetchResponse:
        raise HostBusyError("music.example.com", 3)

    world.web.answer = busy
    with pytest.raises(HostBusyError):
        await world.fetch()
    world.web.answer = page()
    assert (await world.fetch()).ok


async def test_fetches_in_flight_are_limited(world: CrawlerFixture) -> None:
    await world.fetch()
    world.web.gate.clear()
    flying = [asyncio.create_task(world.fetch(f"{URL}/{number}")) for number in range(SLOTS)]
    while len(world.crawler._in_flight) < SLOTS:
        await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await world.fetch(f"{URL}/more")
    # A fetch that runs is joined, and stale pages are still served, without a revalidation.
    flying.append(asyncio.create_task(world.fetch(f"{URL}/0")))
    await world.age(DAY + 1)
    assert (await world.fetch()).from_cache
    world.web.gate.set()
    assert all(fetched.ok for fetched in await asyncio.gather(*flying))
    assert (await world.fetch(f"{URL}/more")).ok


async def test_a_redirect_to_an_unknown_host_takes_a_slot_of_unknown_hosts(world: CrawlerFixture) -> None:
    for _ in range(SLOTS):
        world.slots.enter(Share.UNKNOWN_HOSTS, None)
    link, purpose = "https://spotify.link/x", FetchPurpose(Share.LINKS)
    world.web.hops = ["open.spotify.com"]
    assert (await world.fetch(f"{link}1", purpose=purpose)).ok
    world.web.hops = ["www.example.com", "open.spotify.com"]
    with pytest.raises(OverloadedError):
        await world.fetch(f"{link}2", purpose=purpose)
    world.slots.leave(Share.UNKNOWN_HOSTS, None)
    # The refusal is not cached, and no slot is lost.
    for number in range(2, SLOTS + 2):
        assert (await world.fetch(f"{link}{number}", purpose=purpose)).ok


async def test_slow_url_does_not_delay_others(world: CrawlerFixture) -> None:
    world.web.gate.clear()
    slow = asyncio.create_task(world.fetch("https://slow.example.net/"))
    await world.web.asking.wait()
    world.web.gate.set()
    world.web.gate = asyncio.Event()
    world.web.gate.set()
    assert (await world.fetch(seconds=2)).ok
    assert (await slow).ok


async def test_shutdown_ends_waiting_calls(world: CrawlerFixture) -> None:
    world.web.gate.clear()
    waiting = asyncio.create_task(world.fetch())
    await world.web.asking.wait()
    await world.crawler.stop()
    with pytest.raises(OverloadedError):
        await waiting
    assert await world.admin.fetchval("SELECT count(*) FROM tracks.leases") == 0


async def test_an_unknown_kind_of_failure_is_a_failure(world: CrawlerFixture) -> None:
    world.web.answer = failing(Failure.DNS_FAILED)
    await world.fetch()
    await world.admin.execute("UPDATE tracks.crawler_cache SET error_kind = 'OF_A_NEWER_BUILD'")
    got = await world.fetch()
    assert (got.ok, got.failure) == (False, Failure.PROTOCOL_ERROR)


async def test_unusable_responses_are_deleted(world: CrawlerFixture) -> None:
    await world.fetch()
    await world.fetch(f"{URL}/2")
    await world.age(8 * DAY + 1)
    await world.admin.execute(
        "INSERT INTO tracks.leases VALUES ('old', gen_random_uuid(), now() - interval '2 hours'),"
        " ('new', gen_random_uuid(), now() - interval '10 minutes')"
    )
    await world.crawler.start()
    async with asyncio.timeout(10):
        while await world.admin.fetchval("SELECT count(*) FROM tracks.leases") > 1:
            # The purge runs in the background without an event.
            await asyncio.sleep(0.01)
    rows = await world.admin.fetch("SELECT url FROM tracks.crawler_cache")
    assert [row["url"] for row in rows] == [f"{URL}/2"]
    assert await world.admin.fetchval("SELECT name FROM tracks.leases") == "new"


async def test_purge_loop_survives_errors(world: CrawlerFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = asyncio.Semaphore(0)
    errors = itertools.cycle(
        [DatabaseUnavailableError(), UnexpectedDatabaseError("UndefinedTableError", "42P01")]
    )

    async def sweep(_: object) -> int:
        tried.release()
        raise next(errors)

    monkeypatch.setattr(crawler_cache, "delete_expired", sweep)
    monkeypatch.setattr(crawler_module, "_PURGE_INTERVAL_SECONDS", 0.001)
    await world.crawler.start()
    async with asyncio.timeout(10):
        for _ in range(3):
            await tried.acquire()


async def test_purging_by_age_works_in_batches(
    world: CrawlerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawler_cache, "_BATCH", 2)
    for number in range(5):
        await world.fetch(f"{URL}/{number}")
    await world.age(HOUR, f"{URL}/3")
    assert await crawler_cache.purge_older(world.pool, 1800) == 1
    assert await crawler_cache.purge_older(world.pool, 0) == 4
    assert await crawler_cache.find(world.pool, key()) is None
