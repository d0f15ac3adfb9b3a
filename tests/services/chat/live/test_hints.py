"""Hints between two processes of chat: each transport, its loss and its return, and no transport at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from seda.chat.v1.room_pb2 import Room
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.live import hub
from tests.postgres import Database
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.live.watching import watcher
from tests.services.running import running
from tests.support.live_client import LiveClient
from tests.support.nats_server import nats_server


@dataclass
class Pair:
    """Two processes, and a watcher of a room at the second one."""

    here: ChatClient
    there: ChatClient
    owner: str
    room: Room
    live: LiveClient

    async def send(self) -> float:
        """Send at the first process; return the seconds until the watcher has it."""
        message = await self.here.send_message(self.owner, self.room.id, "hello")
        sent_at = time.monotonic()
        await self.live.until(self.room.id, message.rev)
        return time.monotonic() - sent_at

    async def write_in_silence(self) -> int:
        """Write a message of which no process tells; return its rev."""
        await make_messages(self.here.admin, self.room.id, await self.here.db.user_id(self.owner), 1)
        return (await self.here.get_room(self.owner, self.room.id)).position.rev


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives, arrives by hints."""
    monkeypatch.setattr(hub, "POLL_SECONDS", 600.0)


@asynccontextmanager
async def pair(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection, **options: Any
) -> AsyncIterator[Pair]:
    async with (
        running(ChatSettings, build_chat, database, **neighbours, **options) as one,
        running(ChatSettings, build_chat, database, **neighbours, **options) as other,
    ):
        here, there = ChatClient(one, admin), ChatClient(other, admin)
        owner, room = await make_room(here)
        live = watcher(there, owner)
        live.watch_room(room.id)
        async with live.watching():
            await live.caught_up.wait()
            yield Pair(here, there, owner, room, live)


async def test_without_hints_a_poll_finds_the_change(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with pair(database, neighbours, admin, hints="none") as both:
        assert await both.send() < 5


@pytest.mark.usefixtures("no_poll")
async def test_after_a_lost_listener_everything_is_read_again(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    if database.pooled:
        pytest.skip("no LISTEN behind a transaction pooler")
    async with pair(database, neighbours, admin) as both:
        await both.send()
        rev = await both.write_in_silence()
        assert (both.live.rooms[both.room.id].rev or 0) < rev
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await both.live.until(both.room.id, rev)
        await both.send()


@pytest.mark.usefixtures("no_poll")
async def test_nats_carries_hints_and_its_return_reads_everything_again(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with (
        nats_server("--auth", "a-token") as server,
        pair(
            database, neighbours, admin, hints=f"nats://{server.address}", hints_credentials="a-token"
        ) as both,
    ):
        await both.send()
        await server.stop()
        # What the first process tells now is lost.
        message = await both.here.send_message(both.owner, both.room.id, "to nobody")
        with pytest.raises(TimeoutError):
            await both.live.until(both.room.id, message.rev, timeout=0.3)
        await server.start()
        await both.live.until(both.room.id, message.rev)
        async with asyncio.timeout(20):
            # Each process connects again in its own time, and each new connection reads everything.
            await both.send()
