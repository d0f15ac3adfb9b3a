"""Migrations of a table of a million rows while chat serves and a report reads: no call waits for a migration."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from migrations.heads import head
from tests.migrations.revision_files import add_revision, copy_migrations
from tests.migrations.test_failures import deploying, until
from tests.postgres import Database, administrator
from tests.system.support.steady_calls import RATE, Calls, chat_in_use, require_no_stall

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(600)]
ROWS = 1_000_000
STALL_WITHOUT_LIMIT = 2.0
_READ_SECONDS, _PAUSE_SECONDS = 2.5, 0.7
_ALONE_SECONDS = 5.0
_FILL = """
INSERT INTO chat.messages (room_id, seq, id, type, text, created_at, rev, search_text)
SELECT '01a228a9-ac06-7432-807b-d89506680f05'::uuid, n, gen_random_uuid(), 'TEXT', 'A message', now(), n, 'a message'
FROM generate_series(1, $1) AS n
"""
_LOCK_WAIT = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)::float8
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE NOT l.granted AND a.application_name = 'seda-chat' AND a.datname = current_database()
  AND ($1::text IS NULL OR EXISTS (
    SELECT FROM pg_stat_activity AS b WHERE b.pid = ANY (pg_blocking_pids(l.pid)) AND b.application_name = $1))
"""
_WAITING = "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'chat.messages'::regclass)"
_ADD = "op.execute(\"ALTER TABLE chat.messages ADD COLUMN topic text DEFAULT '' NOT NULL\")"
# The safe recipes of every kind, in the order in which they would be deployed.
_RECIPES = (
    _ADD,
    "op.execute(\"ALTER TABLE chat.messages ADD CONSTRAINT messages_topic_check CHECK (topic <> 'x') NOT VALID\")",
    "op.execute('ALTER TABLE chat.messages VALIDATE CONSTRAINT messages_topic_check')",
    "concurrently.create_index('messages_topic_idx', 'messages', ['room_id', 'topic'], schema='chat')",
    "concurrently.drop_index('messages_topic_idx', schema='chat')",
    "op.execute('ALTER TABLE chat.messages DROP CONSTRAINT messages_topic_check')",
)


class LockWaits:
    """The longest time that a session of chat waited for a lock, by the server's own account.

    With `behind` only where a session of this application is in the way.
    """

    def __init__(self, database: Database, behind: str | None = None) -> None:
        self.longest = 0.0
        self._database = database
        self._behind = behind
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._watcher is not None
        self._watcher.cancel()

    async def _watch(self) -> None:
        async with administrator(self._database.server, self._database.name) as connection:
            while True:
                self.longest = max(self.longest, await connection.fetchval(_LOCK_WAIT, self._behind))
                await asyncio.sleep(0.01)  # what is shorter is no stall


async def read_reports(database: Database, *, until_waited_for: bool) -> None:
    """Read the table in transactions that stay open for a while, until cancelled.

    With `until_waited_for` the time of the first one counts from when a migration waits for it.
    """
    async with administrator(database.server, database.name) as connection:
        while True:
            await connection.execute("BEGIN; SELECT FROM chat.messages LIMIT 1")
            if until_waited_for:
                await until(connection, _WAITING)
            until_waited_for = False
            await asyncio.sleep(_READ_SECONDS)  # how long a report takes
            await connection.execute("COMMIT")
            await asyncio.sleep(_PAUSE_SECONDS)  # between two reports


@dataclass(frozen=True, slots=True)
class Stalls:
    """What calls went through in a deployment: the longest of them, and the longest wait for a lock.

    `alone` is the longest call before it.
    """

    calls: int
    failures: Counter[str]
    longest: float
    lock_wait: float
    alone: float


async def stalls_during(
    database: Database, folder: Path, logs: Path, *, until_waited_for: bool = False
) -> Stalls:
    """Deploy the folder's pending revisions under load."""
    async with chat_in_use(database, logs) as (channel, room_ids):
        async with Calls(channel, room_ids) as before:
            await asyncio.sleep(_ALONE_SECONDS)  # the measure of the calls alone
        reports = asyncio.create_task(read_reports(database, until_waited_for=until_waited_for))
        async with (
            LockWaits(database) as waits,
            Calls(channel, room_ids) as calls,
            deploying(database, folder) as process,
        ):
            _, stderr = await process.communicate()
            assert process.returncode == 0, stderr
        reports.cancel()
    return Stalls(len(calls.seconds), calls.failures, max(calls.seconds), waits.longest, max(before.seconds))


async def test_no_call_waits_for_a_migration(fresh_database: Database, tmp_path: Path) -> None:
    folder = copy_migrations(tmp_path)
    for number, body in enumerate(_RECIPES):
        add_revision(folder, body, name=f"2999010{number + 1}_0900_recipe", compatible_from=head("chat"))
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(_FILL.replace("$1", str(ROWS)))
        await connection.execute("VACUUM ANALYZE chat.messages")

    found = await stalls_during(fresh_database, folder, tmp_path)

    assert not found.failures, found.failures
    assert found.calls > RATE * _READ_SECONDS
    assert found.lock_wait > 0, found
    require_no_stall(found.longest, found.alone)


async def test_without_the_limit_calls_wait(fresh_database: Database, tmp_path: Path) -> None:
    """The control: the first of these revisions, told to wait for the table as long as it takes.

    Calls that wait for a lock for a second end with an error.
    """
    folder = copy_migrations(tmp_path)
    path = add_revision(folder, _ADD, compatible_from=head("chat"))
    path.write_text(path.read_text().replace("compatible_from", 'lock_timeout = "1h"\ncompatible_from', 1))

    found = await stalls_during(fresh_database, folder, tmp_path, until_waited_for=True)

    assert found.longest > STALL_WITHOUT_LIMIT, found
