"""`seda maintain run`: what is due is done, in batches, as the owner, and nothing else."""

from __future__ import annotations

import asyncio
import re
import sys
from io import StringIO

import pytest

from ops.console import Console
from ops.diagnose.check import Limits
from ops.diagnose.maintain import Retention, Run, Step, maintain
from ops.errors import CliError
from tests.ops.diagnose.faults import ROOM
from tests.ops.support.command import Seda
from tests.postgres import Database, administrator

pytestmark = pytest.mark.timeout(120)

CACHE = """
INSERT INTO tracks.crawler_cache (url_hash, url, status_code, fetched_at, expires_at, stale_until)
SELECT sha256(n::text::bytea), 'https://a.example/' || n, 200, t, t, t
FROM (SELECT n, now() - make_interval(days => n) AS t FROM generate_series(1, 12) AS n) AS past
"""
ACTIONS = """
INSERT INTO users.admin_actions (id, actor_kind, action, target_id, before, after, reason, request_id, created_at)
SELECT gen_random_uuid(), 'OPERATOR', 'MUTE_USER', gen_random_uuid(), '{}', '{}', n::text, 'x', now() - make_interval(days => n)
FROM generate_series(88, 95) AS n
"""
LOGS = f"""
INSERT INTO chat.rooms (id, name, rev) VALUES ('{ROOM}', 'Records', 1);
INSERT INTO chat.moderation_logs (id, room_id, rev, actor_id, actor_role, as_admin, action, reason, request_id, created_at)
SELECT ((lpad(to_hex((extract(epoch FROM t) * 1000)::int8), 12, '0') || '70008000000000000000')::uuid), '{ROOM}', n,
  gen_random_uuid(), 'OWNER', false, 'BAN_MEMBER', n::text, 'x', t
FROM (SELECT n, now() - make_interval(days => n) AS t FROM generate_series(38, 45) AS n) AS past
"""
BLOATED = (
    "CREATE TABLE chat.made (id int PRIMARY KEY) WITH (autovacuum_enabled = off)",
    "ALTER TABLE chat.made OWNER TO chat_owner",
    "INSERT INTO chat.made SELECT n FROM generate_series(1, 50000) AS n",
    "DELETE FROM chat.made WHERE id % 10 <> 0",
    "VACUUM ANALYZE chat.made",
)
SMALL = Limits(index_bloat_bytes=262_144)


async def execute(database: Database, *statements: str) -> None:
    async with administrator(database.server, database.name) as connection:
        for each in statements:
            await connection.execute(each)


async def fetch(database: Database, sql: str) -> list[object]:
    async with administrator(database.server, database.name) as connection:
        return [row[0] for row in await connection.fetch(sql)]


async def days(database: Database) -> tuple[list[object], list[object], list[object]]:
    """Return the ages of what is left in the three tables."""
    return (
        await fetch(
            database, "SELECT (now()::date - stale_until::date) FROM tracks.crawler_cache ORDER BY 1"
        ),
        await fetch(database, "SELECT reason::int FROM users.admin_actions ORDER BY 1"),
        await fetch(database, "SELECT reason::int FROM chat.moderation_logs ORDER BY 1"),
    )


async def test_purge_removes_what_is_past_its_time_in_batches(sound: Database) -> None:
    await execute(sound, CACHE, ACTIONS, LOGS)
    before = await days(sound)
    dry = await maintain(Run(sound.admin_dsn, dry_run=True, retention=Retention(90, 40)), ["purge"])
    assert await days(sound) == before
    assert [each.result for each in dry] == ["6 rows past 7 d", "6 rows past 90 d", "6 rows past 40 d"]

    steps = await maintain(Run(sound.admin_dsn, retention=Retention(90, 40), batch=2), ["purge"])

    assert [each.result for each in steps] == ["6 rows removed"] * 3
    assert await days(sound) == (list(range(1, 7)), [88, 89], [38, 39])


class Terminal(StringIO):
    """A stream that is animated."""

    def isatty(self) -> bool:
        return True


async def test_purge_shows_a_bar_of_rows_on_a_terminal(sound: Database) -> None:
    await execute(sound, CACHE)
    screen = Terminal()
    await maintain(Run(sound.admin_dsn, console=Console(stderr=screen, environ={}), batch=2), ["purge"])

    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert re.search(r"purge tracks\.crawler_cache .*6/6", shown)


async def test_moderation_logs_are_kept_unless_a_setting_says_otherwise(sound: Database) -> None:
    await execute(sound, LOGS)
    await maintain(Run(sound.admin_dsn), ["purge"])

    assert (await days(sound))[2] == list(range(38, 46))


async def test_rows_that_others_have_locked_are_left_for_the_next_run(sound: Database) -> None:
    await execute(sound, CACHE)
    async with administrator(sound.server, sound.name) as other, other.transaction():
        await other.execute(
            "SELECT FROM tracks.crawler_cache WHERE stale_until < now() - interval '11.5 days' FOR UPDATE"
        )
        await maintain(Run(sound.admin_dsn), ["purge"])
    assert (await days(sound))[0] == [1, 2, 3, 4, 5, 6, 12]

    await maintain(Run(sound.admin_dsn), ["purge"])
    assert (await days(sound))[0] == [1, 2, 3, 4, 5, 6]


async def test_a_locked_table_is_told_and_left(sound: Database) -> None:
    await execute(sound, CACHE)
    async with administrator(sound.server, sound.name) as other, other.transaction():
        await other.execute("LOCK TABLE tracks.crawler_cache IN EXCLUSIVE MODE")
        steps = await maintain(Run(sound.admin_dsn), ["purge"])

    assert steps[0] == Step(
        "purge", "tracks.crawler_cache", "0 rows removed, then locked by others", done=False
    )


async def test_nothing_is_begun_after_its_time(sound: Database) -> None:
    await execute(sound, CACHE, *BLOATED)
    before = await days(sound)
    steps = await maintain(Run(sound.admin_dsn, max_seconds=0.0, limits=SMALL))

    assert {each.task for each in steps if not each.done} == {"analyze", "reindex", "purge"}
    assert await days(sound) == before


async def test_analyze_visits_what_changed(sound: Database) -> None:
    await execute(sound, CACHE, "SELECT pg_stat_force_next_flush()", "SELECT 1")
    steps = await maintain(Run(sound.admin_dsn), ["analyze"])
    analysed = "SELECT relname::text FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL AND schemaname = 'tracks'"

    assert Step("analyze", "tracks.crawler_cache", "12 changes") in steps
    assert "crawler_cache" in await fetch(sound, analysed)


async def test_reindex_rebuilds_bloated_indexes_alone_and_drops_leftovers(sound: Database) -> None:
    leftover = (
        "CREATE INDEX made_pkey_ccnew ON chat.made (id)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chat.made_pkey_ccnew'::regclass",
    )
    await execute(sound, *BLOATED, *leftover)
    files = "SELECT relname || ' ' || relfilenode FROM pg_class WHERE relkind = 'i' AND relnamespace = 'chat'::regnamespace"
    before = set(await fetch(sound, files))
    dry = await maintain(Run(sound.admin_dsn, dry_run=True, limits=SMALL), ["reindex"])
    assert [each.object for each in dry] == ["chat.made_pkey_ccnew", "chat.made_pkey"]
    assert set(await fetch(sound, files)) == before

    steps = await maintain(Run(sound.admin_dsn, limits=SMALL), ["reindex"])

    after = set(await fetch(sound, files))
    assert [each.object for each in steps] == ["chat.made_pkey_ccnew", "chat.made_pkey"]
    assert {str(each).split()[0] for each in before - after} == {"made_pkey_ccnew", "made_pkey"}
    assert {str(each).split()[0] for each in after - before} == {"made_pkey"}
    assert await maintain(Run(sound.admin_dsn, limits=SMALL), ["reindex"]) == []


async def test_what_an_interrupted_reindex_leaves_goes_with_the_next_run(
    sound: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.diagnose.maintain._REINDEX_LOCK_SECONDS", 0.05)
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    await execute(sound, *BLOATED)
    async with administrator(sound.server, sound.name) as other, other.transaction():
        await other.execute("INSERT INTO chat.made VALUES (-1)")
        steps = await maintain(Run(sound.admin_dsn, limits=SMALL), ["reindex"])
    assert steps == [Step("reindex", "chat.made_pkey", "locked by others", done=False)]
    assert await fetch(sound, invalid) == ["chat.made_pkey_ccnew"]

    steps = await maintain(Run(sound.admin_dsn, limits=SMALL), ["reindex"])

    assert [each.object for each in steps if each.done] == ["chat.made_pkey_ccnew", "chat.made_pkey"]
    assert await fetch(sound, invalid) == []


@pytest.mark.slow
async def test_a_killed_run_ends_in_the_server_too(sound: Database) -> None:
    """Although what it waits for goes on, as it would with the lock that the next run needs."""
    script = (
        "import asyncio, sys; from ops.diagnose.check import Limits; from ops.diagnose.maintain import Run, maintain\n"
        "asyncio.run(maintain(Run(sys.argv[1], limits=Limits(index_bloat_bytes=262_144)), ['reindex']))"
    )
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'seda maintain%'"
    await execute(sound, *BLOATED)
    async with administrator(sound.server, sound.name) as other, other.transaction():
        await other.execute("INSERT INTO chat.made VALUES (-1)")
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, sound.admin_dsn)
        async with asyncio.timeout(30):
            while await fetch(sound, f"{sessions} AND wait_event_type = 'Lock'") != [1]:
                await asyncio.sleep(0.05)  # for another process
            process.kill()
            await process.wait()
        async with asyncio.timeout(15):
            while await fetch(sound, sessions) != [0]:
                await asyncio.sleep(0.05)  # for the server


async def test_one_run_at_a_time(sound: Database) -> None:
    async with administrator(sound.server, sound.name) as other:
        await other.execute(f"SELECT pg_advisory_lock({0x73656461}, {0x6D696772})")
        with pytest.raises(CliError) as caught:
            await maintain(Run(sound.admin_dsn))
    assert (caught.value.code, caught.value.exit_code) == ("LOCK_BUSY", 3)


def test_the_command(seda: Seda, sound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", sound.admin_dsn)
    told = seda("maintain", "run", "purge", "--dry-run", "--max-time", "20m")
    assert (told.code, told.out) == (0, "3 steps, none of which was done, 0 left for the next run.\n")
    assert "purge chat.moderation_logs: kept for ever" in told.err
    (first, *_) = seda("maintain", "run", "purge", "--json").json["data"]["steps"]
    assert first == {
        "task": "purge",
        "object": "tracks.crawler_cache",
        "result": "0 rows removed",
        "done": True,
    }
    assert seda("maintain", "run", "vacuum").code == 2
    assert seda("maintain", "run", "--max-time", "soon").code == 2
    monkeypatch.setenv("SEDA_ADMIN_ACTIONS_DAYS", "7")
    assert "from 30 to 36500" in seda("maintain", "run").err
    monkeypatch.setenv("SEDA_ADMIN_ACTIONS_DAYS", "forever")
    steps = seda("maintain", "run", "purge", "--json").json["data"]["steps"]
    assert steps[1]["result"] == "kept for ever"
