"""Reading rooms of a hundred thousand members costs what reading small ones costs."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from servicekit.clock import Micros
from services.chat.store import membership, rooms
from tests.postgres import PARTITIONS, Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer, Plan
from tests.services.running import Running

_CROWD = 100_000
_PAGE = 101
_START = 1_700_000_000_000_000


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """Chat's own connection."""
    made = await Explainer.connect(database)
    yield made
    await made.close()


@dataclass(frozen=True)
class Crowd:
    """A room of many members. `instants` of joining: before the first, of one in the middle, of a late one."""

    owner: str
    room_id: uuid.UUID
    size: int

    @property
    def instants(self) -> list[int]:
        """Where pages begin."""
        return [_START, _START + self.size // 2 * 1000, _START + (self.size - _PAGE - 1) * 1000]


async def crowded(client: ChatClient, size: int) -> Crowd:
    """Make a room of that many members, of whom every thousandth moderates; a thousand more were there once."""
    ada = new_user()
    room_id = uuid.UUID((await client.create_room(ada)).id)
    async with client.admin.transaction():
        # Without looking the room up for every member.
        await client.admin.execute("SET LOCAL session_replication_role = replica")
        await client.admin.execute(
            """
            INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, left_at, removal, rev)
            SELECT $1, gen_random_uuid(), CASE WHEN n % 1000 = 7 THEN 'MODERATOR' ELSE 'MEMBER' END,
                   timestamptz 'epoch' + ($3::bigint + n * 1000) * interval '1 microsecond',
                   CASE WHEN n > $2 THEN now() END, CASE WHEN n > $2 THEN 'LEFT' END, n
              FROM generate_series(1, $2::int + 1000) AS n
            """,
            room_id,
            size - 1,
            _START,
        )
    await client.admin.execute(
        "UPDATE chat.room_counters SET member_count = $2 WHERE room_id = $1", room_id, size
    )
    return Crowd(ada, room_id, size)


@pytest.fixture(scope="module")
async def crowds(chat: Running, admin: asyncpg.Connection) -> tuple[Crowd, Crowd, Crowd]:
    """A room of ten, one of a thousand, one of a hundred thousand."""
    client = ChatClient(chat, admin)
    made = [await crowded(client, size) for size in (10, 1_000, _CROWD)]
    await admin.execute("VACUUM (ANALYZE) chat.room_memberships, chat.room_counters, chat.rooms")
    return made[0], made[1], made[2]


@pytest.mark.skipif(PARTITIONS > 0, reason="the indexes of partitions have other names")
async def test_rooms_of_any_size_are_read_at_one_price(
    client: ChatClient, crowds: tuple[Crowd, Crowd, Crowd], explainer: Explainer
) -> None:
    _, small, large = crowds
    caller = uuid.UUID(await client.db.user_id(small.owner))
    # What a connection looks up in the catalog at its first statement counts, too.
    await explainer.plan(membership._PAGE, small.room_id, caller, Micros(0), uuid.UUID(int=0), _PAGE)
    for explain in (explainer.plan, explainer.generic_plan):
        costs: dict[str, list[int]] = {}

        def note(what: str, plan: Plan, costs: dict[str, list[int]] = costs) -> None:
            assert "room_memberships" not in plan.scanned
            costs.setdefault(what, []).append(plan.buffers)

        for crowd in (small, large):
            room_id, caller = crowd.room_id, uuid.UUID(await client.db.user_id(crowd.owner))
            for at in crowd.instants:
                after = (Micros(at), uuid.UUID(int=0), _PAGE)
                note("all", await explain(membership._PAGE, room_id, caller, *after))
                note("plain", await explain(membership._PLAIN, room_id, caller, *after))
            first = (Micros(0), uuid.UUID(int=0), _PAGE)
            note("owners", await explain(membership._OWNERS, room_id, caller, *first))
            note("owner", await explain(membership._OTHER_OWNER, room_id, caller))
            note("room", await explain(rooms._ROOM, room_id, caller, None, None))
        for what, buffers in costs.items():
            # One page more or less of an index counts as the same where all is a handful of pages.
            assert max(buffers) - min(buffers) <= max(0.1 * max(buffers), 3), (what, buffers)
            assert max(buffers) < 300, (what, buffers)
        plan = await explain(
            membership._MODERATORS, large.room_id, uuid.uuid4(), Micros(0), uuid.UUID(int=0), _PAGE
        )
        assert "room_memberships_moderating_idx" in plan.indexes
        assert plan.buffers < 300


@pytest.mark.skipif(PARTITIONS > 0, reason="the indexes of partitions have other names")
async def test_who_may_not_read_a_room_costs_no_reading(
    client: ChatClient, crowds: tuple[Crowd, Crowd, Crowd], explainer: Explainer
) -> None:
    room_id = crowds[1].room_id
    first = (Micros(0), uuid.UUID(int=0), _PAGE)
    for private in (False, True):
        await client.db.set_room(str(room_id), private=private)
        plan = await explainer.plan(membership._PAGE, room_id, uuid.uuid4(), *first)
        assert ("room_memberships_joined_idx" in plan.indexes) is not private
