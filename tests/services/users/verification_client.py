"""Users who claim pages: calls of VerificationService, profiles, and the worker of checks."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from search_text import normalize_text
from seda.users.v1 import verification_pb2 as pb
from seda.users.v1 import verification_service_pb2 as service_pb
from seda.users.v1.verification_service_pb2_grpc import VerificationServiceStub
from servicekit.ids import new_id
from services.users.domain.name_skeleton import name_skeleton
from services.users.domain.verification_proof import new_code
from services.users.workers.verification_checker import VerificationChecker
from services.users.workers.verification_scheduler import VerificationScheduler
from tests.services.running import Running, add_user, call, user

_Worker = TypeVar("_Worker")


@dataclass
class Artist:
    """A user with a profile."""

    email: str
    user_id: str
    profile_id: str


@dataclass
class VerificationClient:
    """Calls of VerificationService at one users process."""

    users: Running
    admin: asyncpg.Connection

    @property
    def stub(self) -> VerificationServiceStub:
        """The service."""
        return VerificationServiceStub(self.users.channel)

    @property
    def checker(self) -> VerificationChecker:
        """The process's worker of checks."""
        return self._worker(VerificationChecker)

    @property
    def scheduler(self) -> VerificationScheduler:
        """The process's worker of re-checks and expiry."""
        return self._worker(VerificationScheduler)

    def _worker(self, kind: type[_Worker]) -> _Worker:
        (found,) = [each for each in self.users.process.app.workers if isinstance(each, kind)]
        return found

    async def add_artist(self, name: str | None = None, **columns: object) -> Artist:
        """A new user with a profile."""
        name = name or f"artist {uuid.uuid4()}"
        email = f"{uuid.uuid4()}@example.com"
        user_id = await add_user(self.admin, email, **columns)
        profile_id = new_id()
        await self.admin.execute(
            "INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton)"
            " VALUES ($1, $2, $3, $4, $5)",
            profile_id,
            user_id,
            name,
            normalize_text(name),
            name_skeleton(name),
        )
        return Artist(email, user_id, str(profile_id))

    async def add_admin(self) -> str:
        """The address of a new administrator."""
        email = f"{uuid.uuid4()}@example.com"
        await add_user(self.admin, email, role="ADMIN")
        return email

    async def start(self, artist: Artist, url: str) -> service_pb.StartVerificationResponse:
        """Start a claim."""
        request = service_pb.StartVerificationRequest(artist_profile_id=artist.profile_id, target_url=url)
        return await call(self.stub.StartVerification, request, user(artist.email))

    async def get(
        self, email: str, claim_id: str, *, as_admin: bool = False
    ) -> service_pb.GetVerificationResponse:
        """Get a claim."""
        request = service_pb.GetVerificationRequest(verification_id=claim_id, as_admin=as_admin)
        return await call(self.stub.GetVerification, request, user(email))

    async def check(self, artist: Artist, claim_id: str) -> pb.Verification:
        """Start a check."""
        request = service_pb.CheckVerificationRequest(verification_id=claim_id)
        return (await call(self.stub.CheckVerification, request, user(artist.email))).verification

    async def checked(self, artist: Artist, claim_id: str) -> service_pb.GetVerificationResponse:
        """Check a claim, 30 seconds after its last check, and return it when the check has ended."""
        await self.admin.execute(
            "UPDATE users.verification_requests SET checked_at = checked_at - interval '30 seconds' WHERE id = $1",
            claim_id,
        )
        await self.check(artist, claim_id)
        await self.settled()
        return await self.get(artist.email, claim_id)

    async def settled(self) -> None:
        """Wait until no check of this process runs."""
        while running := self.checker._running:
            await asyncio.wait(set(running))

    async def cancel(self, artist: Artist, claim_id: str) -> pb.Verification:
        """Cancel a claim."""
        request = service_pb.CancelVerificationRequest(verification_id=claim_id)
        return (await call(self.stub.CancelVerification, request, user(artist.email))).verification

    async def attempts(self, artist: Artist, claim_id: str) -> list[pb.VerificationAttempt]:
        """The checks of a claim, the newest first."""
        request = service_pb.ListAttemptsRequest(verification_id=claim_id)
        return list((await call(self.stub.ListAttempts, request, user(artist.email))).attempts)

    async def approve(self, email: str, claim_id: str, reason: str = "I know them") -> pb.Verification:
        """Approve a claim."""
        request = service_pb.ApproveVerificationRequest(verification_id=claim_id, reason=reason)
        return (await call(self.stub.ApproveVerification, request, user(email))).verification

    async def reject(self, email: str, claim_id: str, reason: str = "No") -> pb.Verification:
        """Reject a claim."""
        request = service_pb.RejectVerificationRequest(verification_id=claim_id, reason=reason)
        return (await call(self.stub.RejectVerification, request, user(email))).verification

    async def revoke(self, email: str, claim_id: str, reason: str = "No longer") -> pb.Verification:
        """Revoke a claim."""
        request = service_pb.RevokeVerificationRequest(verification_id=claim_id, reason=reason)
        return (await call(self.stub.RevokeVerification, request, user(email))).verification

    async def profile(self, artist: Artist) -> asyncpg.Record:
        """The row of a profile."""
        row = await self.admin.fetchrow(
            "SELECT * FROM users.artist_profiles WHERE id = $1", artist.profile_id
        )
        assert row is not None
        return row

    async def transitions(self, claim_id: str) -> list[tuple[str | None, str, str]]:
        """The log of a claim's states: before, after, and the kind of actor."""
        rows = await self.admin.fetch(
            "SELECT from_state, to_state, actor_kind FROM users.verification_transitions WHERE request_id = $1"
            " ORDER BY created_at, id",
            claim_id,
        )
        return [tuple(row) for row in rows]

    async def actions(self, claim_id: str) -> list[tuple[str, str]]:
        """The entries of the audit log about a claim: kind of actor, action."""
        rows = await self.admin.fetch(
            "SELECT actor_kind, action FROM users.admin_actions WHERE target_id = $1 ORDER BY created_at, id",
            claim_id,
        )
        return [tuple(row) for row in rows]

    async def age(self, claim_id: str, column: str, interval: str) -> None:
        """Move a time of a claim into the past."""
        await self.admin.execute(
            f"UPDATE users.verification_requests SET {column} = {column} - $2::text::interval WHERE id = $1",
            claim_id,
            interval,
        )


async def add_claim(admin: asyncpg.Connection, user_id: str, profile_id: str, url: str = "") -> str:
    """A pending claim, of a page that no crawler fetches unless a URL is given; returns its id."""
    claim_id = new_id()
    await admin.execute(
        "INSERT INTO users.verification_requests"
        " (id, user_id, artist_profile_id, target_url, target_kind, claim_code, expires_at)"
        " VALUES ($1, $2, $3, $4, 'WEBSITE', $5, now() + interval '7 days')",
        claim_id,
        user_id,
        profile_id,
        url or f"https://{claim_id}.invalid/",
        new_code(),
    )
    return str(claim_id)
