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
from tests.services.chat.acts import Acts, together
from tests.services.chat.world import World, new_user
from tests.services.running import Running, running

_USERS = 30
_FACES = [chr(code) for code in range(0x1F600, 0x1F600 + 25)]


@pytest.fixture(scope="module")
async def wide_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat, with a connection for each user."""
    async with running(Settings, build_chat, database, **neighbours, db_pool_max=_USERS) as service:
        yield service


async def _everybody_reacts(acts: Acts) -> Message:
    """Thirty users give 25 distinct emojis to one message, all at once."""
    ada = new_user()
    room = await acts.world.room(ada)
    message = (await acts.world.send(ada, room.id, "say something")).message
    users = [await acts.member(room.id) for _ in range(_USERS)]
    await asyncio.gather(
        *(acts.react(user, message, _FACES[n % len(_FACES)]) for n, user in enumerate(users)),
        return_exceptions=True,
    )
    return message


async def _sums(world: World, message: Message) -> tuple[dict[str, int], dict[str, int]]:
    """The tallies that are kept, and those that a recount gives."""
    kept = "SELECT emoji, count FROM chat.reaction_tallies WHERE message_id = $1"
    counted = """
        SELECT emoji, count(*) FROM chat.reactions WHERE message_id = $1 AND removed_at IS NULL GROUP BY emoji
    """
    rows = [await world.admin.fetch(query, UUID(message.id)) for query in (kept, counted)]
    return dict(map(tuple, rows[0])), dict(map(tuple, rows[1]))


async def _revs(world: World, message: Message) -> list[int]:
    query = "SELECT rev FROM chat.reactions WHERE message_id = $1 ORDER BY rev"
    return [row[0] for row in await world.admin.fetch(query, UUID(message.id))]


async def test_add_reaction_by_thirty_at_once_lets_twenty_emojis_stand(
    world: World, wide_chat: Running
) -> None:
    message = await _everybody_reacts(Acts(World(wide_chat, world.admin)))
    kept, counted = await _sums(world, message)
    assert len(kept) == MAX_DISTINCT
    assert kept == counted
    revs = await _revs(world, message)
    assert revs == list(range(revs[0], revs[0] + sum(kept.values())))


class LockLast:
    """The order that the project does not use: read and decide first, lock the room only to write."""

    def __init__(self, callers: int) -> None:
        self._all_have_read = asyncio.Barrier(callers)

    async def lock_visible_room(self, _: Session, room_id: UUID, *__: Any) -> CountersRow:
        """Lock nothing yet."""
        return CountersRow(room_id, 0, 0, 0)

    async def send_context(
        self, session: Session, room_id: UUID, caller: Caller, message_id: UUID
    ) -> ReactionContext | None:
        """What is true before the lock is taken: for everybody the same."""
        facts = await store.get_context(session, room_id, caller, message_id)
        await self._all_have_read.wait()
        return facts

    async def give(
        self, session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, _: int
    ) -> Micros:
        """Lock, and write with the room's next rev."""
        locked = await room_transaction.lock_rooms(session, [room_id], wait=True)
        rev = locked[room_id].last_rev + 1
        return await store.add(session, room_id, message_id, user_id, emoji, rev)


async def test_control_with_the_lock_taken_last_lets_too_many_stand(
    world: World, wide_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two waves of readers: each sees at most half of the emojis, whichever wave comes first.
    broken = LockLast(_USERS // 2)
    monkeypatch.setattr(reactions, "room_transaction", broken)
    monkeypatch.setattr(reactions, "store", broken)
    message = await _everybody_reacts(Acts(World(wide_chat, world.admin)))
    kept, _ = await _sums(world, message)
    assert len(kept) == len(_FACES) > MAX_DISTINCT


async def test_tallies_equal_a_recount_after_random_reactions_of_many(
    world: World, second_chat: Running
) -> None:
    places = (Acts(world), Acts(World(second_chat, world.admin)))
    ada = new_user()
    room = await world.room(ada)
    messages = [(await world.send(ada, room.id, f"{n}")).message for n in range(2)]
    users = [await places[0].member(room.id) for _ in range(8)]
    chance = random.Random(4)

    async def some_reactions(user: str) -> None:
        for _ in range(40):
            acts, message, emoji = (
                chance.choice(places),
                chance.choice(messages),
                chance.choice(_FACES[:4]),
            )
            answer = await chance.choice((acts.react, acts.take_back))(user, message, emoji)
            assert all(each.count >= 1 for each in answer.reactions)

    await asyncio.gather(*map(some_reactions, users))
    for message in messages:
        kept, counted = await _sums(world, message)
        assert kept == counted
        assert kept
        # Each change has a number of its own.
        revs = await _revs(world, message)
        assert len(set(revs)) == len(revs)


async def test_add_reaction_by_one_user_many_times_at_once_counts_once(
    world: World, second_chat: Running
) -> None:
    places = (Acts(world), Acts(World(second_chat, world.admin)))
    ada = new_user()
    room = await world.room(ada)
    message = (await world.send(ada, room.id, "once")).message
    answers = await together(acts.react(ada, message) for acts in places for _ in range(20))
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    assert await _sums(world, message) == ({"🎵": 1}, {"🎵": 1})
    assert await _revs(world, message) == [message.rev + 1]
