"""A send costs the same into a room of two members and into one of fifty thousand."""

from __future__ import annotations

import json
import statistics
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import Mock

import asyncpg
import pytest

from servicekit.database import Session, set_codecs
from servicekit.ids import new_id
from services.chat.domain.message_send import SendDraft, ThreadPosition
from services.chat.store import message_send, room_transaction
from services.chat.store.message_send import Accepted
from tests.postgres import Database
from tests.services.chat.builders import make_members
from tests.services.chat.chat_client import ChatClient, new_user

_SIZES = (2, 50_000)
_TIMES = 15


class Weighing(Session):
    """A session that runs each statement, notes what it wrote, and gives no rows."""

    def __init__(self, session: Session, connection: asyncpg.Connection) -> None:
        super().__init__(session._database, connection)
        self.records: list[int] = []
        self.written: list[int] = []

    async def one(self, query: Any, *args: Any) -> Any:  # type: ignore[override]  # of any query
        """Run a query and weigh it; there is no row to give."""
        text = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, WAL, VERBOSE, FORMAT JSON) {query.text}", *args
        )
        plan = json.loads(text)[0]["Plan"]
        self.records.append(plan["WAL Records"])
        self.written.append(sum(_written(plan)))
        return Mock()

    async def rows(self, query: Any, *args: Any) -> Any:  # type: ignore[override]  # of any query
        """As `one`."""
        return await self.one(query, *args)


def _written(plan: dict[str, Any]) -> Iterator[int]:
    if plan["Node Type"] == "ModifyTable":
        # A node without RETURNING gives no rows: what it wrote is what came from below.
        yield int(plan["Plans"][0]["Actual Rows"])
    for inner in plan.get("Plans", ()):
        yield from _written(inner)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection as chat's role."""
    made = await asyncpg.connect(database.app_dsn("chat"))
    await set_codecs(made)
    yield made
    await made.close()


async def weigh(
    session: Weighing, room_id: uuid.UUID, user_id: uuid.UUID, mentions: tuple[uuid.UUID, ...]
) -> None:
    """Write a message under the room's lock, and take it back."""
    await session.execute_control("BEGIN")
    numbers = (
        await room_transaction.lock_rooms(
            Session(session._database, session._connection), [room_id], wait=True
        )
    )[room_id]
    draft = SendDraft(
        message_id=new_id(),
        room_id=room_id,
        user_id=user_id,
        muted_until=None,
        suspended_until=None,
        text="what a send costs",
        search_text="what a send costs",
        track=None,
        parent_id=None,
        mention_user_ids=mentions,
        request_id=new_id(),
        payload_hash=b"h" * 32,
    )
    accepted = Accepted(
        draft, ThreadPosition(), numbers.last_seq + 1, numbers.last_rev + 1, slow=False, private=False
    )
    await message_send.write(session, [accepted])
    await session.execute_control("ROLLBACK")


async def test_a_send_s_rows_and_wal_records_do_not_depend_on_members(
    client: ChatClient, connection: asyncpg.Connection
) -> None:
    costs = {}
    for size in _SIZES:
        owner = new_user()
        room_id = uuid.UUID((await client.create_room(owner)).id)
        async with client.admin.transaction():
            # Without looking the room up for every member.
            await client.admin.execute("SET LOCAL session_replication_role = replica")
            await make_members(client.admin, room_id, size - 1)
        user_id = uuid.UUID(await client.db.user_id(owner))
        with client.chat.counting() as statements:
            await client.send_message(owner, str(room_id), "counted")
        told = list(statements)
        async with client.chat.process.context.database.session() as plain:
            session = Weighing(plain, connection)
        for _ in range(_TIMES):
            await weigh(session, room_id, user_id, (user_id,))
        # A page that is full now and then costs a record more, whatever the room.
        costs[size] = (told, statistics.median(session.records), statistics.median(session.written))

    small, large = costs.values()
    assert small == large
    # The message, its mention, and the numbers of the room.
    assert small[2] == 3


async def test_one_row_for_each_member_would_be_noticed(
    client: ChatClient, connection: asyncpg.Connection
) -> None:
    """The control: a send that touches every member's row shows in rows and in records."""
    found = []
    for size in (2, 200):
        owner = new_user()
        room_id = uuid.UUID((await client.create_room(owner)).id)
        await make_members(client.admin, room_id, size - 1)
        async with client.chat.process.context.database.session() as plain:
            session = Weighing(plain, connection)
        await session.execute_control("BEGIN")
        await session.rows(_FOR_EACH, room_id)
        await session.execute_control("ROLLBACK")
        found.append((session.records[0], session.written[0]))
    assert found[1][0] > found[0][0] + 100
    assert (found[0][1], found[1][1]) == (2, 200)


class _ForEach:
    text = "UPDATE chat.room_memberships SET last_message_at = now() WHERE room_id = $1"


_FOR_EACH: Any = _ForEach()
