"""Re-checks of verified claims, and what a change of the profile does to them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from unittest.mock import patch

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from seda.users.v1 import verification_pb2 as pb
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import UpdateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from tests.services.running import Running, call, user
from tests.services.users.fake_crawler import FakeCrawler
from tests.services.users.verification_client import Artist, VerificationClient

VERIFIED, STALE, REVOKED = (
    pb.VERIFICATION_STATE_VERIFIED,
    pb.VERIFICATION_STATE_STALE,
    pb.VERIFICATION_STATE_REVOKED,
)
DAY = 86_400


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


async def verified(
    client: VerificationClient, crawler: FakeCrawler, artist: Artist, url: str | None = None
) -> pb.Verification:
    """A claim that was proven."""
    url = url or f"https://{uuid.uuid4().hex}.example.com/"
    claim = (await client.start(artist, url)).verification
    crawler.shows(claim.target_url, claim.code)
    got = (await client.checked(artist, claim.id)).verification
    assert got.state == VERIFIED
    return got


async def rechecked(client: VerificationClient, artist: Artist, claim_id: str) -> pb.Verification:
    """The claim after a re-check, which is due by now."""
    await client.admin.execute(
        "UPDATE users.verification_requests SET recheck_at = now() - interval '1 second' WHERE id = $1",
        claim_id,
    )
    assert await client.scheduler.run_once()
    return (await client.get(artist.email, claim_id)).verification


def span(later: pb.Verification) -> float:
    """Days from the last change of a claim to its next re-check."""
    return (later.recheck_time.ToMicroseconds() - later.update_time.ToMicroseconds()) / 1e6 / DAY


async def update(client: VerificationClient, artist: Artist, **fields: str) -> ArtistProfile:
    request = UpdateArtistRequest(
        artist_profile=ArtistProfile(id=artist.profile_id, **fields),  # type: ignore[arg-type]  # of the fields' types
        update_mask=FieldMask(paths=list(fields)),
    )
    stub = ArtistServiceStub(client.users.channel)
    return (await call(stub.UpdateArtist, request, user(artist.email))).artist_profile


async def test_recheck_finds_the_code(client: VerificationClient, crawler: FakeCrawler) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    assert 26.9 < span(claim) < 33.1
    assert await client.scheduler.run_once()
    assert crawler.asked.count(claim.target_url) == 1
    again = await rechecked(client, artist, claim.id)
    assert (again.state, crawler.asked.count(claim.target_url)) == (VERIFIED, 2)
    assert 26.9 < span(again) < 33.1
    assert [each.cause for each in await client.attempts(artist, claim.id)] == [
        pb.CHECK_CAUSE_RECHECK,
        pb.CHECK_CAUSE_OWNER,
    ]
    assert len(await client.transitions(claim.id)) == 3


async def test_claim_is_revoked_after_two_failures_72_hours_apart(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    crawler.shows(claim.target_url, "nothing")
    stale = await rechecked(client, artist, claim.id)
    assert stale.state == STALE
    assert span(stale) == pytest.approx(3, abs=0.01)
    assert (await client.profile(artist))["verified"]
    await client.age(claim.id, "recheck_failed_at", "71 hours")
    still = await rechecked(client, artist, claim.id)
    assert (still.state, still.stale_time) == (STALE, stale.stale_time)
    await client.age(claim.id, "recheck_failed_at", "1 hour")
    revoked = await rechecked(client, artist, claim.id)
    assert revoked.state == REVOKED
    profile = await client.profile(artist)
    assert (profile["verified"], profile["verified_at"]) == (False, None)
    assert (await client.transitions(claim.id))[-2:] == [
        ("VERIFIED", "STALE", "SYSTEM"),
        ("STALE", "REVOKED", "SYSTEM"),
    ]
    assert await client.actions(claim.id) == [("SYSTEM", "VERIFY_ARTIST"), ("SYSTEM", "REVOKE_VERIFICATION")]
    # The page is free for another profile.
    await verified(client, crawler, await client.add_artist(), claim.target_url)


async def test_stale_claim_that_is_proven_is_verified(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    crawler.shows(claim.target_url, "nothing")
    await rechecked(client, artist, claim.id)
    crawler.shows(claim.target_url, claim.code)
    again = await rechecked(client, artist, claim.id)
    assert again.state == VERIFIED
    assert not again.HasField("stale_time")
    # The next failure is a first one again.
    crawler.shows(claim.target_url, "nothing")
    assert (await rechecked(client, artist, claim.id)).state == STALE


@pytest.mark.parametrize(
    ("status", "failure"), [(503, ""), (500, ""), (0, "ANSWER_TIMEOUT"), (0, "DNS_TIMEOUT"), (200, "")]
)
async def test_what_may_pass_by_itself_revokes_nothing(
    client: VerificationClient, crawler: FakeCrawler, status: int, failure: str
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    crawler.shows(claim.target_url, "nothing", 404)
    await rechecked(client, artist, claim.id)
    await client.age(claim.id, "recheck_failed_at", "80 hours")
    crawler.away = status == 200
    crawler.shows(claim.target_url, "", status, failure)
    again = await rechecked(client, artist, claim.id)
    assert again.state == STALE
    assert 1 / 24 <= span(again) < 2.1 / 24
    assert (await client.profile(artist))["verified"]


async def test_new_name_is_proven_at_once(client: VerificationClient, crawler: FakeCrawler) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    changed = await update(client, artist, artist_name=f"Lake {uuid.uuid4()}")
    assert not changed.verified
    stale = (await client.get(artist.email, claim.id)).verification
    assert stale.state == STALE
    assert (await client.transitions(claim.id))[-1] == ("VERIFIED", "STALE", "USER")
    assert await client.scheduler.run_once()
    assert (await client.get(artist.email, claim.id)).verification.state == VERIFIED
    assert (await client.profile(artist))["verified"]
    assert (await client.actions(claim.id)) == [("SYSTEM", "VERIFY_ARTIST")] * 2


async def test_new_name_that_looks_like_a_verified_one_is_not_verified(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    ada, bob, name = await client.add_artist(), await client.add_artist(), f"Lake {uuid.uuid4()}"
    await update(client, ada, artist_name=name)
    await verified(client, crawler, ada)
    claim = await verified(client, crawler, bob)
    await update(client, bob, artist_name=name.replace("a", "\u0430"))
    assert await client.scheduler.run_once()
    got = await client.get(bob.email, claim.id)
    assert (got.verification.state, got.last_attempt.failure) == (STALE, pb.CHECK_FAILURE_LOOKALIKE_NAME)
    assert not (await client.profile(bob))["verified"]


async def test_new_url_of_the_claimed_kind_is_proven_at_once(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    other = await verified(client, crawler, artist, f"https://soundcloud.com/{uuid.uuid4().hex}")
    await update(client, artist, bio="Hello", spotify_url="https://open.spotify.com/artist/1")
    assert (await client.get(artist.email, claim.id)).verification.state == VERIFIED
    changed = await update(client, artist, website_url="https://other.example.com/")
    # The other claim keeps the profile verified.
    assert changed.verified
    states = [(await client.get(artist.email, each.id)).verification.state for each in (claim, other)]
    assert states == [STALE, VERIFIED]
    assert await client.scheduler.run_once()
    assert (await client.get(artist.email, claim.id)).verification.state == VERIFIED
    # The field of a verified claim has what was proven.
    assert (await client.profile(artist))["website_url"] == claim.target_url


async def test_change_during_a_recheck_is_checked_again(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    await client.admin.execute(
        "UPDATE users.verification_requests SET recheck_at = now() - interval '1 second' WHERE id = $1",
        claim.id,
    )
    crawler.gate.clear()
    crawler.asked.clear()
    running = asyncio.create_task(client.scheduler.run_once())
    while not crawler.asked:
        # Until the re-check has begun.
        await asyncio.sleep(0.01)
    await update(client, artist, artist_name=f"Lake {uuid.uuid4()}")
    crawler.gate.set()
    assert await running
    assert crawler.asked.count(claim.target_url) == 2
    assert (await client.get(artist.email, claim.id)).verification.state == VERIFIED


async def test_recheck_of_a_dead_process_is_due_again(
    client: VerificationClient, crawler: FakeCrawler
) -> None:
    artist = await client.add_artist()
    claim = await verified(client, crawler, artist)
    await client.admin.execute(
        "UPDATE users.verification_requests SET recheck_at = now() - interval '1 second' WHERE id = $1",
        claim.id,
    )
    crawler.gate.clear()
    crawler.asked.clear()
    running = asyncio.create_task(client.scheduler.run_once())
    while not crawler.asked:
        # Until the re-check has begun.
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    crawler.gate.set()
    assert await client.scheduler.run_once()
    assert crawler.asked.count(claim.target_url) == 1
    await client.age(claim.id, "recheck_at", "5 minutes")
    assert await client.scheduler.run_once()
    assert crawler.asked.count(claim.target_url) == 2
