"""SendTyping: who is told, how often, and that nothing is kept of it."""

from __future__ import annotations

import asyncio

from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import watcher
from tests.services.running import Running


async def test_send_typing_is_shown_once_in_three_seconds(client: ChatClient, second_chat: Running) -> None:
    ada, bo = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bo, room.id)
    here = watcher(client, bo, include_typing=True)
    there = watcher(ChatClient(second_chat, client.admin), bo, include_typing=True)
    without = watcher(client, bo)
    for each in (here, there, without):
        each.watch_room(room.id)
    async with here.watching(), there.watching(), without.watching():
        for each in (here, there, without):
            await each.caught_up.wait()
        for _ in range(3):
            await client.call(ada, "SendTyping", room_id=room.id)
        # A message after it: what had been sent before has arrived.
        message = await client.send_message(ada, room.id, "written")
        for each in (here, there, without):
            await each.until(room.id, message.rev)
        told = (room.id, await client.db.user_id(ada))
        async with asyncio.timeout(5):
            while not there.typings:
                # Another process is told by NOTIFY, at no fixed moment.
                await asyncio.sleep(0.01)
        assert here.typings == there.typings == [told]
        assert without.typings == []
        late = watcher(client, bo, include_typing=True)
        late.watch_room(room.id, late.epoch, None)
        async with late.watching():
            await late.caught_up.wait()
            again = await client.send_message(ada, room.id, "more")
            await late.until(room.id, again.rev)
        assert late.typings == []
