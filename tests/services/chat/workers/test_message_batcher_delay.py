"""How the send batcher gathers drafts: as many as there are, at no wait for who is alone."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from servicekit.database import Database
from services.chat.domain.message_send import SendDraft
from services.chat.workers import message_batcher
from services.chat.workers.message_batch import write_batch
from services.chat.workers.message_batcher import SIBLINGS, MessageBatcher
from tests import postgres
from tests.services.chat.workers.batching import UNLIMITED, FaultyDatabase, draft, locked, new_room, soon
from tests.services.running import until_blocked


async def test_drafts_that_come_together_are_one_batch_whatever_their_rooms(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    rooms = [await new_room(admin) for _ in range(12)]
    answers = await asyncio.gather(*(batcher.send(draft(room_id), soon()) for room_id in rooms))
    assert [answer.seq for answer in answers] == [1] * len(rooms)
    assert faulty.committed == 1


async def together(batcher: MessageBatcher, room_id: UUID, count: int) -> None:
    await asyncio.gather(*(batcher.send(draft(room_id), soon()) for _ in range(count)))


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only drafts end a gathering, no time."""
    monkeypatch.setattr(message_batcher, "RECENT_SECONDS", 60.0)
    monkeypatch.setattr(message_batcher, "DELAY_SECONDS", 60.0)


async def turns() -> None:
    """Turns of the loop, in which a batch would begin."""
    for _ in range(10):
        await asyncio.sleep(0)


async def one_by_one(batcher: MessageBatcher, room_id: UUID, count: int) -> None:
    calls = []
    for _ in range(count):
        calls.append(asyncio.create_task(batcher.send(draft(room_id), soon())))
        await turns()
    await asyncio.gather(*calls)


@pytest.mark.usefixtures("endless")
async def test_after_a_batch_of_several_the_next_one_gathers_until_as_many_have_come(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    await together(batcher, room_id, SIBLINGS)
    assert faulty.committed == 1
    async with asyncio.timeout(10):
        await one_by_one(batcher, room_id, SIBLINGS)
    assert faulty.committed == 2


async def test_who_does_not_come_again_is_waited_for_once(
    faulty: FaultyDatabase,
    batcher: MessageBatcher,
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    endless: None,  # noqa: ARG001 - for what it sets
) -> None:
    room_id = await new_room(admin)
    await together(batcher, room_id, SIBLINGS)
    monkeypatch.setattr(message_batcher, "DELAY_SECONDS", 0.05)
    async with asyncio.timeout(10):
        await together(batcher, room_id, SIBLINGS - 2)
    assert faulty.committed == 2
    monkeypatch.setattr(message_batcher, "DELAY_SECONDS", 60.0)
    async with asyncio.timeout(10):
        await together(batcher, room_id, 1)


@pytest.mark.usefixtures("endless")
async def test_who_came_before_a_batch_was_answered_has_not_come_again(
    faulty: FaultyDatabase, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    go_on = asyncio.Semaphore(0)

    async def paused(database: Database, drafts: list[SendDraft], **options: Any) -> Any:
        begun.append(len(drafts))
        await go_on.acquire()
        return await write_batch(database, drafts, **options)

    monkeypatch.setattr("services.chat.workers.message_batcher.write_batch", paused)
    batcher, room_id = MessageBatcher(faulty, UNLIMITED), await new_room(admin)
    first = asyncio.create_task(together(batcher, room_id, SIBLINGS))
    await turns()
    early = asyncio.create_task(together(batcher, room_id, 2))
    await turns()
    go_on.release()
    await first
    go_on.release()
    async with asyncio.timeout(10):
        await one_by_one(batcher, room_id, SIBLINGS)
        await early
    assert begun == [SIBLINGS, 2 + SIBLINGS]


@pytest.mark.parametrize(
    ("before", "recent"), [(SIBLINGS - 1, 60.0), (SIBLINGS, 0.0)], ids=["few", "long ago"]
)
async def test_nobody_waits_for_others_after_a_batch_of_few_or_a_long_time(
    batcher: MessageBatcher,
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    recent: float,
) -> None:
    monkeypatch.setattr(message_batcher, "RECENT_SECONDS", recent)
    monkeypatch.setattr(message_batcher, "DELAY_SECONDS", 60.0)
    room_id = await new_room(admin)
    await together(batcher, room_id, before)
    async with asyncio.timeout(10):
        await batcher.send(draft(room_id), soon())


async def test_rooms_gather_behind_the_one_batch_of_many_rooms(
    faulty: FaultyDatabase, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a batch that waits for a lock nor a draft of one more room starts transactions of its own."""
    begun: list[tuple[int, bool]] = []
    go_on = asyncio.Semaphore(0)

    async def paused(database: Database, drafts: list[SendDraft], **options: Any) -> Any:
        begun.append((len({each.room_id for each in drafts}), options["wait"]))
        await go_on.acquire()
        return await write_batch(database, drafts, **options)

    monkeypatch.setattr("services.chat.workers.message_batcher.write_batch", paused)
    batcher = MessageBatcher(faulty, UNLIMITED)
    calls = []
    for _ in range(6):
        room_id = await new_room(admin)
        calls.append(asyncio.create_task(batcher.send(draft(room_id), soon())))
        await turns()
    # The first room was alone and may wait; the second must not, and the others gather behind it.
    assert begun == [(1, True), (1, False)]
    for _ in calls:
        go_on.release()
    assert [answer.seq for answer in await asyncio.gather(*calls)] == [1] * 6
    assert begun == [(1, True), (1, False), (4, False)]


async def test_a_room_that_waits_for_its_lock_again_begins_no_second_batch_of_many_rooms(
    faulty: FaultyDatabase,
    admin: asyncpg.Connection,
    database: postgres.Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a batch of many rooms is in flight, a lock never comes, and drafts of a free room are there."""
    begun: list[list[str | None]] = []
    go_on = asyncio.Event()

    async def paused(database: Database, drafts: list[SendDraft], **options: Any) -> Any:
        if not options["wait"]:
            begun.append([each.text for each in drafts])
            await go_on.wait()
        return await write_batch(database, drafts, **options)

    monkeypatch.setattr("services.chat.workers.message_batcher.write_batch", paused)
    batcher = MessageBatcher(faulty, UNLIMITED)
    taken, free, other = [await new_room(admin) for _ in range(3)]
    async with locked(database, taken):
        calls = [asyncio.create_task(batcher.send(draft(taken), soon()))]
        await until_blocked(admin)
        for room_id, text in ((free, "first"), (other, "second")):
            calls.append(asyncio.create_task(batcher.send(draft(room_id, text), soon())))
            # The lock's time is over more than once: each time what can begin does.
            await faulty.until("chat.lock_visible_room", 3)
        assert begun == [["first"]]
        go_on.set()
        await calls[2]
    assert [answer.seq for answer in await asyncio.gather(*calls)] == [1] * 3
