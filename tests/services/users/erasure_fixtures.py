"""Erasures for tests of their worker: started in the database, aged, and with services that can be made to fail."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from servicekit.caller import Caller, Role
from servicekit.clock import SystemClock
from servicekit.database import Database
from servicekit.ids import new_id
from servicekit.rate_limit import RateLimiter
from services.users.actions.erasure import ErasureDeps, Progress, StepDeps, erase_user
from services.users.domain.erasure import ErasureMode, ErasureRequest
from services.users.store.erasure import ErasureRow
from tests.services.chat.chat_client import new_user
from tests.services.running import add_user

CALLER_TTL_SECONDS = 5.0


@dataclass
class FakeServices:
    """Chat and tracks. `left` is how many rows of a user each holds; a call of chat erases `part` of them.

    `calls` has every call in order, `profiles` the number of artist profiles that the user had then. Each error of
    `errors` ends one call for a user; `hang` makes calls wait.
    """

    admin: asyncpg.Connection
    part: int = 1_000
    left: dict[tuple[str, UUID], int] = field(default_factory=dict)
    calls: list[tuple[str, UUID, str]] = field(default_factory=list)
    profiles: list[int] = field(default_factory=list)
    errors: dict[tuple[str, UUID], list[Exception]] = field(default_factory=dict)
    hang: asyncio.Event | None = None

    async def erase(self, service: str, user_id: UUID, mode: str, part: int) -> Progress:
        """One call."""
        query = "SELECT count(*) FROM users.artist_profiles WHERE user_id = $1"
        self.profiles.append(await self.admin.fetchval(query, user_id))
        self.calls.append((service, user_id, mode))
        if self.hang is not None:
            await self.hang.wait()
        if self.errors.get((service, user_id)):
            raise self.errors[service, user_id].pop(0)
        left = self.left.get((service, user_id), 0)
        erased = min(part, left)
        self.left[service, user_id] = left - erased
        return Progress(done=left == erased, rows=erased)

    def deps(self, database: Database) -> StepDeps:
        """The dependencies of the steps."""
        return StepDeps(database, _Authors(self), _Resolvers(self))

    def called(self, user_id: UUID) -> list[str]:
        """The services that were called for a user, in order."""
        return [service for service, each, _ in self.calls if each == user_id]


@dataclass
class _Authors:
    fake: FakeServices

    async def erase(self, user_id: UUID, mode: ErasureMode) -> Progress:
        return await self.fake.erase("chat", user_id, mode, self.fake.part)


@dataclass
class _Resolvers:
    fake: FakeServices

    async def erase(self, user_id: UUID) -> int:
        return (await self.fake.erase("tracks", user_id, "", 1_000_000)).rows


def erasure_deps(database: Database) -> ErasureDeps:
    """The dependencies of ErasureService."""
    return ErasureDeps(database, RateLimiter(1e6, 1e6, SystemClock()), CALLER_TTL_SECONDS)


async def erase(database: Database, user_id: UUID, mode: ErasureMode = ErasureMode.TOMBSTONE) -> ErasureRow:
    """Erase a user on their own request."""
    request = ErasureRequest(user_id, mode, "")
    return await erase_user(erasure_deps(database), Caller(user_id, Role.USER), request)


async def artist(admin: asyncpg.Connection) -> UUID:
    """A user with an artist profile, a claim of it, and what hangs on that."""
    user_id, profile_id, claim_id = UUID(await add_user(admin, new_user())), new_id(), new_id()
    await admin.execute(
        "INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton)"
        " VALUES ($1, $2, 'Ada', 'ada', 'ada')",
        profile_id,
        user_id,
    )
    await admin.execute(
        "INSERT INTO users.verification_requests (id, user_id, artist_profile_id, target_url, target_kind, claim_code,"
        " expires_at) VALUES ($1, $2, $3, 'https://ada.example', 'WEBSITE', $4, now() + interval '7 days')",
        claim_id,
        user_id,
        profile_id,
        claim_code(),
    )
    await admin.execute(
        "INSERT INTO users.verification_attempts (id, request_id, cause, stage, failure, host, user_id)"
        " VALUES ($1, $2, 'OWNER', 'MATCH', 'CODE_NOT_FOUND', 'ada.example', $3)",
        new_id(),
        claim_id,
        user_id,
    )
    await admin.execute(
        "INSERT INTO users.verification_transitions (id, request_id, to_state, actor_kind, actor_id)"
        " VALUES ($1, $2, 'PENDING', 'USER', $3)",
        new_id(),
        claim_id,
        user_id,
    )
    return user_id


def claim_code() -> str:
    """A claim code that no other claim has."""
    return f"seda-verify-{uuid4().hex.translate(str.maketrans('0189', 'wxyz'))[:26]}"


async def age(admin: asyncpg.Connection, erasure: ErasureRow, interval: str) -> None:
    """Let an erasure have been started, and its step be due, earlier."""
    await admin.execute(
        f"UPDATE users.erasure_jobs SET created_at = created_at - interval '{interval}',"
        f" due_at = due_at - interval '{interval}' WHERE id = $1",
        erasure.id,
    )


async def job(admin: asyncpg.Connection, erasure: ErasureRow) -> dict[str, Any]:
    """The job of an erasure; `wait` is the seconds until its step is due."""
    row = await admin.fetchrow(
        "SELECT *, extract(epoch FROM due_at - clock_timestamp())::float8 AS wait FROM users.erasure_jobs WHERE id = $1",
        erasure.id,
    )
    assert row is not None
    return {**row, "counts": json.loads(row["counts"])}
