"""The statements of every method of VerificationService."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest

from seda.users.v1 import verification_service_pb2 as pb
from servicekit.ids import new_id
from tests.services.round_trips import RoundTrip, missing, statements_of
from tests.services.running import Running, call, user
from tests.services.users.fake_crawler import FakeCrawler
from tests.services.users.verification_client import Artist, VerificationClient, add_claim

_OWN = (
    "BEGIN",
    "users.artist_profile_of_verification",
    "users.lock_artist_profile",
    "users.get_verification",
)
_REVIEW = ("BEGIN", "users.lock_with_admins", *_OWN[1:])
_VERIFY = (
    "users.lock_verified_names",
    "users.find_lookalike",
    "users.change_verification_state",
    "users.set_artist_verified",
    "users.record_admin_action",
)
_START = (
    "BEGIN",
    "users.lock_artist_profile",
    "users.expire_verifications_of_profile",
    "users.verification_start_context",
)


@dataclass
class Context:
    """An artist with a pending claim, and an administrator."""

    client: VerificationClient
    artist: Artist
    claim_id: str
    root: str

    async def start(self, url: str = "") -> object:
        return await self.client.start(self.artist, url or f"https://{uuid.uuid4().hex}.example.com/")

    async def list(self, email: str, **fields: Any) -> object:
        return await call(
            self.client.stub.ListVerifications, pb.ListVerificationsRequest(**fields), user(email)
        )

    async def check(self) -> object:
        return await self.client.check(self.artist, self.claim_id)


TABLE: tuple[RoundTrip[Context], ...] = (
    RoundTrip("StartVerification", "", lambda c: c.start(), (*_START, "users.start_verification", "COMMIT")),
    RoundTrip(
        "StartVerification",
        "again",
        lambda c: c.start(f"https://{c.claim_id}.example.com/"),
        (*_START, "users.get_verification", "COMMIT"),
    ),
    RoundTrip(
        "GetVerification",
        "",
        lambda c: c.client.get(c.artist.email, c.claim_id),
        ("users.get_verification", "users.last_verification_attempt"),
    ),
    RoundTrip("ListVerifications", "", lambda c: c.list(c.artist.email), ("users.list_own_verifications",)),
    RoundTrip(
        "ListVerifications",
        "in a state",
        lambda c: c.list(c.artist.email, state=1),
        ("users.list_own_verifications_in_state",),
    ),
    RoundTrip(
        "ListVerifications", "of all", lambda c: c.list(c.root, as_admin=True), ("users.list_verifications",)
    ),
    RoundTrip(
        "ListVerifications",
        "of all in a state",
        lambda c: c.list(c.root, as_admin=True, state=1),
        ("users.list_verifications_in_state",),
    ),
    RoundTrip(
        "CheckVerification",
        "",
        lambda c: c.check(),
        (
            *_OWN,
            "users.verification_check_context",
            "users.find_lookalike",
            "users.start_verification_check",
            "COMMIT",
        ),
    ),
    RoundTrip(
        "CancelVerification",
        "",
        lambda c: c.client.cancel(c.artist, c.claim_id),
        (*_OWN, "users.change_verification_state", "COMMIT"),
    ),
    RoundTrip(
        "ListAttempts",
        "",
        lambda c: c.client.attempts(c.artist, c.claim_id),
        ("users.get_verification", "users.list_verification_attempts"),
    ),
    RoundTrip(
        "ApproveVerification",
        "",
        lambda c: c.client.approve(c.root, c.claim_id),
        (*_REVIEW, *_VERIFY, "COMMIT"),
    ),
    RoundTrip(
        "RejectVerification",
        "",
        lambda c: c.client.reject(c.root, c.claim_id),
        (*_REVIEW, "users.change_verification_state", "users.record_admin_action", "COMMIT"),
    ),
    RoundTrip(
        "RevokeVerification",
        "",
        lambda c: c.client.revoke(c.root, c.claim_id),
        (
            *_REVIEW,
            "users.change_verification_state",
            "users.set_artist_unverified",
            "users.record_admin_action",
            "COMMIT",
        ),
    ),
)


@pytest.mark.parametrize("round_trip", TABLE, ids=str)
async def test_statements(users: Running, admin: asyncpg.Connection, round_trip: RoundTrip[Context]) -> None:
    client = VerificationClient(users, admin)
    artist, root = await client.add_artist(), await client.add_admin()
    claim_id = await add_claim(admin, artist.user_id, artist.profile_id)
    context = Context(client, artist, claim_id, root)
    await admin.execute(
        "UPDATE users.verification_requests SET target_url = $2 WHERE id = $1",
        claim_id,
        f"https://{claim_id}.example.com/",
    )
    # Both callers are known.
    for email in (artist.email, root):
        await context.list(email)
    if round_trip.rpc == "RevokeVerification":
        await client.approve(root, claim_id)
    crawler = FakeCrawler()
    crawler.gate.clear()
    with patch.object(client.checker, "_crawler", crawler):
        found = await statements_of(users, round_trip, context)
        crawler.gate.set()
        await client.settled()
    assert found == round_trip.statements


def test_every_method_is_measured() -> None:
    assert missing(TABLE, pb.DESCRIPTOR.services_by_name["VerificationService"]) == set()


async def test_result_of_a_check(users: Running, admin: asyncpg.Connection) -> None:
    client, crawler = VerificationClient(users, admin), FakeCrawler()
    artist = await client.add_artist()
    claim = (await client.start(artist, f"https://{new_id()}.example.com/")).verification
    crawler.shows(claim.target_url, claim.code)
    crawler.gate.clear()
    with patch.object(client.checker, "_crawler", crawler):
        await client.check(artist, claim.id)
        with users.counting() as statements:
            crawler.gate.set()
            await client.settled()
    assert statements == [
        "BEGIN",
        "users.lock_artist_profile",
        *_VERIFY,
        "users.add_verification_attempt",
        "COMMIT",
    ]
