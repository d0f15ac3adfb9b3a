"""VerificationService: starts, reads and cancellations over a real channel and a real database."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from seda.users.v1 import verification_pb2 as pb
from seda.users.v1 import verification_service_pb2 as service_pb
from servicekit.errors import (
    AccessDeniedError,
    CallerSuspendedError,
    PageTokenMismatchError,
    RateLimitedError,
)
from servicekit.rpc_status import UpstreamError
from services.users.domain.errors import (
    ArtistNotFoundError,
    InvalidTargetError,
    NotAProfilePageError,
    NotYourselfError,
    TargetHostRefusedError,
    VerificationLimitError,
    VerificationNotFoundError,
    VerificationStateError,
)
from tests.services.running import Running, call, refused, user
from tests.services.users.verification_client import Artist, VerificationClient

DOMAIN = "users.seda.fm"
WEEK = 7 * 86_400


@pytest.fixture
def client(users: Running, admin: asyncpg.Connection) -> VerificationClient:
    return VerificationClient(users, admin)


def site(number: object = "") -> str:
    return f"https://{uuid.uuid4().hex}{number}.example.com/"


async def test_start_verification_tells_what_to_put_where(client: VerificationClient) -> None:
    artist = await client.add_artist()
    host = f"{uuid.uuid4().hex}.example.com"
    started = await client.start(artist, f"http://{host.upper()}/Me?a=1#b")
    claim, code = started.verification, started.instructions.code
    assert (claim.user_id, claim.artist_profile_id) == (artist.user_id, artist.profile_id)
    assert (claim.target_url, claim.target_kind) == (f"https://{host}/Me", pb.TARGET_KIND_WEBSITE)
    assert (claim.state, claim.attempt_count) == (pb.VERIFICATION_STATE_PENDING, 0)
    assert claim.code == code
    assert claim.expire_time.ToSeconds() - claim.create_time.ToSeconds() in {WEEK - 1, WEEK}
    assert [(each.kind, each.where, each.what) for each in started.instructions.proofs] == [
        (pb.PROOF_KIND_META_TAG, claim.target_url, f'<meta name="seda-verification" content="{code}">'),
        (pb.PROOF_KIND_WELL_KNOWN, f"https://{host}/.well-known/seda-verification.txt", code),
        (pb.PROOF_KIND_PAGE_TEXT, claim.target_url, code),
    ]
    assert all(each.where in started.instructions.text for each in started.instructions.proofs)
    got = await client.get(artist.email, claim.id)
    assert (got.verification, got.instructions) == (claim, started.instructions)
    assert not got.HasField("last_attempt")
    assert await client.transitions(claim.id) == [(None, "PENDING", "USER")]


async def test_start_verification_again_returns_the_same_claim(client: VerificationClient) -> None:
    artist, url = await client.add_artist(), site()
    started = await asyncio.gather(*(client.start(artist, f"{url}?{number}") for number in range(8)))
    assert len({each.verification.id for each in started}) == 1
    claim = started[0].verification
    await client.cancel(artist, claim.id)
    second = (await client.start(artist, url)).verification
    assert second.id != claim.id
    assert second.code != claim.code


async def test_start_verification_replaces_an_expired_claim(client: VerificationClient) -> None:
    artist, url = await client.add_artist(), site()
    claim = (await client.start(artist, url)).verification
    await client.age(claim.id, "expires_at", "7 days 1 second")
    second = (await client.start(artist, url)).verification
    assert second.id != claim.id
    assert await client.transitions(claim.id) == [(None, "PENDING", "USER"), ("PENDING", "EXPIRED", "SYSTEM")]


async def test_profile_has_three_active_claims(client: VerificationClient) -> None:
    artist = await client.add_artist()
    url = site()
    outcomes = await asyncio.gather(
        *(client.start(artist, site(number)) for number in range(7)), return_exceptions=True
    )
    started = [
        each.verification for each in outcomes if isinstance(each, service_pb.StartVerificationResponse)
    ]
    assert len(started) == 3
    error = await refused(client.start(artist, url), VerificationLimitError, DOMAIN)
    assert error.metadata == {"limit": "3"}
    # A claim that is there already is no new one.
    assert (await client.start(artist, started[0].target_url)).verification == started[0]
    await client.cancel(artist, started[0].id)
    await client.start(artist, url)


async def test_user_starts_ten_claims_a_day(client: VerificationClient) -> None:
    artist = await client.add_artist()
    claims = []
    for number in range(10):
        claims.append((await client.start(artist, site(number))).verification)
        await client.cancel(artist, claims[-1].id)
    await client.age(claims[0].id, "created_at", "23 hours")
    error = await refused(client.start(artist, site()), RateLimitedError, DOMAIN)
    assert error.retry_after == pytest.approx(3_600, abs=30)
    await client.age(claims[0].id, "created_at", "1 hour")
    await client.start(artist, site())
    await refused(client.start(artist, site()), RateLimitedError, DOMAIN)


async def test_start_verification_is_refused(client: VerificationClient) -> None:
    ada, bob = await client.add_artist(), await client.add_artist()
    nobody = Artist(ada.email, ada.user_id, str(uuid.uuid4()))
    error = await refused(client.start(nobody, site()), ArtistNotFoundError, DOMAIN)
    assert error.metadata == {"id": nobody.profile_id}
    await refused(
        client.start(Artist(ada.email, ada.user_id, bob.profile_id), site()), NotYourselfError, DOMAIN
    )
    await refused(client.start(ada, "ada.example.com"), InvalidTargetError, DOMAIN)
    await refused(client.start(ada, "https://10.0.0.1/"), TargetHostRefusedError, DOMAIN)
    error = await refused(client.start(ada, "https://soundcloud.com/ada/song"), NotAProfilePageError, DOMAIN)
    assert error.metadata == {"site": "soundcloud.com"}
    assert not await client.admin.fetchval(
        "SELECT count(*) FROM users.verification_requests WHERE user_id = $1", ada.user_id
    )


async def test_suspended_user_changes_nothing(client: VerificationClient) -> None:
    artist = await client.add_artist()
    claim = (await client.start(artist, site())).verification
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE id = $1", artist.user_id
    )
    await refused(client.start(artist, site()), CallerSuspendedError, DOMAIN)
    await refused(client.check(artist, claim.id), CallerSuspendedError, DOMAIN)
    await refused(client.cancel(artist, claim.id), CallerSuspendedError, DOMAIN)
    assert (await client.get(artist.email, claim.id)).verification == claim


async def test_claim_of_another_user_is_like_a_missing_one(client: VerificationClient) -> None:
    ada, bob = await client.add_artist(), await client.add_artist()
    theirs, missing = (await client.start(bob, site())).verification.id, str(uuid.uuid4())
    requests = [
        (client.stub.GetVerification, service_pb.GetVerificationRequest),
        (client.stub.CheckVerification, service_pb.CheckVerificationRequest),
        (client.stub.CancelVerification, service_pb.CancelVerificationRequest),
        (client.stub.ListAttempts, service_pb.ListAttemptsRequest),
    ]
    for method, request in requests:
        seen = []
        for claim_id in (theirs, missing):
            with pytest.raises(UpstreamError) as raised:
                await call(method, request(verification_id=claim_id), user(ada.email))  # type: ignore[arg-type]  # its own request
            error = raised.value
            assert error.reason == VerificationNotFoundError.reason
            seen.append(
                f"{error.code} {error.message} {error.metadata} {error.violations}".replace(claim_id, "ID")
            )
        assert seen[0] == seen[1]
    assert (await client.get(bob.email, theirs)).verification.state == pb.VERIFICATION_STATE_PENDING


async def test_administrators_read_the_claims_of_everybody(client: VerificationClient) -> None:
    artist, root = await client.add_artist(), await client.add_admin()
    claim = (await client.start(artist, site())).verification
    assert (await client.get(root, claim.id, as_admin=True)).verification == claim
    await refused(client.get(root, claim.id), VerificationNotFoundError, DOMAIN)
    await refused(client.get(artist.email, claim.id, as_admin=True), AccessDeniedError, DOMAIN)


async def listed(
    client: VerificationClient, email: str, **fields: object
) -> service_pb.ListVerificationsResponse:
    request = service_pb.ListVerificationsRequest(**fields)  # type: ignore[arg-type]  # of the fields' types
    return await call(client.stub.ListVerifications, request, user(email))


async def test_list_verifications(client: VerificationClient) -> None:
    ada, bob, root = await client.add_artist(), await client.add_artist(), await client.add_admin()
    claims = [(await client.start(ada, site(number))).verification for number in range(3)]
    cancelled = await client.cancel(ada, claims[0].id)
    other = (await client.start(bob, site())).verification
    own = list((await listed(client, ada.email)).verifications)
    assert sorted(own, key=lambda each: each.id) == sorted([cancelled, *claims[1:]], key=lambda each: each.id)
    first = await listed(client, ada.email, page_size=2)
    second = await listed(client, ada.email, page_size=2, page_token=first.next_page_token)
    assert [*first.verifications, *second.verifications] == own
    assert not second.next_page_token
    pending = await listed(client, ada.email, state=pb.VERIFICATION_STATE_PENDING)
    assert {each.id for each in pending.verifications} == {each.id for each in claims[1:]}
    everybody = {each.id for each in (await listed(client, root, as_admin=True, page_size=100)).verifications}
    assert everybody >= {other.id, *(each.id for each in claims)}
    found = await listed(client, root, as_admin=True, page_size=100, state=pb.VERIFICATION_STATE_CANCELLED)
    assert {each.state for each in found.verifications} == {pb.VERIFICATION_STATE_CANCELLED}
    assert cancelled.id in {each.id for each in found.verifications}
    await refused(listed(client, ada.email, as_admin=True), AccessDeniedError, DOMAIN)
    for stranger in (bob.email, root):
        await refused(
            listed(client, stranger, page_token=first.next_page_token), PageTokenMismatchError, DOMAIN
        )


async def test_cancel_verification(client: VerificationClient) -> None:
    artist = await client.add_artist()
    claim = (await client.start(artist, site())).verification
    cancelled = await client.cancel(artist, claim.id)
    assert cancelled.state == pb.VERIFICATION_STATE_CANCELLED
    assert await client.cancel(artist, claim.id) == cancelled
    assert await client.transitions(claim.id) == [(None, "PENDING", "USER"), ("PENDING", "CANCELLED", "USER")]
    error = await refused(client.check(artist, claim.id), VerificationStateError, DOMAIN)
    assert error.metadata == {"state": "CANCELLED"}
    await client.admin.execute(
        "UPDATE users.verification_requests SET state = 'FAILED' WHERE id = $1", claim.id
    )
    await refused(client.cancel(artist, claim.id), VerificationStateError, DOMAIN)
