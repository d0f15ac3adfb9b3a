"""How often checks run, whoever asks and in however many processes, and what happens when a process dies."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from unittest.mock import patch

import asyncpg
import pytest

from seda.users.v1 import verification_pb2 as pb
from servicekit.errors import OverloadedError, RateLimitedError
from services.users.app import build
from services.users.config import Settings
from services.users.domain.errors import VerificationStateError
from tests.architecture.project import ROOT
from tests.postgres import Database
from tests.services.running import Running, refused, running
from tests.services.users.fake_crawler import FakeCrawler
from tests.services.users.verification_client import Artist, VerificationClient

DOMAIN = "users.seda.fm"


@pytest.fixture
def crawler() -> FakeCrawler:
    return FakeCrawler()


@pytest.fixture
def client(users: Running, admin: asyncpg.Connection, crawler: FakeCrawler) -> Iterator[VerificationClient]:
    client = VerificationClient(users, admin)
    with (
        patch.object(client.checker, "_crawler", crawler),
        patch.object(client.scheduler, "_crawler", crawler),
    ):
        yield client


@pytest.fixture
async def second(
    database: Database, admin: asyncpg.Connection, crawler: FakeCrawler
) -> AsyncIterator[VerificationClient]:
    """Another process of the service."""
    async with running(Settings, build, database) as other:
        client = VerificationClient(other, admin)
        with patch.object(client.checker, "_crawler", crawler):
            yield client


def site(host: str | None = None) -> str:
    return f"https://{host or uuid.uuid4().hex}.example.com/{uuid.uuid4().hex}"


async def started(client: VerificationClient, artist: Artist, url: str | None = None) -> pb.Verification:
    return (await client.start(artist, url or site())).verification


async def test_fifty_checks_in_two_processes_fetch_once(
    client: VerificationClient, second: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    crawler.gate.clear()
    checks = [each.check(artist, claim.id) for _ in range(25) for each in (client, second)]
    found = await asyncio.gather(*checks)
    assert {each.state for each in found} == {pb.VERIFICATION_STATE_CHECKING}
    assert client.checker.running + second.checker.running == 1
    crawler.gate.set()
    await client.settled()
    await second.settled()
    assert crawler.asked.count(claim.target_url) == 1
    got = await client.get(artist.email, claim.id)
    assert (got.verification.state, got.verification.attempt_count) == (pb.VERIFICATION_STATE_PENDING, 1)
    assert len(await client.attempts(artist, claim.id)) == 1
    assert len(await client.transitions(claim.id)) == 3


async def test_a_check_every_30_seconds_in_all_processes(
    client: VerificationClient, second: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    await client.checked(artist, claim.id)
    for each in (client, second):
        error = await refused(each.check(artist, claim.id), RateLimitedError, DOMAIN)
        assert error.retry_after == pytest.approx(30, abs=10)
    await client.age(claim.id, "checked_at", "30 seconds")
    await second.check(artist, claim.id)
    await second.settled()
    assert crawler.asked.count(claim.target_url) == 2


async def test_five_failures_an_hour_at_a_host(client: VerificationClient) -> None:
    artist, host = await client.add_artist(), uuid.uuid4().hex
    claims = [await started(client, artist, site(host)) for _ in range(2)]
    elsewhere = await started(client, artist)
    for number in range(5):
        await client.checked(artist, claims[number % 2].id)
    await client.admin.execute(
        "UPDATE users.verification_attempts SET created_at = created_at - interval '50 minutes' WHERE id ="
        " (SELECT id FROM users.verification_attempts WHERE user_id = $1 ORDER BY created_at LIMIT 1)",
        artist.user_id,
    )
    for claim in claims:
        await client.age(claim.id, "checked_at", "1 minute")
        error = await refused(client.check(artist, claim.id), RateLimitedError, DOMAIN)
        assert error.retry_after == pytest.approx(600, abs=30)
    # Another host, and another user, have their own limits.
    await client.checked(artist, elsewhere.id)
    bob = await client.add_artist()
    await client.checked(bob, (await started(client, bob, claims[0].target_url)).id)
    await client.admin.execute(
        "UPDATE users.verification_attempts SET created_at = created_at - interval '11 minutes' WHERE user_id = $1",
        artist.user_id,
    )
    await client.checked(artist, claims[0].id)


async def test_checks_in_progress_count_as_failures_of_their_host(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist, host = await client.add_artist(), uuid.uuid4().hex
    claims = [await started(client, artist, site(host)) for _ in range(3)]
    for _ in range(4):
        await client.checked(artist, claims[0].id)
    await client.age(claims[0].id, "checked_at", "1 minute")
    crawler.gate.clear()
    outcomes = await asyncio.gather(
        *(client.check(artist, each.id) for each in claims), return_exceptions=True
    )
    assert [isinstance(each, pb.Verification) for each in outcomes].count(True) == 1
    crawler.gate.set()
    await client.settled()


async def test_claim_fails_when_its_attempts_run_out(client: VerificationClient) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    await client.admin.execute(
        "UPDATE users.verification_requests SET attempt_count = 18 WHERE id = $1", claim.id
    )
    assert (await client.checked(artist, claim.id)).verification.state == pb.VERIFICATION_STATE_PENDING
    got = (await client.checked(artist, claim.id)).verification
    assert (got.state, got.attempt_count) == (pb.VERIFICATION_STATE_FAILED, 20)
    error = await refused(client.check(artist, claim.id), VerificationStateError, DOMAIN)
    assert error.metadata == {"state": "FAILED"}


async def test_check_while_tracks_is_away_costs_no_attempt(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    crawler.away = True
    for _ in range(5):
        await client.checked(artist, claim.id)
    got = await client.checked(artist, claim.id)
    assert (got.verification.state, got.verification.attempt_count) == (pb.VERIFICATION_STATE_PENDING, 0)
    assert got.last_attempt.failure == pb.CHECK_FAILURE_SERVICE_UNAVAILABLE
    crawler.away = False
    crawler.shows(claim.target_url, claim.code)
    assert (await client.checked(artist, claim.id)).verification.state == pb.VERIFICATION_STATE_VERIFIED


async def test_checks_of_a_process_are_limited(client: VerificationClient) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    with patch.object(client.checker, "_concurrency", 0):
        await refused(client.check(artist, claim.id), OverloadedError, DOMAIN)
    assert (await client.get(artist.email, claim.id)).verification == claim


async def test_expired_claim_is_not_checked(client: VerificationClient, crawler: FakeCrawler) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    await client.age(claim.id, "expires_at", "7 days 1 second")
    error = await refused(client.check(artist, claim.id), VerificationStateError, DOMAIN)
    assert error.metadata == {"state": "EXPIRED"}
    assert await client.scheduler.run_once()
    assert (await client.get(artist.email, claim.id)).verification.state == pb.VERIFICATION_STATE_EXPIRED
    assert crawler.asked == []


@contextlib.asynccontextmanager
async def checking(
    database: Database, artist: Artist, claim_id: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that checks a claim; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.services.users.checking_process",
        database.service_dsn("users"),
        claim_id,
        artist.user_id,
        *(["pooled"] if database.pooled else []),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_claim_of_a_killed_process_is_pending_after_its_lease(
    client: VerificationClient, database: Database, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    async with checking(database, artist, claim.id):
        pass
    got = (await client.check(artist, claim.id)).state
    assert got == pb.VERIFICATION_STATE_CHECKING
    await client.scheduler.run_once()
    assert (await client.get(artist.email, claim.id)).verification.state == pb.VERIFICATION_STATE_CHECKING
    await client.age(claim.id, "checking_until", "60 seconds")
    await client.scheduler.run_once()
    assert (await client.get(artist.email, claim.id)).verification.state == pb.VERIFICATION_STATE_PENDING
    assert (await client.transitions(claim.id))[-1] == ("CHECKING", "PENDING", "SYSTEM")
    crawler.shows(claim.target_url, claim.code)
    assert (await client.checked(artist, claim.id)).verification.state == pb.VERIFICATION_STATE_VERIFIED


async def test_result_after_the_lease_is_dropped(client: VerificationClient, crawler: FakeCrawler) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    crawler.shows(claim.target_url, claim.code)
    crawler.gate.clear()
    await client.check(artist, claim.id)
    await client.age(claim.id, "checking_until", "60 seconds")
    await client.scheduler.run_once()
    crawler.gate.set()
    await client.settled()
    got = await client.get(artist.email, claim.id)
    assert got.verification.state == pb.VERIFICATION_STATE_PENDING
    assert not got.HasField("last_attempt")
    assert not (await client.profile(artist))["verified"]


async def test_one_process_at_a_time_runs_the_schedule(
    client: VerificationClient, second: VerificationClient
) -> None:
    assert await client.scheduler.run_once()
    assert not await second.scheduler.run_once()
    await client.admin.execute("UPDATE users.leases SET until = now() WHERE name = 'verification'")
    assert await second.scheduler.run_once()
    assert not await client.scheduler.run_once()
    await client.admin.execute("DELETE FROM users.leases WHERE name = 'verification'")


async def test_result_of_an_earlier_check_is_dropped(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await started(client, artist)
    crawler.shows(claim.target_url, claim.code)
    crawler.gate.clear()
    await client.check(artist, claim.id)
    (first,) = client.checker._running
    while not crawler.asked:
        # Until the first check has its page.
        await asyncio.sleep(0.01)
    await client.age(claim.id, "checking_until", "60 seconds")
    await client.scheduler.run_once()
    await client.age(claim.id, "checked_at", "30 seconds")
    later = FakeCrawler()
    later.gate.clear()
    with patch.object(client.checker, "_crawler", later):
        await client.check(artist, claim.id)
        while not later.asked:
            # Until the second check has begun.
            await asyncio.sleep(0.01)
        crawler.gate.set()
        await asyncio.wait([first])
        assert (await client.get(artist.email, claim.id)).verification.state == pb.VERIFICATION_STATE_CHECKING
        later.gate.set()
        await client.settled()
    assert (await client.get(artist.email, claim.id)).verification.state == pb.VERIFICATION_STATE_PENDING


async def proven_at_once(
    client: VerificationClient, crawler: FakeCrawler, artists: list[Artist], urls: list[str]
) -> list[str]:
    """Prove a claim of each artist at the same time; returns what each check led to."""
    claims = [await started(client, artist, url) for artist, url in zip(artists, urls, strict=True)]
    for url in urls:
        crawler.shows(url, " ".join(each.code for each in claims))
    crawler.gate.clear()
    for artist, claim in zip(artists, claims, strict=True):
        await client.check(artist, claim.id)
    crawler.gate.set()
    await client.settled()
    got = [await client.get(artist.email, claim.id) for artist, claim in zip(artists, claims, strict=True)]
    verified = [(await client.profile(artist))["verified"] for artist in artists]
    assert verified == [each.verification.state == pb.VERIFICATION_STATE_VERIFIED for each in got]
    return sorted(
        pb.CheckFailure.Name(each.last_attempt.failure).removeprefix("CHECK_FAILURE_") for each in got
    )


async def test_profiles_that_prove_one_page_at_once(client: VerificationClient, crawler: FakeCrawler) -> None:
    artists, url = [await client.add_artist() for _ in range(4)], site()
    outcomes = await proven_at_once(client, crawler, artists, [url] * 4)
    assert outcomes == [*(["TARGET_ALREADY_CLAIMED"] * 3), "UNSPECIFIED"]


async def test_lookalikes_that_are_proven_at_once(client: VerificationClient, crawler: FakeCrawler) -> None:
    name = f"Lake {uuid.uuid4()}"
    artists = [await client.add_artist(name) for _ in range(4)]
    outcomes = await proven_at_once(client, crawler, artists, [site() for _ in range(4)])
    assert outcomes == [*(["LOOKALIKE_NAME"] * 3), "UNSPECIFIED"]
