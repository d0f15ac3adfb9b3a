"""Callers who hang up at any moment, also during a commit, take nothing with them and leave nothing behind."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import uuid4

import asyncpg
import grpc
import pytest

from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from servicekit.database import Database as Pool
from servicekit.database import Session
from servicekit.errors import ServiceError
from servicekit.sql import Query
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.postgres import Database, administrator
from tests.services.running import Running, running, user

pytestmark = pytest.mark.timeout(200)
CANCELS = 1000
AT_ONCE = 12
ROOMS = 6
LEAST_EACH = 20
"""So many cancelled changes must have been made, and so many not; otherwise the cancels came at one time only."""
_EMAIL = "hasty@example.org"
_SECONDS = 20.0
_CALM_SECONDS = 10.0
# The longest patience, at first. It follows what calls take on this machine at this time: a little less after each
# that was answered, a third of that more after each that was not, so that a quarter is answered and cancels fall
# all over the call, its commit included.
_LONGEST_SECONDS = 0.06
_LESS = 0.97
_MORE = 1.01
_PAUSE_SECONDS = 0.005
# A commit takes as long as on a slow disk: most of the time of a change is spent in it.
_SLOW_COMMITS = """
    CREATE FUNCTION public.commit_slowly() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(0.004); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON chat.messages
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.commit_slowly();
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON chat.rooms
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.commit_slowly();
"""


class PidRow(NamedTuple):
    """Which connection it is."""

    pid: int


_PID = Query[PidRow]("test.pid", "SELECT pg_backend_pid() AS pid")


@dataclass
class Hasty:
    """Somebody who hangs up in the middle of calls. `sent` and `created` map request ids to being acknowledged."""

    channel: grpc.aio.Channel
    room_ids: list[str]
    random: random.Random = field(default_factory=lambda: random.Random(7))
    sent: dict[str, SendMessageRequest] = field(default_factory=dict)
    created: dict[str, CreateRoomRequest] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    longest: float = _LONGEST_SECONDS
    cancels: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    async def cancel(self, times: int) -> None:
        """Hang up so many times, several calls at once."""

        async def again_and_again() -> None:
            while self.cancels.total() < times:
                await self._one()

        await asyncio.gather(*(again_and_again() for _ in range(AT_ONCE)))

    async def send_all_again(self) -> None:
        """Repeat each send with its request id, and wait for the answers."""
        send = MessageServiceStub(self.channel).SendMessage
        waiting = iter(list(self.sent.values()))

        async def one_after_the_other() -> None:
            for request in waiting:
                await send(request, metadata=user(_EMAIL), timeout=_SECONDS)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    async def _one(self) -> None:
        kind = self.random.choice(["send", "send", "create", "list", "get"])
        call, request_id = self._begin(kind)
        # The caller's patience, at random.
        await asyncio.sleep(self.random.uniform(0, self.longest))
        if call.cancel():
            self.cancels[kind] += 1
            self.longest *= _MORE
            return
        self.longest *= _LESS
        try:
            await call
        except grpc.aio.AioRpcError as error:
            self.errors[f"{kind} {error.code().name} {error.details()}"] += 1
        else:
            self.acknowledged.add(request_id)

    def _begin(self, kind: str) -> tuple[Any, str]:
        rooms, messages = RoomServiceStub(self.channel), MessageServiceStub(self.channel)
        room_id, request_id = self.random.choice(self.room_ids), str(uuid4())
        method: Any
        request: Any
        if kind == "send":
            request = SendMessageRequest(room_id=room_id, text=f"text {request_id}", request_id=request_id)
            method, self.sent[request_id] = messages.SendMessage, request
        elif kind == "create":
            request = CreateRoomRequest(room=Room(name=f"Room {request_id}"), request_id=request_id)
            method, self.created[request_id] = rooms.CreateRoom, request
        elif kind == "list":
            method, request = messages.ListMessages, ListMessagesRequest(room_id=room_id)
        else:
            method, request = rooms.GetRoom, GetRoomRequest(room_id=room_id)
        return method(request, metadata=user(_EMAIL), timeout=_SECONDS), request_id


@asynccontextmanager
async def chat_with_slow_commits(database: Database) -> AsyncIterator[tuple[Running, Hasty]]:
    """Chat, and somebody hasty with a few rooms."""
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(running(UsersSettings, build_users, database))
        chat = await stack.enter_async_context(
            running(ChatSettings, build_chat, database, users_target=users.address)
        )
        create = RoomServiceStub(chat.channel).CreateRoom
        names = [CreateRoomRequest(room=Room(name=f"Room {number}")) for number in range(ROOMS)]
        made = [await create(each, metadata=user(_EMAIL), timeout=_SECONDS) for each in names]
        async with administrator(database.server, database.name) as connection:
            await connection.execute(_SLOW_COMMITS)
        yield chat, Hasty(chat.channel, [each.room.id for each in made])


@asynccontextmanager
async def patient_callers(chat: Running, room_id: str) -> AsyncIterator[list[str]]:
    """Others who call meanwhile and never hang up; collects the errors that they get."""
    errors: list[str] = []
    ending = asyncio.Event()

    async def repeat(method: Any, request: Any) -> None:
        while not ending.is_set():
            try:
                await method(request, metadata=user("patient@example.org"), timeout=_SECONDS)
            except grpc.aio.AioRpcError as error:
                errors.append(f"{error.code().name} {error.details()}")
            # The pause is the rate.
            await asyncio.sleep(_PAUSE_SECONDS)

    rooms, messages = RoomServiceStub(chat.channel), MessageServiceStub(chat.channel)
    async with asyncio.TaskGroup() as group:
        group.create_task(repeat(rooms.CreateRoom, CreateRoomRequest(room=Room(name="Patient"))))
        group.create_task(repeat(messages.ListMessages, ListMessagesRequest(room_id=room_id)))
        try:
            yield errors
        finally:
            ending.set()


async def left_behind(pool: Pool, database: Database, calm: float = _CALM_SECONDS) -> list[str]:
    """What is not as before: connections that are busy though nobody calls, and a pool that is not whole."""
    found = []
    async with administrator(database.server, database.name) as connection:
        busy = await _busy_sessions(connection)
        end = time.monotonic() + calm
        while (busy or pool.busy) and time.monotonic() < end:
            # PostgreSQL tells of the end of a statement only when it is asked; the pool waits for that.
            await asyncio.sleep(0.05)
            busy = await _busy_sessions(connection)
    found += [f"session: {state}" for state in busy]
    if pool.busy:
        found.append(f"pool: {pool.busy} connections in use")
    pids = set()
    try:
        async with asyncio.timeout(calm), AsyncExitStack() as stack:
            for _ in range(pool.options.max_size):
                session = await stack.enter_async_context(pool.session())
                row = await session.row(_PID)
                assert row is not None
                pids.add(row.pid)
    except (ServiceError, TimeoutError) as error:
        found.append(f"pool: {len(pids)} of {pool.options.max_size} connections can be had ({error!r})")
    return found


async def _busy_sessions(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT state, query FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'seda-chat' AND state <> 'idle'"
    )
    return [f"{row['state']}: {row['query']}" for row in rows]


async def halves(connection: asyncpg.Connection, hasty: Hasty) -> tuple[list[str], Counter[str]]:
    """Changes that were neither made whole nor not at all; and how many cancelled ones were made, how many not."""
    messages = await connection.fetch(
        "SELECT request_id::text, room_id::text, text FROM chat.messages WHERE request_id IS NOT NULL"
    )
    rooms = await connection.fetch(
        "SELECT r.request_id::text, r.name, c.last_seq, count(m.user_id) AS members FROM chat.rooms r"
        " LEFT JOIN chat.room_counters c ON c.room_id = r.id"
        " LEFT JOIN chat.room_memberships m ON m.room_id = r.id"
        " WHERE r.request_id IS NOT NULL GROUP BY 1, 2, 3"
    )
    told = {row[0]: (row["room_id"], row["text"]) for row in messages}
    made = {row[0]: (row["name"], row["last_seq"] is not None, row["members"]) for row in rooms}
    found = [f"written twice: {len(messages) - len(told)}, {len(rooms) - len(made)}"]
    found = found if len(messages) > len(told) or len(rooms) > len(made) else []
    wanted: dict[str, Any] = {key: (each.room_id, each.text) for key, each in hasty.sent.items()}
    wanted |= {key: (each.room.name, True, 1) for key, each in hasty.created.items()}
    written: dict[str, Any] = {**told, **made}
    found += [f"half: {key} {written[key]}" for key in wanted.keys() & written if wanted[key] != written[key]]
    found += [f"lost: {key}" for key in hasty.acknowledged & wanted.keys() - written.keys()]
    counters = await connection.fetch(
        "SELECT c.room_id, c.last_seq, count(m.seq), max(m.seq) FROM chat.room_counters c"
        " LEFT JOIN chat.messages m USING (room_id) GROUP BY 1, 2"
        " HAVING count(m.seq) <> c.last_seq OR coalesce(max(m.seq), 0) <> c.last_seq"
    )
    found += [f"gaps: {tuple(row)}" for row in counters]
    kinds = [("send", hasty.sent), ("create", hasty.created)]
    ends = Counter(
        f"{kind} {'made' if key in written else 'not made'}"
        for kind, requests in kinds
        for key in requests.keys() - hasty.acknowledged  # type: ignore[attr-defined]  # joined by mypy to object
    )
    return found, ends


@pytest.mark.slow
async def test_callers_who_hang_up_at_any_moment(fresh_database: Database) -> None:
    async with chat_with_slow_commits(fresh_database) as (chat, hasty):
        async with patient_callers(chat, hasty.room_ids[0]) as patient:
            await hasty.cancel(CANCELS)
        pool = chat.process.context.database
        assert await left_behind(pool, fresh_database) == []
        assert not patient
        assert not hasty.errors
        async with administrator(fresh_database.server, fresh_database.name) as connection:
            broken, ends = await halves(connection, hasty)
            assert broken == []
            assert min(ends[f"{kind} made"] for kind in ("send", "create")) > LEAST_EACH, ends
            assert min(ends[f"{kind} not made"] for kind in ("send", "create")) > LEAST_EACH, ends
            # Whatever became of the first try, the second one says so.
            await hasty.send_all_again()
            broken, ends = await halves(connection, hasty)
            assert broken == []
            assert ends["send not made"] == 0


@pytest.mark.slow
async def test_a_connection_that_is_not_given_back_would_be_found(fresh_database: Database) -> None:
    async with chat_with_slow_commits(fresh_database) as (chat, hasty):
        pool = chat.process.context.database
        leaked = 0

        @asynccontextmanager
        async def leaking_session(self: Pool) -> AsyncIterator[Session]:
            """A session whose connection goes back only when all goes well; tells each time that it does not."""
            nonlocal leaked
            assert self._pool is not None
            await self._take_slot()
            try:
                lease = await self._pool.acquire()
                try:
                    yield Session(self, lease.connection)
                except BaseException:
                    leaked += 1
                    raise
                await self._pool.release(lease)
            finally:
                self._slots.release()

        with patch.object(Pool, "session", leaking_session):
            while not leaked:
                await hasty.cancel(hasty.cancels.total() + 40)
        found = await left_behind(pool, fresh_database, calm=1.0)
        assert any(each.startswith("pool") for each in found), found
