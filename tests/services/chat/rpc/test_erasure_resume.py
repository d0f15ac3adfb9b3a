"""EraseAuthor killed at each of its statements, in every way, and resumed; and how much one transaction touches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from servicekit.database import Database, PoolOptions, Session
from servicekit.sql import Statement
from services.chat.actions.deps import Deps
from services.chat.actions.erasure import erase_author
from services.chat.domain.erasure import ErasureMode, ErasureProgress
from services.chat.store import erasure, message_purge, ownership_transfer
from tests import postgres
from tests.services.chat.author_fixtures import (
    columns_with,
    count_rows_per_transaction,
    invariant_violations,
    populate,
)
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.rpc.test_erasure import FILLED, NAMED_STILL, STAYS

WAYS = ("before", "after", "cancelled", "connection lost")
MODES = list(ErasureMode)
_JANITOR_S = {"chat.expired_tombstones", "chat.tombstones_to_purge"}
_TOMBSTONE_S = {"chat.delete_dependents", "chat.purge_messages"}


class KilledError(Exception):
    """Stands for the end of the process."""


class Reaper:
    """Ends an erasure at each statement of each of its transactions, once in each way.

    A statement is known by those before it in its transaction and by the transaction's room, so that every place
    where a call can end is one, and every call comes a little further than the one before.
    """

    def __init__(self, database: Database, admin: asyncpg.Connection, patch: pytest.MonkeyPatch) -> None:
        self.killed: set[tuple[str, tuple[str, ...], str]] = set()
        self.task: asyncio.Task[Any] | None = None
        self._database = database
        self._admin = admin
        self._room = ""
        self._names: tuple[str, ...] = ()
        self._run, self._control = Session._run, Session.execute_control
        reaper = self

        async def run(session: Session, *args: Any) -> Any:
            return await reaper._statement(session, *args)

        async def control(session: Session, text: str) -> None:
            await reaper._end(session, text)

        patch.setattr(Session, "_run", run)
        patch.setattr(Session, "execute_control", control)

    async def _statement(self, session: Session, statement: Any, run: Any, args: tuple[Any, ...]) -> Any:
        if statement.name == "chat.lock_rooms":
            self._room = str(args[0])
        return await self._reap(session, statement.name, self._run(session, statement, run, args))

    async def _end(self, session: Session, text: str) -> None:
        name = text.partition(" ")[0]
        try:
            if name == "ROLLBACK":
                await self._control(session, text)
            else:
                await self._reap(session, name, self._control(session, text))
        finally:
            if name != "BEGIN":
                self._names, self._room = (), ""

    async def _reap(self, session: Session, name: str, work: Any) -> Any:
        if session._database is not self._database:
            return await work
        if name == "chat.find_remaining":
            self._names = ()
        self._names = (*self._names, name)
        way = next((way for way in WAYS if (way, self._names, self._room) not in self.killed), None)
        if way is not None:
            self.killed.add((way, self._names, self._room))
        if way == "before":
            work.close()
            raise KilledError
        if way == "cancelled":
            assert self.task is not None
            asyncio.get_running_loop().call_soon(self.task.cancel)
        if way == "connection lost":
            pid = await session._connection.fetchval("SELECT pg_backend_pid()")
            await self._admin.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
        result = await work
        if way == "after":
            raise KilledError
        return result


@pytest.fixture
async def pool(database: postgres.Database) -> AsyncIterator[Database]:
    """A pool of the test's own, as the service's role, past any pooler: backends are ended by their number."""
    opened = Database(database.app_dsn("chat"), PoolOptions("test", min_size=1, max_size=2))
    await opened.open()
    yield opened
    await opened.close()


async def _erase(pool: Database, user_id: str, mode: ErasureMode, seconds: float = 60.0) -> ErasureProgress:
    deps = cast("Deps", SimpleNamespace(database=pool))
    deadline = asyncio.get_running_loop().time() + seconds
    return await erase_author(deps, UUID(user_id), mode, deadline)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
async def test_erase_author_killed_at_every_statement_is_resumed(
    client: ChatClient, pool: Database, monkeypatch: pytest.MonkeyPatch, mode: ErasureMode
) -> None:
    author = await populate(client)
    with monkeypatch.context() as patch:
        reaper = Reaper(pool, client.admin, patch)
        calls = 0
        erased: ErasureProgress | None = None
        while erased is None:
            calls += 1
            reaper.task = asyncio.create_task(_erase(pool, author.user_id, mode))
            ended: object = (await asyncio.gather(reaper.task, return_exceptions=True))[0]
            erased = ended if isinstance(ended, ErasureProgress) else None
            # However it ended: what is there is whole.
            assert await invariant_violations(client.admin) == set()
    assert erased.done
    assert calls == len(reaper.killed) + 1 > 200
    reached = {names[-1] for _, names, _ in reaper.killed}
    ours = {
        value.name
        for module in (erasure, message_purge, ownership_transfer)
        for value in vars(module).values()
        if isinstance(value, Statement)
    } - _JANITOR_S
    assert reached >= (ours if mode is ErasureMode.TOMBSTONE else ours - _TOMBSTONE_S)
    assert reached >= {
        "BEGIN",
        "COMMIT",
        "chat.lock_rooms",
        "chat.set_room_counters",
        "chat.bump_room_list_version",
    }
    left = await columns_with(client.admin, author.word)
    assert left == set(STAYS if mode is ErasureMode.TOMBSTONE else FILLED) - {
        "reactions.emoji",
        "reaction_tallies.emoji",
        "reports.reason",
    }
    assert await columns_with(client.admin, author.user_id) == NAMED_STILL


async def test_erase_author_with_no_time_left_does_one_part_in_each_call(
    client: ChatClient, pool: Database
) -> None:
    author = await populate(client)
    answers: list[ErasureProgress] = []
    while not answers or not answers[-1].done:
        answers.append(await _erase(pool, author.user_id, ErasureMode.TOMBSTONE, seconds=0.0))
        assert await invariant_violations(client.admin) == set()
    assert all(answer.changed > 0 for answer in answers[:-1])
    assert len(answers) > 15
    assert await columns_with(client.admin, author.word) == set(STAYS)


async def test_erase_author_keeps_every_transaction_small(
    client: ChatClient, pool: Database, admin: asyncpg.Connection
) -> None:
    ada, eve = new_user(), new_user()
    room = (await client.create_room(ada)).id
    await client.join_room(eve, room)
    user_id = await client.db.user_id(eve)
    await _much(admin, UUID(room), UUID(await client.db.user_id(ada)), UUID(user_id))
    async with count_rows_per_transaction(admin) as sizes:
        erased = await _erase(pool, user_id, ErasureMode.TOMBSTONE)
        touched = await sizes()
    assert erased.done
    assert 300 < max(touched) <= 500
    assert len(touched) > 10
    assert sum(touched) > erased.changed > 2_000
    assert await columns_with(admin, "muchtosay") == set()
    assert await invariant_violations(admin) == set()


async def _much(admin: asyncpg.Connection, room_id: UUID, ada: UUID, eve: UUID) -> None:
    """700 messages of eve's, replies among them; much hangs on one; she reacted to and is mentioned in 700 others."""
    await make_messages(admin, room_id, eve, 701, text="'muchtosay'")
    await make_messages(admin, room_id, ada, 699, text="'hm'")
    await admin.execute(
        """
        UPDATE chat.messages m SET root_id = r.id, root_seq = r.seq FROM chat.messages r
         WHERE m.room_id = $1 AND m.user_id = $2 AND m.seq % 2 = 0 AND r.room_id = $1 AND r.seq = m.seq - 1
           AND m.seq > 4 AND m.type = 'TEXT'
        """,
        room_id,
        eve,
    )
    await admin.execute(
        """
        INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
        SELECT room_id, root_id, 1, seq, created_at FROM chat.messages WHERE room_id = $1 AND root_id IS NOT NULL
        """,
        room_id,
    )
    await admin.execute(
        """
        INSERT INTO chat.message_revisions (room_id, message_id, number, text, replaced_at)
        SELECT room_id, id, n, 'muchtosay', now() FROM chat.messages, generate_series(1, 450) n
         WHERE room_id = $1 AND seq = 7
        """,
        room_id,
    )
    await admin.execute(
        """
        INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
        SELECT room_id, id, gen_random_uuid(), ':all:', now(), 2000 + n FROM chat.messages, generate_series(1, 450) n
         WHERE room_id = $1 AND seq = 9
        UNION ALL
        SELECT room_id, id, $2, ':muchtosay:', now(), 3000 + seq FROM chat.messages
         WHERE room_id = $1 AND user_id = $3 AND type = 'TEXT'
        """,
        room_id,
        eve,
        ada,
    )
    await admin.execute(
        """
        INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
        SELECT room_id, message_id, emoji, count(*), now() FROM chat.reactions WHERE room_id = $1 GROUP BY 1, 2, 3
        """,
        room_id,
    )
    await admin.execute(
        """
        WITH mentioning AS (
          UPDATE chat.messages SET mention_user_ids = ARRAY[$2::uuid]
           WHERE room_id = $1 AND user_id = $3 AND type = 'TEXT' RETURNING room_id, id, seq
        )
        INSERT INTO chat.mentions (room_id, message_id, user_id, message_seq)
        SELECT room_id, id, $2, seq FROM mentioning
        """,
        room_id,
        eve,
        ada,
    )
    await admin.execute("UPDATE chat.room_counters SET last_rev = 5000 WHERE room_id = $1", room_id)
