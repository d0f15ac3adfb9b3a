"""GetArtist: the user of a profile, the pages that verify it, and for that user the claims that wait."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from seda.users.v1 import verification_pb2 as pb
from seda.users.v1.artist_service_pb2 import GetArtistRequest, GetArtistResponse
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from tests.services.running import Running, call, user
from tests.services.users.verification_client import Artist, VerificationClient


@pytest.fixture
def client(users: Running, admin: asyncpg.Connection) -> VerificationClient:
    return VerificationClient(users, admin)


async def get(client: VerificationClient, email: str, artist: Artist) -> GetArtistResponse:
    """GetArtist of the profile, as a user."""
    request = GetArtistRequest(artist_profile_id=artist.profile_id)
    return await call(ArtistServiceStub(client.users.channel).GetArtist, request, user(email))


async def claim_in(client: VerificationClient, artist: Artist, state: str) -> str:
    """A new claim of the artist, put into a state; gives its page."""
    url = f"https://{uuid.uuid4().hex}.example.com/"
    claim = (await client.start(artist, url)).verification
    await client.admin.execute(
        """
        UPDATE users.verification_requests
           SET state = $2, verified_at = CASE WHEN $2 IN ('VERIFIED', 'STALE') THEN now() END,
               recheck_at = CASE WHEN $2 IN ('VERIFIED', 'STALE') THEN now() END,
               stale_at = CASE WHEN $2 = 'STALE' THEN now() END,
               checking_until = CASE WHEN $2 = 'CHECKING' THEN now() + interval '1 hour' END
         WHERE id = $1
        """,
        uuid.UUID(claim.id),
        state,
    )
    return url


async def test_get_artist_has_its_user(client: VerificationClient) -> None:
    artist = await client.add_artist(display_name="Ada")
    found = await get(client, "reader@example.com", artist)
    assert (found.user.id, found.user.display_name) == (artist.user_id, "Ada")
    await client.admin.execute(
        "UPDATE users.users SET erased_at = now(), email = NULL, supabase_id = NULL, display_name = ''"
        " WHERE id = $1",
        uuid.UUID(artist.user_id),
    )
    assert not (await get(client, "reader@example.com", artist)).HasField("user")


async def test_get_artist_shows_what_verifies_a_profile_to_all_and_what_waits_to_its_user(
    client: VerificationClient,
) -> None:
    artist, other = await client.add_artist(), await client.add_artist()
    states = ("VERIFIED", "PENDING", "STALE", "CHECKING", "EXPIRED", "CANCELLED", "REJECTED", "VERIFIED")
    pages = [(state, await claim_in(client, artist, state)) for state in states]
    await claim_in(client, other, "VERIFIED")
    verified = [page for state, page in pages if state == "VERIFIED"]
    own = await get(client, artist.email, artist)
    for email in ("reader@example.com", other.email):
        found = await get(client, email, artist)
        assert [each.target_url for each in found.verified_targets] == verified
        assert list(found.open_verifications) == []
        assert found.verified_targets == own.verified_targets
    assert all(each.target_kind == pb.TARGET_KIND_WEBSITE for each in own.verified_targets)
    assert all(each.HasField("verify_time") for each in own.verified_targets)
    assert [
        (pb.VerificationState.Name(each.state)[19:], each.target_url) for each in own.open_verifications
    ] == [(state, page) for state, page in pages if state in {"PENDING", "STALE", "CHECKING"}]
    assert all(each.code for each in own.open_verifications)
