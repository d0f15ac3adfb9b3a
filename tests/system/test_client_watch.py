"""The client watches through a rolling restart and a crash of chat: no change is lost, none comes twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sedaclient import AsyncSeda, StaticToken
from sedaclient.channels import open_channel
from tests.postgres import Database, administrator
from tests.services.running import user
from tests.support.viewer import Shown, Viewer
from tests.system.support.load import Load
from tests.system.support.processes import real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
_OWNER = StaticToken(user("owner@example.org")[0][1].removeprefix("Bearer "))
_VIEWERS, _ROOMS, _RATE, _BETWEEN, _SECONDS = 6, 3, 60.0, 40, 30.0


async def test_a_watch_has_every_change_once_through_restarts(
    tmp_path: Path, fresh_database: Database
) -> None:
    async with AsyncExitStack() as stack:
        suite = stack.enter_context(real_suite(tmp_path, fresh_database.environ))
        chats = await suite.add_chat()
        target = ",".join(each.address for each in chats)
        channel = await stack.enter_async_context(open_channel(target))
        async with Load(channel, rooms=_ROOMS, authors=2, rate=_RATE) as load:
            seda = await stack.enter_async_context(AsyncSeda(target, auth=_OWNER))
            viewers = [Viewer(seda) for _ in range(_VIEWERS)]
            for each in viewers:
                await stack.enter_async_context(each.watching())
                await asyncio.wait_for(each.caught_up.wait(), _SECONDS)
            for leaving in chats:
                await load.acknowledged(_BETWEEN, leaving.terminate)
                assert await leaving.ended() == 0
                leaving.launch()
                await leaving.serving()
            await load.acknowledged(_BETWEEN, chats[0].kill)
            chats[0].launch()
            await load.acknowledged(_BETWEEN, lambda: None)
        admin = await stack.enter_async_context(administrator(fresh_database.server, fresh_database.name))
        for room_id in load.room_ids:
            query = "SELECT id::text, seq, rev, text FROM chat.messages WHERE room_id = $1::text::uuid"
            rows = await admin.fetch(query, room_id)
            wanted = {row["id"]: (row["seq"], row["text"] or "") for row in rows}

            async def read(wanted: Shown = wanted) -> Shown:
                return wanted

            for each in viewers:
                await each.until(room_id, read, _SECONDS)
                room = each.rooms[room_id]
                assert room.posted == Counter(row["id"] for row in rows if row["rev"] > room.entered)
                assert room.resets == 0
