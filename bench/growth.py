"""How the cost of chat's statements grows with the size of a room, its members, a user's rooms and all rooms.

    python -m bench.growth [--largest 300000] [--repeats 15]

Fills a server of its own, and runs each statement as the service has it, for one room or user of each size. Prints a line for each:
pages of 8 KiB that it touched and the least milliseconds of its runs, planning aside; and what it wrote to the WAL. Writes are
rolled back. Pages do not depend on other load of the machine, the least time little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import uuid
from collections.abc import Awaitable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import asyncpg

from bench.cluster import cluster
from ops.database.init import init_database
from ops.database.migrate import deploy
from search_text import parse_query
from servicekit.clock import Micros
from servicekit.database import set_codecs
from servicekit.ids import new_id
from servicekit.sql import Statement
from services.chat.domain.message_send import SendDraft, ThreadPosition
from services.chat.domain.model import ThreadView
from services.chat.domain.pagination import Direction, Window
from services.chat.domain.room_search import FIRST_PAGE
from services.chat.store import membership, message_list, message_send, read_markers, room_listing
from services.chat.store.message_send import Accepted

Calls = dict[str, Awaitable[object]]

_OWNER, _NIL = uuid.UUID(int=1), uuid.UUID(int=0)
_EPOCH = Micros(0)
_MAKE_ROOMS = """
WITH made AS (
  INSERT INTO chat.rooms (id, name, search_name, created_by, rev)
  SELECT gen_random_uuid(), 'room ' || n, 'room ' || n, $2, 1 FROM generate_series(1, $1::int) n RETURNING id
), counters AS (
  INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) SELECT id, $3, $3, $4 FROM made
), owners AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev) SELECT id, $2, 'OWNER', now(), 1 FROM made
), others AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
  SELECT id, gen_random_uuid(), 'MEMBER', now() + n * interval '1 ms', 1 FROM made, generate_series(2, $4::int) n
)
SELECT id FROM made
"""
_MAKE_MESSAGES = """
INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at)
SELECT $1, n, n, gen_random_uuid(), $2, 'TEXT', 'message number ' || n, 'message number ' || n, now()
  FROM generate_series(1, $3::bigint) n
"""


class Cost(NamedTuple):
    """What one run of a statement took. `ms` is the least of several runs."""

    pages: int
    ms: float
    wal_bytes: int


class Recorded(Exception):  # noqa: N818 - it ends a call of the store where its statement would run
    """A statement and its parameters."""

    def __init__(self, statement: Statement[*tuple[Any, ...]], parameters: tuple[object, ...]) -> None:
        super().__init__()
        self.statement = statement
        self.parameters = parameters


class Recorder:
    """Takes the place of a session, so that the store itself says how it would run a statement."""

    async def rows(self, statement: Statement[*tuple[Any, ...]], *parameters: object) -> NoReturn:
        """Run nothing."""
        raise Recorded(statement, parameters)

    row = one = execute = rows


async def measure(connection: asyncpg.Connection[Any], call: Awaitable[object], repeats: int) -> Cost:
    """Run the statement of a call several times, each time in a transaction that is rolled back."""
    costs = []
    text, parameters = await _recorded(call)
    for _ in range(repeats):
        transaction = connection.transaction()
        await transaction.start()
        plan = json.loads(
            await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) {text}", *parameters)
        )[0]
        await transaction.rollback()
        # What is written beside the result is not in the sums of the result.
        writes = [each for each in _nodes(plan["Plan"]) if each["Node Type"] == "ModifyTable"]
        pages = max(_pages(plan["Plan"]), sum(map(_pages, writes)))
        costs.append(Cost(pages, plan["Execution Time"], sum(each["WAL Bytes"] for each in writes)))
    # The first runs read the catalog and set hints.
    return Cost(min(each.pages for each in costs), min(each.ms for each in costs), costs[-1].wal_bytes)


async def _recorded(call: Awaitable[object]) -> tuple[str, tuple[object, ...]]:
    try:
        await call
    except Recorded as found:
        return found.statement.text, found.parameters
    raise AssertionError


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _of_room(on: Any, room_id: uuid.UUID, messages: int) -> Calls:
    draft = SendDraft(
        message_id=new_id(),
        room_id=room_id,
        user_id=_OWNER,
        muted_until=None,
        suspended_until=None,
        text="sent",
        search_text="sent",
        track=None,
        parent_id=None,
        mention_user_ids=(),
        request_id=new_id(),
        payload_hash=b"h" * 32,
    )
    accepted = Accepted(draft, ThreadPosition(), messages + 1, messages + 1, slow=False, private=False)
    page = partial(message_list.page, on, room_id, _OWNER, ThreadView.ROOTS, replies=3, deleted=False)
    return {
        "newest page of 50": page(Window.newest(50)),
        "page in the middle": page(Window(Direction.OLDER, messages // 2, 51)),
        "members, first 50": membership.page(on, room_id, _OWNER, role=None, after=(_EPOCH, _NIL), limit=51),
        "read marker": read_markers.advance(on, room_id, _OWNER, messages),
        "send: what the rules need": message_send.send_context(on, [draft], outcome_unknown=False),
        "send: the write": message_send.write(on, [accepted]),
    }


async def _rooms(
    connection: asyncpg.Connection[Any], count: int, owner: uuid.UUID, messages: int, members: int
) -> list[uuid.UUID]:
    rows = await connection.fetch(_MAKE_ROOMS, count, owner, messages, members)
    for row in rows if messages else ():
        await connection.execute(_MAKE_MESSAGES, row["id"], owner, messages)
    return [row["id"] for row in rows]


async def _run(dsn: str, largest: int, repeats: int) -> None:
    await init_database(dsn)
    await deploy(dsn)
    connection = await asyncpg.connect(dsn)
    await set_codecs(connection)

    async def show(size: str, calls: Calls) -> None:
        await connection.execute("VACUUM (ANALYZE)")
        for what, call in calls.items():
            cost = await measure(connection, call, repeats)
            print(f"| {size} | {what} | {cost.pages} | {cost.ms:.2f} | {cost.wal_bytes} |", flush=True)

    on: Any = Recorder()
    print("| size | statement | pages | ms | WAL bytes |\n|---|---|---|---|---|")
    for messages in (1_000, largest):
        [room_id] = await _rooms(connection, 1, _OWNER, messages, 10)
        await show(f"{messages} messages, 10 members", _of_room(on, room_id, messages))
    for members in (1_000, 100_000):
        [room_id] = await _rooms(connection, 1, _OWNER, 1_000, members)
        await show(f"1000 messages, {members} members", _of_room(on, room_id, 1_000))
    for rooms in (1, 10, 100):
        owner = uuid.uuid4()
        await _rooms(connection, rooms, owner, 200, 10)
        await show(
            f"{rooms} rooms of the user",
            {"my rooms, 200 unread each": room_listing.my_rooms(on, owner, _NIL, 101)},
        )
    for rooms in (1_000, 100_000):
        await _rooms(connection, rooms, uuid.uuid4(), 0, 1)
        found = room_listing.public_rooms(on, _OWNER, parse_query("room"), FIRST_PAGE, 51)
        await show(f"{rooms} rooms more in all", {"public rooms by name, first 50": found})
    await connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", type=int, default=300_000, help="messages of the largest room")
    parser.add_argument("--repeats", type=int, default=15, help="runs of each statement")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seda-growth-") as folder:
        Path(folder).chmod(0o711)
        with cluster(Path(folder)) as server:
            asyncio.run(_run(server.dsn(), arguments.largest, arguments.repeats))


if __name__ == "__main__":
    main()
