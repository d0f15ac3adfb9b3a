"""Decisions of administrators about claims, and who may have a page or a name."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from seda.users.v1 import verification_pb2 as pb
from servicekit.errors import AccessDeniedError, CallerSuspendedError
from servicekit.rpc_status import UpstreamError
from services.users.domain.errors import (
    LookalikeNameError,
    TargetAlreadyClaimedError,
    VerificationNotFoundError,
    VerificationStateError,
)
from tests.services.running import Running, refused
from tests.services.users.verification_client import Artist, VerificationClient

DOMAIN = "users.seda.fm"


@pytest.fixture
def client(users: Running, admin: asyncpg.Connection) -> VerificationClient:
    return VerificationClient(users, admin)


def site() -> str:
    return f"https://{uuid.uuid4().hex}.example.com/"


async def started(client: VerificationClient, artist: Artist, url: str | None = None) -> str:
    return (await client.start(artist, url or site())).verification.id


async def test_approve_verifies_the_profile(client: VerificationClient) -> None:
    artist, root = await client.add_artist(), await client.add_admin()
    claim_id = await started(client, artist, "https://soundcloud.com/ada")
    approved = await client.approve(root, claim_id)
    assert approved.state == pb.VERIFICATION_STATE_VERIFIED
    days = (approved.recheck_time.ToSeconds() - approved.verify_time.ToSeconds()) / 86_400
    assert 26.9 < days < 33.1
    assert await client.approve(root, claim_id, "again") == approved
    profile = await client.profile(artist)
    assert (profile["verified"], profile["soundcloud_url"]) == (True, "https://soundcloud.com/ada")
    assert await client.actions(claim_id) == [("USER", "APPROVE_VERIFICATION")]
    entry = await client.admin.fetchrow("SELECT * FROM users.admin_actions WHERE target_id = $1", claim_id)
    assert entry is not None
    assert (entry["before"], entry["after"], entry["reason"]) == (
        '{"state": "PENDING"}',
        '{"state": "VERIFIED"}',
        "I know them",
    )
    assert (await client.check(artist, claim_id)).state == pb.VERIFICATION_STATE_VERIFIED


async def test_reject_and_revoke(client: VerificationClient) -> None:
    artist, root = await client.add_artist(), await client.add_admin()
    first, second, third = [await started(client, artist) for _ in range(3)]
    rejected = await client.reject(root, first)
    assert rejected.state == pb.VERIFICATION_STATE_REJECTED
    assert await client.reject(root, first) == rejected
    await refused(client.approve(root, first), VerificationStateError, DOMAIN)
    await refused(client.revoke(root, second), VerificationStateError, DOMAIN)
    await client.approve(root, second)
    await client.approve(root, third)
    await refused(client.reject(root, second), VerificationStateError, DOMAIN)
    revoked = await client.revoke(root, second)
    assert revoked.state == pb.VERIFICATION_STATE_REVOKED
    assert not revoked.HasField("recheck_time")
    assert await client.revoke(root, second) == revoked
    # Another claim keeps the profile verified.
    assert (await client.profile(artist))["verified"]
    await client.revoke(root, third)
    profile = await client.profile(artist)
    assert (profile["verified"], profile["verified_at"]) == (False, None)
    assert await client.actions(second) == [("USER", "APPROVE_VERIFICATION"), ("USER", "REVOKE_VERIFICATION")]
    assert await client.actions(first) == [("USER", "REJECT_VERIFICATION")]


async def test_only_administrators_who_are_not_suspended_decide(client: VerificationClient) -> None:
    artist, root = await client.add_artist(), await client.add_admin()
    claim_id = await started(client, artist)
    for act in (client.approve, client.reject, client.revoke):
        await refused(act(artist.email, claim_id), AccessDeniedError, DOMAIN)
        await refused(act(root, str(uuid.uuid4())), VerificationNotFoundError, DOMAIN)
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", root
    )
    await refused(client.approve(root, claim_id), CallerSuspendedError, DOMAIN)
    assert await client.actions(claim_id) == []


async def test_page_of_a_verified_profile_is_taken_until_an_administrator_decides(
    client: VerificationClient,
) -> None:
    ada, bob, root = await client.add_artist(), await client.add_artist(), await client.add_admin()
    url = site()
    first, second = await started(client, ada, url), await started(client, bob, url)
    await client.approve(root, first)
    await refused(client.check(bob, second), TargetAlreadyClaimedError, DOMAIN)
    await refused(client.approve(root, second), TargetAlreadyClaimedError, DOMAIN)
    assert await client.transitions(second) == [(None, "PENDING", "USER")]
    await client.revoke(root, first)
    await client.approve(root, second)
    assert [(await client.profile(each))["verified"] for each in (ada, bob)] == [False, True]


async def test_two_profiles_that_get_one_page_at_once(client: VerificationClient) -> None:
    root, url = await client.add_admin(), site()
    artists = [await client.add_artist() for _ in range(4)]
    claims = [await started(client, each, url) for each in artists]
    outcomes = await asyncio.gather(*(client.approve(root, each) for each in claims), return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, UpstreamError)]
    assert [each.reason for each in errors] == ["TARGET_ALREADY_CLAIMED"] * 3
    assert [(await client.profile(each))["verified"] for each in artists].count(True) == 1


async def test_lookalike_of_a_verified_name_is_refused(client: VerificationClient) -> None:
    root, name = await client.add_admin(), f"Lake {uuid.uuid4()}"
    ada, bob = await client.add_artist(name), await client.add_artist(name.replace("a", "\u0430"))
    first, second = await started(client, ada), await started(client, bob)
    await client.approve(root, first)
    for refusing in (client.check(bob, second), client.approve(root, second)):
        error = await refused(refusing, LookalikeNameError, DOMAIN)
        assert error.metadata == {"artist_profile_id": ada.profile_id}
    await client.revoke(root, first)
    await client.approve(root, second)


async def test_two_lookalikes_at_once(client: VerificationClient) -> None:
    root, name = await client.add_admin(), f"Lake {uuid.uuid4()}"
    artists = [await client.add_artist(name) for _ in range(4)]
    claims = [await started(client, each) for each in artists]
    outcomes = await asyncio.gather(*(client.approve(root, each) for each in claims), return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, UpstreamError)]
    assert [each.reason for each in errors] == ["LOOKALIKE_NAME"] * 3
