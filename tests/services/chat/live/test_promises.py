"""The promises of Watch, under random writes through two processes and with connections that come and go.

Ordered, unique and resumable are checked by the watchers with each frame, reliable by comparing what they know at the end
with what the service says, filtered by the database's own record of who lost what at which rev.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.live import hub
from services.chat.live.hints import Hint, HintChannel
from services.chat.store import changes as store
from tests.effort import LONG
from tests.gateway.gateway_fixture import settings as gateway_settings
from tests.gateway.gateway_fixture import start_gateway
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.live.audience import Audience
from tests.services.chat.live.traffic import Traffic
from tests.services.running import running

NEVER_ENDS = 100.0


class Scale(NamedTuple):
    """How much of everything."""

    writers: int
    rooms: int
    watchers: int
    rooms_each: int
    changes: int
    seconds: float = 15.0


SMALL = Scale(writers=8, rooms=4, watchers=12, rooms_each=3, changes=350)
LARGE = Scale(
    writers=50, rooms=40, watchers=100, rooms_each=8, changes=20_000 if LONG else 4_000, seconds=120.0
)


@contextlib.asynccontextmanager
async def theatre(
    database: Database, admin: asyncpg.Connection, neighbours: dict[str, str], scale: Scale, max_age: float
) -> AsyncIterator[Audience]:
    """Two processes of chat and a gateway in front of them, rooms with writers, and an audience."""
    options: dict[str, Any] = {
        **neighbours,
        "watch_max_age_seconds": max_age,
        "watch_heartbeat_seconds": 0.3,
        "max_streams_per_user": 100,
    }
    async with contextlib.AsyncExitStack() as stack:
        chats = [
            await stack.enter_async_context(running(ChatSettings, build_chat, database, **options))
            for _ in "ab"
        ]
        config = gateway_settings(
            neighbours["users_target"],
            ",".join(each.address for each in chats),
            neighbours["tracks_target"],
            max_streams_per_user=100,
        )
        _, channel = await stack.enter_async_context(start_gateway(config))
        traffic = Traffic(
            [ChatClient(each, admin) for each in chats], rooms=scale.rooms, writers=scale.writers
        )
        await traffic.prepare()
        audience = Audience(traffic, [*(each.channel for each in chats), channel], LiveServiceStub)
        await audience.seat(scale.watchers, scale.rooms_each)
        yield audience


@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(LARGE, id="large", marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
    ],
)
async def test_watchers_know_what_the_service_knows(
    fresh_database: Database, fresh_neighbours: dict[str, str], fresh_admin: asyncpg.Connection, scale: Scale
) -> None:
    async with theatre(fresh_database, fresh_admin, fresh_neighbours, scale, max_age=2.0) as audience:
        traffic = audience.traffic
        async with audience.watching():
            async with audience.cutting(0.1), traffic.running():
                await traffic.until(scale.changes)
            compared = await audience.agree(scale.seconds, again=True)
        log = await audience.saw_only_what_they_may()
        assert traffic.refused < traffic.acts * 0.7
        assert compared >= scale.watchers * scale.rooms_each / 3
        assert log.losses > scale.changes / 200
        assert sum(each.losses for each in audience.spectators) > 0


async def _undisturbed(database: Database, neighbours: dict[str, str], admin: asyncpg.Connection) -> None:
    """Without an end of any stream, so that no resume makes good for what the hub did wrong."""
    async with theatre(database, admin, neighbours, SMALL, max_age=NEVER_ENDS) as audience:
        async with audience.watching():
            async with audience.traffic.running():
                await audience.traffic.until(SMALL.changes)
            await audience.agree(5.0, again=False)
        await audience.saw_only_what_they_may()


@pytest.mark.slow
async def test_streams_that_never_end_know_what_the_service_knows(
    fresh_database: Database, fresh_neighbours: dict[str, str], fresh_admin: asyncpg.Connection
) -> None:
    await _undisturbed(fresh_database, fresh_neighbours, fresh_admin)


@pytest.mark.slow
async def test_a_hub_that_trusts_notifications_would_be_found(
    fresh_database: Database,
    fresh_neighbours: dict[str, str],
    fresh_admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish, rooms = HintChannel.publish, dict[UUID, int]()

    def lose_half(channel: HintChannel, hint: Hint) -> None:
        # Those of every second room: some room's last change is certainly among them.
        if all(rooms.setdefault(each, len(rooms)) % 2 for each in hint.room_ids):
            publish(channel, hint)

    monkeypatch.setattr(HintChannel, "publish", lose_half)
    monkeypatch.setattr(hub, "POLL_SECONDS", 600.0)
    with pytest.raises(TimeoutError):
        await _undisturbed(fresh_database, fresh_neighbours, fresh_admin)


@pytest.mark.slow
async def test_a_hub_that_pages_by_creation_would_be_found(
    fresh_database: Database,
    fresh_neighbours: dict[str, str],
    fresh_admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = store.changed
    newest: dict[tuple[Any, int], int] = {}

    async def after_the_newest(*arguments: Any) -> tuple[list[store.Changed], int]:
        found, rev = await changed(*arguments)
        key = arguments[1].room_id, arguments[2]
        cursor = max(
            (at for (room_id, after), at in newest.items() if room_id == key[0] and after <= key[1]),
            default=0,
        )
        kept = [
            each
            for each in found
            if not isinstance(each, store.ChangedMessage) or each.message.created_at > cursor
        ]
        created = [each.message.created_at for each in found if isinstance(each, store.ChangedMessage)]
        newest[key[0], rev] = max([cursor, *created])
        return kept, rev

    monkeypatch.setattr(store, "changed", after_the_newest)
    with pytest.raises(AssertionError):
        await _undisturbed(fresh_database, fresh_neighbours, fresh_admin)
