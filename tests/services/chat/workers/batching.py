"""What the tests of the send batcher share: a database whose transactions fail, drafts, and rooms."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable

import asyncpg

from servicekit.clock import SystemClock
from servicekit.database import Database, PoolOptions, Session
from servicekit.errors import OutcomeUnknownError
from servicekit.ids import new_id
from servicekit.rate_limit import RateLimiter
from services.chat.domain.message_send import SendDraft, payload_hash
from tests import postgres

USER = uuid.UUID("0190a5c0-0000-7000-8000-000000000001")
UNLIMITED = RateLimiter(1e6, 1e6, SystemClock())


class FaultyDatabase(Database):
    """A database whose transactions end as `faults` says, one entry each; then as usual."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, PoolOptions("test", min_size=1, max_size=8, lock_timeout_ms=100))
        self.faults: list[Callable[[], Exception]] = []
        self.lost_answers = 0
        self.committed = 0

    async def until(self, statement: str, count: int) -> None:
        """Wait until a statement has run so many times from now on."""
        seen = asyncio.Semaphore(0)
        self.observers.append(lambda name, _: seen.release() if name == statement else None)
        async with asyncio.timeout(20):
            for _ in range(count):
                await seen.acquire()

    @contextlib.asynccontextmanager
    async def transaction(self, statement_timeout_ms: int | None = None) -> AsyncIterator[Session]:
        """A transaction; with a fault it is rolled back and raises it."""
        if self.faults:
            fault = self.faults.pop(0)
            with contextlib.suppress(ZeroDivisionError):
                async with super().transaction(statement_timeout_ms) as session:
                    yield session
                    raise ZeroDivisionError
            raise fault()
        async with super().transaction(statement_timeout_ms) as session:
            yield session
        self.committed += 1
        if self.lost_answers:
            self.lost_answers -= 1
            raise OutcomeUnknownError


def draft(room_id: uuid.UUID, text: str = "x", request_id: uuid.UUID | None = None) -> SendDraft:
    """A message of the room's owner."""
    return SendDraft(
        message_id=new_id(),
        room_id=room_id,
        user_id=USER,
        muted_until=None,
        suspended_until=None,
        text=text,
        search_text=text,
        track=None,
        parent_id=None,
        mention_user_ids=(),
        request_id=request_id,
        payload_hash=payload_hash(text, None, None, ()) if request_id else None,
    )


def soon(seconds: float = 20.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


async def new_room(admin: asyncpg.Connection) -> uuid.UUID:
    """A room of USER's."""
    room_id = new_id()
    await admin.execute(
        "INSERT INTO chat.rooms (id, name, created_by, rev) VALUES ($1, 'r', $2, 1)", room_id, USER
    )
    await admin.execute("INSERT INTO chat.room_counters VALUES ($1, 0, 2)", room_id)
    await admin.execute(
        "INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)"
        " VALUES ($1, $2, 'OWNER', now(), 2)",
        room_id,
        USER,
    )
    return room_id


async def slow_room(admin: asyncpg.Connection) -> uuid.UUID:
    """A room where USER, a member and no more, sends once in ten minutes."""
    room_id = await new_room(admin)
    await admin.execute("UPDATE chat.rooms SET slow_mode_seconds = 600 WHERE id = $1", room_id)
    await admin.execute("UPDATE chat.room_memberships SET role = 'MEMBER' WHERE room_id = $1", room_id)
    return room_id


async def stored(admin: asyncpg.Connection, room_id: uuid.UUID) -> list[tuple[int, str]]:
    """The (seq, text) of a room's messages."""
    rows = await admin.fetch("SELECT seq, text FROM chat.messages WHERE room_id = $1 ORDER BY seq", room_id)
    return [(row["seq"], row["text"]) for row in rows]


@contextlib.asynccontextmanager
async def locked(database: postgres.Database, *room_ids: uuid.UUID) -> AsyncIterator[None]:
    """Hold rooms' locks from outside."""
    async with (
        postgres.administrator(database.server, database.name) as foreign,
        foreign.transaction(),
    ):
        await foreign.execute("SELECT 1 FROM chat.room_counters WHERE room_id = ANY($1) FOR UPDATE", room_ids)
        yield
