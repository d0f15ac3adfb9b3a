"""Pages joined from cached messages are those that a process without a cache returns, whatever happened before."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import THREAD_VIEW_ALL
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.errors import BannedError, RoomNotFoundError
from tests.postgres import Database
from tests.services.chat.author_fixtures import ANONYMISE, TOMBSTONE, AuthorData
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import Running, refused, running

_EMOJIS = ("🔥", "👏", "🙌", "🎵")


@pytest.fixture(scope="module")
async def uncached_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat, without a cache."""
    async with running(Settings, build, database, **neighbours, page_cache_mib=0) as service:
        yield service


class History:
    """A room to which random things happen."""

    def __init__(self, client: ChatClient, uncached: Running, seed: int) -> None:
        self.client, self._uncached = client, ChatClient(uncached, client.admin)
        self.random = random.Random(seed)
        self.owner = new_user()
        self.live: list[tuple[str, Message]] = []
        self.deleted: list[tuple[str, Message]] = []

    async def open(self) -> None:
        """A room with three members and a few messages."""
        self.id = (await self.client.create_room(self.owner)).id
        self.people = [self.owner, *[await self.client.join_as(self.id) for _ in range(3)]]
        for _ in range(12):
            await self.send()

    async def send(self) -> None:
        """A root, or a reply to anything."""
        email = self.random.choice(self.people)
        roots = [message for _, message in self.live if not message.root_id]
        reply = roots and self.random.random() < 0.5
        fields = {"parent_id": self.random.choice(roots).id} if reply else {}
        text = f"text {self.random.random()} " + "long " * self.random.choice((0, 0, 50))
        self.live.append((email, await self.client.send_message(email, self.id, text, **fields)))

    async def edit(self) -> None:
        """Another text."""
        email, message = self.random.choice(self.live)
        await self.client.update_message(email, message, text=f"edited {self.random.random()}", etag="")

    async def delete(self) -> None:
        """Delete a root or a reply."""
        if len(self.live) > 3:
            self.deleted.append(one := self.live.pop(self.random.randrange(len(self.live))))
            await self.client.delete_message(*one)

    async def restore(self) -> None:
        """Restore one of those."""
        if self.deleted:
            self.live.append(one := self.deleted.pop(self.random.randrange(len(self.deleted))))
            await self.client.restore_message(self.owner, one[1])

    async def react(self) -> None:
        """React with one of a few emojis."""
        await self.client.add_reaction(
            self.random.choice(self.people), self.random.choice(self.live)[1], self.random.choice(_EMOJIS)
        )

    async def take_back(self) -> None:
        """Remove a reaction that may not be there."""
        await self.client.remove_reaction(
            self.random.choice(self.people), self.random.choice(self.live)[1], self.random.choice(_EMOJIS)
        )

    async def pin(self) -> None:
        """Pin a message, which writes another one."""
        await self.client.pin_message(self.owner, self.random.choice(self.live)[1])

    async def erase(self) -> None:
        """Erase a member, name or words, in whose place another one joins."""
        email = self.people.pop()
        user_id = await self.client.db.user_id(email)
        mode = self.random.choice((TOMBSTONE, ANONYMISE))
        while not (await AuthorData(self.client.chat).erase(user_id, mode)).done:
            pass
        self.live = [one for one in self.live if one[0] != email]
        self.deleted = [one for one in self.deleted if one[0] != email]
        self.people.append(await self.client.join_as(self.id))
        while len(self.live) < 4:
            await self.send()

    async def compare(self) -> None:
        """Read some page, with and without a cache."""
        newest = max(message.seq for _, message in self.live)
        seq = self.random.randint(1, newest)
        position = self.random.choice(({}, {}, {"before_seq": seq}, {"after_seq": seq}, {"around_seq": seq}))
        fields: dict[str, Any] = {"page_size": self.random.choice((2, 5, 50)), **position}
        fields |= self.random.choice(({}, {}, {"thread_view": THREAD_VIEW_ALL}, {"reply_preview_limit": 1}))
        email = self.random.choice(self.people)
        ours = await self.client.list_messages(email, self.id, **fields)
        theirs = await self._uncached.list_messages(email, self.id, **fields)
        assert ours == theirs, fields


@pytest.mark.parametrize("seed", range(3))
async def test_list_messages_is_the_same_with_and_without_a_cache(
    client: ChatClient, uncached_chat: Running, seed: int
) -> None:
    history = History(client, uncached_chat, seed)
    await history.open()
    acts: list[Callable[[], Awaitable[None]]] = [history.send] * 4
    acts += [history.edit, history.delete, history.restore, history.react, history.react, history.take_back]
    acts += [history.pin]
    with client.chat.counting() as statements:
        for step in range(60):
            await (history.erase if step % 25 == 20 else history.random.choice(acts))()
            for _ in range(3):
                await history.compare()
    # Most pages are joined.
    joined = [each for each in statements if each in {"chat.page_roots_delta", "chat.page_all_delta"}]
    whole = [each for each in statements if each in {"chat.page_roots", "chat.page_all"}]
    assert len(joined) > len(whole)


async def test_list_messages_joins_no_page_for_a_caller_who_may_not_read(client: ChatClient) -> None:
    room = await RoomWithMembers(client).create()
    for number in range(5):
        await client.send_message(room.owner, room.id, f"text {number}")
    for _ in range(3):
        await client.list_messages(room.owner, room.id)
    eve = new_user()
    with client.chat.counting() as statements:
        await client.list_messages(eve, room.id, before_seq=5)
    assert statements == ["chat.page_roots_delta"]
    await client.db.add_sanction(room.id, eve, "BAN")
    await refused(client.list_messages(eve, room.id, before_seq=4), BannedError, DOMAIN)
    await client.db.set_room(room.id, private=True)
    await refused(client.list_messages(new_user(), room.id, before_seq=4), RoomNotFoundError, DOMAIN)
