"""What moderators ask for costs what they get, not what was deleted, lifted or resolved before."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from servicekit.clock import Micros
from services.chat.domain.pagination import MAX_SEQ
from services.chat.store import erasure as erasing
from services.chat.store import export, message_delete, message_list, reports, sanctions
from tests.postgres import Database
from tests.services.chat.builders import make_members, make_messages
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer, Plan
from tests.services.running import Running

_MANY = 30_000
_ALWAYS = (MAX_SEQ, uuid.UUID(int=(1 << 128) - 1))
_NOWHERE = uuid.UUID(int=0)
# Of $2: as many live messages, and as many deleted ones after them. A thread under the first message, of which all
# replies but ten in the middle are deleted. Then sanctions and reports, of which the oldest stand.
_FILL = """
WITH history AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, deleted_at,
                             deletion_type)
  SELECT $1, n, n + 10, gen_random_uuid(), $2, 'TEXT', 'spam', 'spam', now() - interval '30 days',
         CASE WHEN n > $4 THEN now() END, CASE WHEN n > $4 THEN 'MODERATOR' END
    FROM generate_series(2, $4::int * 2) n
), replies AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, root_id, root_seq,
                             deleted_at, deletion_type)
  SELECT $1, n, n + 10, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'spam', 'spam', now(), $3, 1,
         CASE WHEN n NOT BETWEEN $4 * 5 / 2 - 9 AND $4 * 5 / 2 THEN now() END,
         CASE WHEN n NOT BETWEEN $4 * 5 / 2 - 9 AND $4 * 5 / 2 THEN 'MODERATOR' END
    FROM generate_series($4::int * 2 + 1, $4::int * 3) n
), thread AS (
  INSERT INTO chat.threads VALUES ($1, $3, 10, $4 * 5 / 2, now())
), sanctions AS (
  INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, starts_at, ended_at, rev)
  SELECT gen_random_uuid(), $1, CASE WHEN n = 1 OR n > $4 - 100 THEN $2 ELSE gen_random_uuid() END, 'MUTE', 'r',
         now(), CASE WHEN n > $4 / 2 THEN now() END, n
    FROM generate_series(1, $4::int) n
), reports AS (
  INSERT INTO chat.reports (id, room_id, message_id, reason, state, created_rev, created_at, resolved_at)
  SELECT gen_random_uuid(), $1, $3, 'r', CASE WHEN n > 2 THEN 'ACTED' ELSE 'OPEN' END, n,
         now() + n * interval '1 second', CASE WHEN n > 2 THEN now() END
    FROM generate_series(1, $4::int) n
)
UPDATE chat.room_counters SET last_seq = $4 * 3, last_rev = $4 * 3 + 100 WHERE room_id = $1
"""
# The messages of many others, a hundred each, of which every second one is deleted.
_OTHERS = """
INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, deleted_at,
                           deletion_type)
SELECT $1, n, n + 10, gen_random_uuid(), md5((n % ($2::int / 100))::text)::uuid, 'TEXT', 'x', 'x', now(),
       CASE WHEN n * 100 / $2 % 2 = 1 THEN now() END, CASE WHEN n * 100 / $2 % 2 = 1 THEN 'AUTHOR' END
  FROM generate_series(1, $2::int) n
"""
_Explain = Callable[..., Awaitable[Plan]]


@dataclass(frozen=True)
class Past:
    """A room with much behind it, and who wrote all that."""

    owner: str
    room_id: uuid.UUID
    author: uuid.UUID
    other_room_id: uuid.UUID
    other: uuid.UUID


@pytest.fixture(scope="module")
async def past(chat: Running, admin: asyncpg.Connection) -> Past:
    """The room, once for all."""
    client = ChatClient(chat, admin)
    ada = new_user()
    room = await client.create_room(ada)
    root = await client.send_message(ada, room.id, "root")
    other_room_id, other = (
        uuid.UUID((await client.create_room(ada)).id),
        uuid.UUID(hashlib.md5(b"1").hexdigest()),
    )
    made = Past(ada, uuid.UUID(room.id), uuid.uuid4(), other_room_id, other)
    await admin.execute(_FILL, made.room_id, made.author, uuid.UUID(root.id), _MANY)
    await admin.execute(_OTHERS, other_room_id, _MANY * 2)
    await admin.execute("VACUUM (ANALYZE) chat.messages, chat.sanctions, chat.reports, chat.threads")
    return made


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """Chat's own connection."""
    made = await Explainer.connect(database)
    yield made
    await made.close()


@pytest.fixture(params=["plan", "generic_plan"])
def explain(request: pytest.FixtureRequest, explainer: Explainer) -> _Explain:
    """Runs a statement as its first callers do, or as later ones."""
    made: _Explain = getattr(explainer, request.param)
    return made


async def test_an_author_s_live_messages_are_found_without_the_deleted(
    past: Past, explainer: Explainer
) -> None:
    who = (past.room_id, past.author)
    # A plan for any author may take all that is live, as few, and sort it; never what is deleted or too old.
    for explain, most in ((explainer.plan, 60), (explainer.generic_plan, 900)):
        for window, found in ((None, 500), (3600.0, 0)):
            await explain(message_delete._SEQS_BY_AUTHOR, *who, None, window, 500)
            plan = await explain(message_delete._SEQS_BY_AUTHOR, *who, None, window, 500)
            assert plan.root["Actual Rows"] == found
            assert plan.buffers < (most if found else 10), (window, plan.buffers)


async def test_all_of_an_author_is_found_by_its_indexes(past: Past, explain: _Explain) -> None:
    """What is live and what is deleted, which stand in an index each."""
    for statement, arguments in (
        (erasing._FIND_REMAINING, (past.other,)),
        (erasing._MESSAGES, (past.other_room_id, past.other, 400)),
        (export._KINDS, (past.other,)),
        (export._MESSAGES, (past.other, _NOWHERE, Micros(0), 0, 100)),
        (export._REVISIONS, (past.other, _NOWHERE, Micros(0), 0, 0, 100)),
    ):
        await explain(statement, *arguments)
        plan = await explain(statement, *arguments)
        assert plan.rows_scanned < 100, statement.name
        # A page of the table for each message, and a look at its revisions.
        assert plan.buffers < 500, (statement.name, plan.buffers)


async def test_live_replies_are_found_without_the_deleted(
    past: Past, explain: _Explain, explainer: Explainer
) -> None:
    """The first ones for a page, and the newest that is left when the newest is deleted."""
    newest = _MANY * 5 // 2
    calls: list[tuple[Any, tuple[object, ...]]] = [
        (message_list._ROOTS, (past.room_id, uuid.uuid4(), 1, 1, MAX_SEQ, 0, 5)),
        (message_delete._DELETE, (past.room_id, [newest], None, "MODERATOR", _MANY * 3 + 100)),
    ]
    for statement, arguments in calls:
        buffers = 0
        for _ in range(2):
            transaction = explainer._connection.transaction()
            await transaction.start()
            buffers = (await explain(statement, *arguments)).max_node_buffers
            await transaction.rollback()
        assert buffers < 60, (statement.name, buffers)


async def test_what_stands_is_listed_without_what_has_ended(past: Past, explain: _Explain) -> None:
    calls: list[tuple[Any, tuple[object, ...], int]] = [
        (sanctions._SANCTION_PAGE, (past.room_id, MAX_SEQ, 50), 50),
        (sanctions._SANCTIONS_OF_USER, (past.room_id, MAX_SEQ, 50, past.author), 1),
        (reports._REPORTS_IN_STATE, (past.room_id, *_ALWAYS, 50, "OPEN"), 2),
        (reports._REPORTS_IN_STATE, (past.room_id, *_ALWAYS, 50, "DISMISSED"), 0),
    ]
    for statement, arguments, count in calls:
        await explain(statement, *arguments)
        plan = await explain(statement, *arguments)
        assert plan.root["Actual Rows"] == count
        assert plan.buffers < 20, (statement.name, plan.buffers)


async def test_what_remains_is_counted_when_nobody_waits_for_the_room(client: ChatClient) -> None:
    ada = new_user()
    room_id, author = uuid.UUID((await client.create_room(ada)).id), uuid.uuid4()
    await make_members(client.admin, room_id, [str(author)])
    # Eleven within ten minutes, of which one was written before the clock was set back.
    age = "CASE WHEN n > 1990 OR n = 1300 THEN interval '1 minute' ELSE interval '30 minutes' END"
    await make_messages(client.admin, room_id, author, 2000, created_at=f"now() - {age}")
    asked = {"room_id": str(room_id), "user_id": str(author)}
    with client.chat.counting() as statements:
        banned = await client.call(ada, "BanMember", **asked, delete_window={"seconds": 600})
    # Fewer than a call deletes: nothing remains, and nothing is counted.
    assert (banned.deleted_count, banned.remaining_count) == (11, 0)
    assert statements[-1] == "COMMIT"
    with client.chat.counting() as statements:
        deleted = await client.call(
            ada, "DeleteMessagesByAuthor", room_id=str(room_id), author_id=str(author)
        )
    assert (deleted.deleted_count, deleted.remaining_count) == (500, 1489)
    assert statements[-2:] == ["COMMIT", "chat.count_by_author"]
