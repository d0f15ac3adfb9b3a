"""What runs at every write is planned once for each connection, not again for each call's arguments."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from servicekit.caller import Caller, Role
from servicekit.database import Database, PoolOptions, Session
from servicekit.ids import new_id
from servicekit.sql import Query
from services.chat.domain.message_send import SendDraft, ThreadPosition
from services.chat.store import message_send, reactions, read_markers, room_listing, room_transaction
from services.chat.store.message_send import Accepted
from services.chat.store.room_transaction import CountersRow
from tests import postgres
from tests.services.chat.chat_client import ChatClient, new_user

_TIMES = 12
# PostgreSQL compares after five plans for the arguments at hand.
_MOST_OWN = 5
_BATCHES = (1, 1, 2, 8, 1, 5, 1, 12, 1, 3, 1, 1)


@pytest.fixture
async def one(database: postgres.Database) -> AsyncIterator[Database]:
    """The service's database through one connection, as its role; never through a pooler, which prepares nothing."""
    opened = Database(database.app_dsn("chat"), PoolOptions("test", min_size=1, max_size=1))
    await opened.open()
    yield opened
    await opened.close()


async def plans(session: Session, prefix: str = "chat.") -> dict[str, tuple[int, int]]:
    """How often each statement ran with the plan for all arguments, and how often with one of its own."""
    connection: asyncpg.Connection[Any] = session._connection
    rows = await connection.fetch(
        "SELECT substring(statement FROM '/\\* ([a-z_.]+) \\*/') AS name, generic_plans, custom_plans"
        " FROM pg_prepared_statements"
    )
    return {
        row["name"]: (row["generic_plans"], row["custom_plans"])
        for row in rows
        if row["name"] and row["name"].startswith(prefix)
    }


def draft(room_id: uuid.UUID, user_id: uuid.UUID) -> SendDraft:
    """A message with a mention and a request id."""
    return SendDraft(
        message_id=new_id(),
        room_id=room_id,
        user_id=user_id,
        muted_until=None,
        suspended_until=None,
        text="planned",
        search_text="planned",
        track=None,
        parent_id=None,
        mention_user_ids=(user_id,),
        request_id=new_id(),
        payload_hash=b"h" * 32,
    )


async def send(session: Session, drafts: list[SendDraft], *, wait: bool) -> None:
    """One batch."""
    room_ids = list({each.room_id for each in drafts})
    numbers = await room_transaction.lock_rooms(session, room_ids, wait=wait)
    assert len(await message_send.send_context(session, drafts, outcome_unknown=False)) == len(drafts)
    accepted = []
    for each in drafts:
        row = numbers[each.room_id]
        numbers[each.room_id] = row._replace(last_seq=row.last_seq + 1, last_rev=row.last_rev + 1)
        accepted.append(
            Accepted(each, ThreadPosition(), row.last_seq + 1, row.last_rev + 1, slow=False, private=False)
        )
    await message_send.write(session, accepted)


@pytest.mark.skipif(
    postgres.PARTITIONS > 0, reason="a plan for one room leaves out the partitions of all others"
)
async def test_statements_of_every_write_are_planned_once(client: ChatClient, one: Database) -> None:
    """Batches of many sizes, acts of one room, marks and lists: after five calls none is planned any more."""
    ada = new_user()
    rooms = [uuid.UUID((await client.create_room(ada)).id) for _ in range(max(_BATCHES))]
    user_id = uuid.UUID(await client.db.user_id(ada))
    message_id = uuid.UUID((await client.send_message(ada, str(rooms[0]), "liked")).id)
    caller = Caller(user_id, Role.USER)
    for number, size in zip(range(_TIMES), _BATCHES, strict=True):
        for wait in (True, False):
            async with one.transaction() as session:
                taken = rooms[:1] * size if wait else rooms[:size]
                await send(session, [draft(room_id, user_id) for room_id in taken], wait=wait)
        async with one.transaction() as session:
            row = await room_transaction.lock_visible_room(session, rooms[0], [user_id] * size)
            assert row is not None
            await reactions.get_context(session, rooms[0], caller, message_id)
            await reactions.add(session, rooms[0], message_id, user_id, f"{number}", row.last_rev + 1)
            await reactions.remove(session, rooms[0], message_id, user_id, f"{number}", row.last_rev + 2)
            await room_transaction.bump_room_list_version(
                session, [user_id, *(new_id() for _ in range(size))]
            )
        await read_markers.advance(one, rooms[0], user_id, number + 1)
        await room_listing.my_rooms(one, user_id, uuid.UUID(int=0), size)
    async with one.session() as session:
        found = await plans(session)
    assert set(found) >= {
        *(
            "chat.lock_rooms",
            "chat.lock_rooms_skip_locked",
            "chat.lock_visible_room",
            "chat.send_context",
            "chat.write_batch",
            "chat.bump_room_list_version",
        ),
        *("chat.reaction_context", "chat.add_reaction", "chat.remove_reaction"),
        *("chat.mark_read", "chat.my_rooms"),
    }
    assert {name: counts for name, counts in found.items() if counts[1] > _MOST_OWN} == {}


_BARE = Query[CountersRow, list[uuid.UUID]](
    "tests.tried_lock",
    "SELECT room_id, last_seq, last_rev, member_count FROM chat.room_counters WHERE room_id = ANY ($1)",
)


async def test_an_array_whose_length_shows_is_planned_at_every_call(
    client: ChatClient, one: Database
) -> None:
    """The control."""
    room_id = uuid.UUID((await client.create_room(new_user())).id)
    async with one.session() as session:
        for _ in range(_TIMES):
            assert len(await session.rows(_BARE, [room_id])) == 1
        assert (await plans(session, "tests."))["tests.tried_lock"] == (0, _TIMES)
