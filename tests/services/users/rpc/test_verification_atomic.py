"""A change of a claim's state and everything that belongs to it are written together, or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from unittest.mock import patch

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import UpdateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from tests.services.running import Running, call, user
from tests.services.users.fake_crawler import FakeCrawler
from tests.services.users.verification_client import Artist, VerificationClient

_STORED = """
    SELECT (SELECT array_agg(r::text) FROM users.verification_requests r WHERE r.id = $1)::text
        || (SELECT array_agg(t::text ORDER BY t.id) FROM users.verification_transitions t WHERE t.request_id = $1)::text
        || coalesce((SELECT array_agg(a::text) FROM users.verification_attempts a WHERE a.request_id = $1)::text, '')
        || coalesce((SELECT array_agg(a::text) FROM users.admin_actions a WHERE a.target_id = $1)::text, '')
        || (SELECT p::text FROM users.artist_profiles p WHERE p.id = $2)
"""


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


@contextlib.asynccontextmanager
async def failing_commits(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """Every transaction that changes the state of a claim fails at its commit, after all of its statements."""
    await admin.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused at the commit' USING ERRCODE = '40001'; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE OR INSERT ON users.verification_requests"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
    try:
        yield
    finally:
        await admin.execute(
            "DROP TRIGGER refuse ON users.verification_requests; DROP FUNCTION public.refuse()"
        )


async def _started_check(client: VerificationClient, artist: Artist, claim_id: str) -> None:
    await client.check(artist, claim_id)


async def _cancelled(client: VerificationClient, artist: Artist, claim_id: str) -> None:
    await client.cancel(artist, claim_id)


async def _approved(client: VerificationClient, _: Artist, claim_id: str) -> None:
    await client.approve(await client.add_admin(), claim_id)


async def _rejected(client: VerificationClient, _: Artist, claim_id: str) -> None:
    await client.reject(await client.add_admin(), claim_id)


async def _revoked(client: VerificationClient, _: Artist, claim_id: str) -> None:
    await client.revoke(await client.add_admin(), claim_id)


async def _scheduled(client: VerificationClient, _: Artist, __: str) -> None:
    await client.scheduler.run_once()


async def _renamed(client: VerificationClient, artist: Artist, _: str) -> None:
    request = UpdateArtistRequest(
        artist_profile=ArtistProfile(id=artist.profile_id, artist_name=f"Lake {uuid.uuid4()}"),
        update_mask=FieldMask(paths=["artist_name"]),
    )
    await call(ArtistServiceStub(client.users.channel).UpdateArtist, request, user(artist.email))


_PAST = "now() - interval '1 minute'"
_VERIFIED = f"state = 'VERIFIED', recheck_at = {_PAST}"
_STALE = f"state = 'STALE', stale_at = now(), recheck_at = {_PAST}, recheck_failed_at = now() - interval '73 hours'"
# The act, what the claim is before it, and its state after it.
ACTS: dict[str, tuple[Callable[..., Awaitable[None]], str, str]] = {
    "check": (_started_check, "state = 'PENDING'", "CHECKING"),
    "cancel": (_cancelled, "state = 'PENDING'", "CANCELLED"),
    "approve": (_approved, "state = 'PENDING'", "VERIFIED"),
    "reject": (_rejected, "state = 'PENDING'", "REJECTED"),
    "revoke": (_revoked, "state = 'VERIFIED', recheck_at = now() + interval '1 day'", "REVOKED"),
    "expire": (_scheduled, f"expires_at = {_PAST}", "EXPIRED"),
    "lease": (_scheduled, f"state = 'CHECKING', checking_until = {_PAST}", "PENDING"),
    "last lease": (_scheduled, f"state = 'CHECKING', checking_until = {_PAST}, attempt_count = 20", "FAILED"),
    "failed recheck": (_scheduled, _VERIFIED, "STALE"),
    "second failed recheck": (_scheduled, _STALE, "REVOKED"),
    "rename": (_renamed, "state = 'VERIFIED', recheck_at = now() + interval '1 day'", "STALE"),
}


@pytest.mark.parametrize("act", ACTS)
async def test_failed_commit_leaves_neither_state_nor_log(
    client: VerificationClient, crawler: FakeCrawler, act: str
) -> None:
    run, before, after = ACTS[act]
    await client.admin.execute("DELETE FROM users.verification_requests")
    artist = await client.add_artist()
    claim = (await client.start(artist, f"https://{uuid.uuid4().hex}.example.com/")).verification
    await client.admin.execute(f"UPDATE users.verification_requests SET {before} WHERE id = $1", claim.id)
    crawler.gate.clear()
    if act.endswith("recheck"):
        crawler.gate.set()
    stored = await client.admin.fetchval(_STORED, claim.id, artist.profile_id)
    async with failing_commits(client.admin):
        # Some acts fail for their caller, those of workers are logged.
        with contextlib.suppress(Exception):
            await run(client, artist, claim.id)
        assert await client.admin.fetchval(_STORED, claim.id, artist.profile_id) == stored
    await run(client, artist, claim.id)
    assert (await client.transitions(claim.id))[-1][1] == after
    state = "SELECT state FROM users.verification_requests WHERE id = $1"
    assert await client.admin.fetchval(state, claim.id) == after
    crawler.gate.set()
    await client.settled()


@pytest.mark.parametrize("found", [True, False])
async def test_failed_commit_of_a_result_leaves_the_lease(
    client: VerificationClient, crawler: FakeCrawler, found: bool
) -> None:
    artist = await client.add_artist()
    claim = (await client.start(artist, f"https://{uuid.uuid4().hex}.example.com/")).verification
    crawler.shows(claim.target_url, claim.code if found else "")
    crawler.gate.clear()
    await client.check(artist, claim.id)
    stored = await client.admin.fetchval(_STORED, claim.id, artist.profile_id)
    async with failing_commits(client.admin):
        crawler.gate.set()
        await client.settled()
    assert await client.admin.fetchval(_STORED, claim.id, artist.profile_id) == stored
    await client.age(claim.id, "checking_until", "1 minute")
    await client.scheduler.run_once()
    assert (await client.transitions(claim.id))[-1] == ("CHECKING", "PENDING", "SYSTEM")


async def test_failed_commit_of_a_start_leaves_nothing(client: VerificationClient) -> None:
    artist = await client.add_artist()
    async with failing_commits(client.admin):
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a failed commit becomes
            await client.start(artist, f"https://{uuid.uuid4().hex}.example.com/")
    counts = "SELECT count(*) FROM users.verification_transitions t, users.verification_requests r WHERE r.user_id = $1"
    assert await client.admin.fetchval(counts, artist.user_id) == 0
