"""An act and its line of the log are one: a fault after the act leaves neither."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.caller import Role
from servicekit.database import Session
from servicekit.errors import Code
from servicekit.rpc_status import UpstreamError
from services.chat.store import audit_log
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, add_user


@dataclass
class MessagesByState:
    """A room with what each act needs: who may do it, and messages in each state."""

    client: ChatClient
    moderator: str
    admin: str
    live: Message
    pinned: Message
    deleted: Message


ACTS: dict[str, Callable[[MessagesByState], Awaitable[Any]]] = {
    "DELETE_MESSAGE": lambda on: on.client.delete_message(on.moderator, on.pinned),
    "DELETE_MESSAGE as admin": lambda on: on.client.delete_message(on.admin, on.live, as_admin=True),
    "RESTORE_MESSAGE": lambda on: on.client.restore_message(on.moderator, on.deleted),
    "PIN_MESSAGE": lambda on: on.client.pin_message(on.moderator, on.live),
    "UNPIN_MESSAGE": lambda on: on.client.unpin_message(on.moderator, on.pinned),
}
# Where the fault is, and what the caller learns of it: the log's line itself, or the end of the transaction.
FAULTS = {
    "the log refuses": ("BEFORE INSERT ON chat.moderation_logs", "RAISE 'no'", Code.INTERNAL),
    "the commit fails": ("AT COMMIT", "RAISE 'no'", Code.UNAVAILABLE),
    "the connection is lost": (
        "AT COMMIT",
        "PERFORM pg_terminate_backend(pg_backend_pid())",
        Code.UNAVAILABLE,
    ),
}


@contextlib.asynccontextmanager
async def _fault(client: ChatClient, room_id: str, where: str, what: str) -> AsyncIterator[None]:
    """Let the database fail at a point of every change of the room."""
    kind, event = "TRIGGER", where
    if where == "AT COMMIT":
        kind, event = (
            "CONSTRAINT TRIGGER",
            "AFTER UPDATE ON chat.room_counters DEFERRABLE INITIALLY DEFERRED",
        )
    table = event.partition(" ON ")[2].split()[0]
    await client.admin.execute(
        f"""
        CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN {what}; RETURN NEW; END $$;
        CREATE {kind} fault {event} FOR EACH ROW WHEN (NEW.room_id = '{room_id}')
          EXECUTE FUNCTION public.fail();
        """
    )
    yield
    await client.admin.execute(f"DROP TRIGGER fault ON {table}; DROP FUNCTION public.fail()")


@pytest.fixture
async def messages(client: ChatClient) -> MessagesByState:
    """A room with one message in each state."""
    owner, admin = new_user(), new_user()
    await add_user(client.admin, admin, role=Role.ADMIN)
    room = await client.create_room(owner)
    moderator = await client.join_as(room.id, "MODERATOR")
    author = await client.join_as(room.id)
    root, live = [await client.send_message(author, room.id, text) for text in ("root", "live")]
    pinned = await client.send_message(author, room.id, "pinned reply", parent_id=root.id)
    deleted = await client.send_message(author, room.id, "deleted reply", parent_id=root.id)
    await client.pin_message(moderator, pinned)
    await client.delete_message(author, deleted)
    return MessagesByState(client, moderator, admin, live, pinned, deleted)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_fault_after_an_act_leaves_neither_it_nor_its_line(
    messages: MessagesByState, act: str, fault: str
) -> None:
    room_id, (where, what, code) = messages.live.room_id, FAULTS[fault]
    before = await messages.client.db.room_rows(room_id)
    async with _fault(messages.client, room_id, where, what):
        with pytest.raises(UpstreamError) as raised:
            await ACTS[act](messages)
    assert raised.value.code is code
    assert await messages.client.db.room_rows(room_id) == before
    await ACTS[act](messages)
    lines = await messages.client.db.moderation_log(room_id)
    assert lines[-1]["action"] == act.partition(" as ")[0]
    assert len(lines) == len(before["moderation_logs"]) + 1


async def test_control_that_writes_the_line_by_itself_leaves_it_behind(
    messages: MessagesByState, chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = audit_log.insert

    async def insert_apart(_: Session, *args: Any, **values: Any) -> None:
        async with chat.process.context.database.transaction() as session:
            await insert(session, *args, **values)

    monkeypatch.setattr(audit_log, "insert", insert_apart)
    room_id = messages.live.room_id
    before = await messages.client.db.room_rows(room_id)
    async with _fault(messages.client, room_id, "AT COMMIT", "RAISE 'no'"):
        with pytest.raises(UpstreamError):
            await ACTS["PIN_MESSAGE"](messages)
    after = await messages.client.db.room_rows(room_id)
    assert after["pins"] == before["pins"]
    assert len(after["moderation_logs"]) == len(before["moderation_logs"]) + 1
