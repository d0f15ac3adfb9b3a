"""`seda maintain run` on tables of a real size while chat serves: no call stalls, and a run that is killed is resumed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.migrations.test_failures import until
from tests.postgres import Database, administrator
from tests.system.support.steady_calls import LONGEST_STALL, RATE, Calls, chat_in_use, require_no_stall

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(600)]
WORST_RATIO = 1.5
"""How much longer the slowest hundredth of calls may take than without maintenance."""
UNNOTICED_SECONDS = 0.05
"""On an idle machine a call takes 4 ms, and 8 beside maintenance: more than the ratio, and nothing that anybody notices."""
_BEFORE_SECONDS = 15.0
# Of the kind that pages and sends use; two thirds of the rows, and with them of each leaf, go again.
_FILL = (
    """
INSERT INTO chat.messages (room_id, seq, id, type, text, created_at, rev, search_text)
SELECT '01a228a9-ac06-7432-807b-d89506680f05'::uuid, n, gen_random_uuid(), 'TEXT', 'A message', now(), n, 'a message'
FROM generate_series(1, 500000) AS n
""",
    "DELETE FROM chat.messages WHERE seq % 3 <> 0",
    """
INSERT INTO tracks.crawler_cache (url_hash, url, status_code, fetched_at, expires_at, stale_until)
SELECT sha256(n::text::bytea), 'https://a.example/' || n, 200, t, t, t
FROM generate_series(1, 100000) AS n, (SELECT now() - interval '9 days') AS past (t)
""",
    """
INSERT INTO users.admin_actions (id, actor_kind, action, target_id, before, after, reason, request_id, created_at)
SELECT gen_random_uuid(), 'OPERATOR', 'MUTE_USER', gen_random_uuid(), '{}', '{}', 'spam', 'x', now() - interval '91 days'
FROM generate_series(1, 50000)
""",
    # Otherwise the janitor goes through all of them meanwhile.
    """
INSERT INTO chat.backfills (name, version, number, after_id, after_seq, started_at)
SELECT name, 1000, 3, gen_random_uuid(), 0, now() FROM unnest(ARRAY['messages.search_text', 'rooms.search_name']) AS name
""",
    "VACUUM ANALYZE chat.messages",
    # What a checkpoint costs is no part of it.
    "CHECKPOINT",
)
# With a smaller limit than the command's 50 MB, so that the tables need not be ten times as large.
_MAINTAIN = """
import asyncio, sys
from ops.diagnose.check import Limits
from ops.diagnose.maintain import Run, maintain
steps = asyncio.run(maintain(Run(sys.argv[1], limits=Limits(index_bloat_bytes=4 << 20))))
sys.exit(any(not each.done for each in steps))
"""
_DUE = "(SELECT count(*) FROM tracks.crawler_cache) + (SELECT count(*) FROM users.admin_actions)"
_REBUILDING = "EXISTS (SELECT FROM pg_stat_progress_create_index WHERE command = 'REINDEX CONCURRENTLY')"
_PURGING = "(SELECT count(*) FROM tracks.crawler_cache) BETWEEN 1 AND 90000"
_INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
_DENSITY = "SELECT round(avg_leaf_density) FROM extensions.pgstatindex('chat.messages_pkey')"


@asynccontextmanager
async def maintaining(database: Database) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _MAINTAIN, database.admin_dsn), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def slowest_hundredth(calls: Calls) -> float:
    return sorted(calls.seconds)[-len(calls.seconds) // 100]


async def test_no_call_stalls_beside_maintenance_that_is_killed_twice_and_resumed(
    fresh_database: Database, tmp_path: Path
) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        for each in _FILL:
            await connection.execute(each)
    async with (
        administrator(fresh_database.server, fresh_database.name) as connection,
        chat_in_use(fresh_database, tmp_path) as (channel, room_ids),
    ):
        before_density = await connection.fetchval(_DENSITY)
        async with Calls(channel, room_ids) as before:
            await asyncio.sleep(_BEFORE_SECONDS)  # the measure of the calls alone
        async with Calls(channel, room_ids) as calls:
            for moment in (_REBUILDING, _PURGING):
                async with maintaining(fresh_database) as process:
                    await until(connection, moment, 120)
                    process.send_signal(signal.SIGKILL)
            assert await connection.fetchval(f"SELECT {_DUE}") > 0
            async with maintaining(fresh_database) as process:
                _, told = await process.communicate()
        assert process.returncode == 0, told
        assert await connection.fetchval(f"SELECT {_DUE}") == 0
        assert await connection.fetchval(_INVALID) == 0
        assert await connection.fetchval(_DENSITY) > 80 > before_density

        async with Calls(channel, room_ids) as beside_the_original:
            # With the locks of calls it may deadlock, which is found a second later.
            with suppress(asyncpg.DeadlockDetectedError):
                await connection.execute("REINDEX TABLE chat.messages")

    assert not calls.failures, calls.failures
    assert len(calls.seconds) > RATE
    # The control: what the original did every week.
    assert max(beside_the_original.seconds) > LONGEST_STALL
    require_no_stall(max(calls.seconds), max(before.seconds))
    assert slowest_hundredth(calls) < max(WORST_RATIO * slowest_hundredth(before), UNNOTICED_SECONDS)
