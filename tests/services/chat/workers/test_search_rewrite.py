"""The janitor's rewriting of search texts that earlier builds stored in another form."""

from __future__ import annotations

import asyncio
import uuid
from uuid import UUID

import asyncpg
import pytest

from search_text import VERSION
from seda.chat.v1.message_pb2 import Message
from servicekit.database import Database
from services.chat.actions.search_rewrite import OutdatedMessages, next_outdated_messages
from services.chat.store import backfills
from services.chat.workers.janitor import Janitor
from tests.services.chat.chat_client import ChatClient, new_user

_MESSAGES, _ROOMS = "messages.search_text", "rooms.search_name"
# A text and what an earlier build stored of it.
_OLD = [
    ("我家在上海东边。", "我家在上海东边"),
    ("방탄소년단이", "방탄소년단이"),
    ("Łódź", "łodz"),
    ("\ufdfa", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647"),
    ("plain", "plain"),
]
_NEW = [
    "我家 家在 在上 上海 海东 东边 边 我 家 在 上 海 东",
    "방탄 탄소 소년 년단 단이 이 방 탄 소 년 단",
    "lodz",
    "\ufdfa",
    "plain",
]


@pytest.fixture(autouse=True)
async def fresh_start(admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """No backfill has begun, and batches are small."""
    await admin.execute("DELETE FROM chat.backfills")
    monkeypatch.setattr("services.chat.actions.search_rewrite.BATCH_SIZE", 3)


class OldRoom:
    """A room as an earlier build left it."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.ada = new_user()

    async def open(self) -> OldRoom:
        """Make the room and its messages."""
        self.id = (await self.client.create_room(self.ada, name="Łódź")).id
        self.messages: list[Message] = []
        for text, _ in _OLD:
            self.messages.append(await self.client.send_message(self.ada, self.id, text))
        await self.age()
        return self

    async def age(self) -> None:
        """Store the old forms."""
        await self.client.db.set_room(self.id, search_name="łodz")
        for message, (_, form) in zip(self.messages, _OLD, strict=True):
            await self.client.admin.execute(
                "UPDATE chat.messages SET search_text = $2 WHERE id = $1", UUID(message.id), form
            )

    async def forms(self) -> list[str]:
        """The stored forms of the messages."""
        rows = await self.client.admin.fetch(
            "SELECT search_text FROM chat.messages WHERE room_id = $1 AND type <> 'SYSTEM' ORDER BY seq",
            UUID(self.id),
        )
        return [row["search_text"] for row in rows]

    async def row_version(self, message: Message) -> object:
        """Changes whenever the row is written."""
        return await self.client.admin.fetchval(
            "SELECT xmin FROM chat.messages WHERE id = $1", UUID(message.id)
        )

    async def name(self) -> object:
        """The stored form of the room's name."""
        return await self.client.db.value("SELECT search_name FROM chat.rooms WHERE id = $1", UUID(self.id))


@pytest.fixture
async def old_room(client: ChatClient) -> OldRoom:
    """A room of an earlier build."""
    return await OldRoom(client).open()


async def _a_day_later(admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE chat.backfills SET started_at = started_at - interval '25 hours'")


async def test_old_forms_are_rewritten_and_no_other_row(old_room: OldRoom, janitor: Janitor) -> None:
    plain = await old_room.row_version(old_room.messages[-1])
    found = await old_room.client.search_messages(old_room.ada, "上海", room_id=old_room.id)
    assert not found.messages
    assert await janitor.run_once()
    assert await old_room.forms() == _NEW
    assert await old_room.name() == "lodz"
    assert await old_room.row_version(old_room.messages[-1]) == plain
    found = await old_room.client.search_messages(old_room.ada, "上海", room_id=old_room.id)
    assert [message.id for message in found.messages] == [old_room.messages[0].id]


async def test_a_deleted_message_is_found_when_it_is_restored(old_room: OldRoom, janitor: Janitor) -> None:
    message = old_room.messages[0]
    await old_room.client.delete_message(old_room.ada, message)
    assert await janitor.run_once()
    await old_room.client.restore_message(old_room.ada, message)
    found = await old_room.client.search_messages(old_room.ada, "上海", room_id=old_room.id)
    assert [each.id for each in found.messages] == [message.id]


async def test_every_row_is_visited_again_a_day_later_and_then_never(
    old_room: OldRoom, janitor: Janitor, admin: asyncpg.Connection, statements: list[str]
) -> None:
    assert await janitor.run_once()
    # As a process of an earlier build does.
    await old_room.age()
    statements.clear()
    assert await janitor.run_once()
    assert "chat.next_messages_with_search_text" not in statements
    await _a_day_later(admin)
    assert await janitor.run_once()
    assert await old_room.forms() == _NEW
    assert await old_room.name() == "lodz"
    await _a_day_later(admin)
    statements.clear()
    assert await janitor.run_once()
    assert not {"chat.next_messages_with_search_text", "chat.next_rooms_with_search_name"} & set(statements)


async def test_a_pass_goes_on_where_it_was_stopped(
    old_room: OldRoom, janitor: Janitor, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    async def stopped(*_: object) -> None:
        raise asyncio.CancelledError

    visited = "chat.next_messages_with_search_text"
    with monkeypatch.context() as patched:
        patched.setattr("services.chat.workers.janitor.rewrite_rooms", stopped)
        with pytest.raises(asyncio.CancelledError):
            await janitor.run_once()
    assert statements.count(visited) > 2
    statements.clear()
    assert await janitor.run_once()
    assert visited not in statements
    assert await old_room.name() == "lodz"


async def test_a_room_that_is_busy_is_left_to_the_second_pass(
    old_room: OldRoom, janitor: Janitor, admin: asyncpg.Connection
) -> None:
    before = await old_room.forms()
    async with admin.transaction():
        await admin.execute(
            "SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", UUID(old_room.id)
        )
        assert await janitor.run_once()
    assert await old_room.forms() == before
    await _a_day_later(admin)
    assert await janitor.run_once()
    assert await old_room.forms() == _NEW


async def test_what_was_edited_meanwhile_stays(
    old_room: OldRoom, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edited_first(database: Database) -> tuple[OutdatedMessages, backfills.Position | None]:
        outcome = await next_outdated_messages(database)
        if UUID(old_room.id) in outcome[0]:
            monkeypatch.undo()
            await old_room.client.update_message(old_room.ada, old_room.messages[0], text="after")
        return outcome

    monkeypatch.setattr("services.chat.workers.janitor.next_outdated_messages", edited_first)
    assert await janitor.run_once()
    assert await old_room.forms() == ["after", *_NEW[1:]]


async def test_a_later_build_begins_again_and_an_earlier_one_leaves_it_alone(pool: Database) -> None:
    first = backfills.Position(1, UUID(int=0), 0)
    assert await backfills.position(pool, _ROOMS, VERSION) == first
    reached = backfills.Position(1, uuid.uuid4(), 7)
    await backfills.save(pool, _ROOMS, VERSION, reached)
    assert await backfills.position(pool, _ROOMS, VERSION) == reached
    assert await backfills.position(pool, _MESSAGES, VERSION) == first
    assert await backfills.position(pool, _ROOMS, VERSION + 1) == first
    await backfills.save(pool, _ROOMS, VERSION + 1, reached)
    assert await backfills.position(pool, _ROOMS, VERSION) is None
    await backfills.save(pool, _ROOMS, VERSION, reached.next_pass())
    assert await backfills.position(pool, _ROOMS, VERSION + 1) == reached
