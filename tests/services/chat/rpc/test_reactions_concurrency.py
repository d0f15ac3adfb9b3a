"""Reactions by many at once: the limit holds and tallies never drift; without the room's lock first both fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Session
from services.chat.actions import reactions
from services.chat.app import build as build_chat
from services.chat.config import Settings
from services.chat.domain.reactions import MAX_DISTINCT, ReactionContext
from services.chat.store import reactions as store
from services.chat.store import room_transaction
from services.chat.store.room_transaction import CountersRow
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, running
from tests.support.concurrency import gather_bounded

_USERS = 30
_FACES = [chr(code) for code in range(0x1F600, 0x1F600 + 25)]


@pytest.fixture(scope="module")
async def wide_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat, with a connection for each user."""
    async with running(Settings, build_chat, database, **neighbours, db_pool_max=_USERS) as service:
        yield service


async def _everybody_reacts(client: ChatClient) -> Message:
    """Thirty users give 25 distinct emojis to one message, all at once."""
    ada = new_user()
    room = await client.create_room(ada)
    message = await client.send_message(ada, room.id, "say something")
    users = [await client.join_as(room.id) for _ in range(_USERS)]
    await asyncio.gather(
        *(client.add_reaction(user, message, _FACES[n % len(_FACES)]) for n, user in enumerate(users)),
        return_exceptions=True,
    )
    return message


async def _sums(client: ChatClient, message: Message) -> tuple[dict[str, int], dict[str, int]]:
    """The tallies that are kept, and those that a recount gives."""
    kept = "SELECT emoji, count FROM chat.reaction_tallies WHERE message_id = $1"
    counted = """
        SELECT emoji, count(*) FROM chat.reactions WHERE message_id = $1 AND removed_at IS NULL GROUP BY emoji
    """
    rows = [await client.admin.fetch(query, UUID(message.id)) for query in (kept, counted)]
    return dict(map(tuple, rows[0])), dict(map(tuple, rows[1]))


async def _revs(client: ChatClient, message: Message) -> list[int]:
    query = "SELECT rev FROM chat.reactions WHERE message_id = $1 ORDER BY rev"
    return [row[0] for row in await client.admin.fetch(query, UUID(message.id))]


async def test_add_reaction_by_thirty_at_once_lets_twenty_emojis_stand(
    client: ChatClient, wide_chat: Running
) -> None:
    message = await _everybody_reacts(ChatClient(wide_chat, client.admin))
    kept, counted = await _sums(client, message)
    assert len(kept) == MAX_DISTINCT
    assert kept == counted
    revs = await _revs(client, message)
    assert revs == list(range(revs[0], revs[0] + sum(kept.values())))


class LockLast:
    """The order that the project does not use: read and decide first, lock the room only to write."""

    def __init__(self, callers: int) -> None:
        self._all_have_read = asyncio.Barrier(callers)

    async def lock_visible_room(self, _: Session, room_id: UUID, *__: Any) -> CountersRow:
        """Lock nothing yet."""
        return CountersRow(room_id, 0, 0, 0)

    async def get_context(
        self, session: Session, room_id: UUID, caller: Caller, message_id: UUID
    ) -> ReactionContext | None:
        """What is true before the lock is taken: for everybody the same."""
        facts = await store.get_context(session, room_id, caller, message_id)
        await self._all_have_read.wait()
        return facts

    async def add(
        self, session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, _: int
    ) -> Micros:
        """Lock, and write with the room's next rev."""
        locked = await room_transaction.lock_rooms(session, [room_id], wait=True)
        rev = locked[room_id].last_rev + 1
        return await store.add(session, room_id, message_id, user_id, emoji, rev)


async def test_control_with_the_lock_taken_last_lets_too_many_stand(
    client: ChatClient, wide_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two waves of members: each sees at most half of the emojis, whichever wave comes first.
    broken = LockLast(_USERS // 2)
    monkeypatch.setattr(reactions, "room_transaction", broken)
    monkeypatch.setattr(reactions, "store", broken)
    message = await _everybody_reacts(ChatClient(wide_chat, client.admin))
    kept, _ = await _sums(client, message)
    assert len(kept) == len(_FACES) > MAX_DISTINCT


async def test_tallies_equal_a_recount_after_random_reactions_of_many(
    client: ChatClient, second_chat: Running
) -> None:
    places = (client, ChatClient(second_chat, client.admin))
    ada = new_user()
    room = await client.create_room(ada)
    messages = [await client.send_message(ada, room.id, f"{n}") for n in range(2)]
    users = [await places[0].join_as(room.id) for _ in range(8)]
    chance = random.Random(4)

    async def some_reactions(user: str) -> None:
        for _ in range(40):
            client, message, emoji = (
                chance.choice(places),
                chance.choice(messages),
                chance.choice(_FACES[:4]),
            )
            answer = await chance.choice((client.add_reaction, client.remove_reaction))(user, message, emoji)
            assert all(each.count >= 1 for each in answer.reactions)

    await asyncio.gather(*map(some_reactions, users))
    for message in messages:
        kept, counted = await _sums(client, message)
        assert kept == counted
        assert kept
        # Each change has a number of its own.
        revs = await _revs(client, message)
        assert len(set(revs)) == len(revs)


async def test_add_reaction_by_one_user_many_times_at_once_counts_once(
    client: ChatClient, second_chat: Running
) -> None:
    places = (client, ChatClient(second_chat, client.admin))
    ada = new_user()
    room = await client.create_room(ada)
    message = await client.send_message(ada, room.id, "once")
    answers = await gather_bounded(client.add_reaction(ada, message) for acts in places for _ in range(20))
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    assert await _sums(client, message) == ({"🎵": 1}, {"🎵": 1})
    assert await _revs(client, message) == [message.rev + 1]
