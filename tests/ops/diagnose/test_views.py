"""The views of `seda db`: what each shows, and its sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from ops.diagnose.views import VIEWS, show
from ops.errors import CliError
from tests.ops.diagnose.build import blocked_by_prepared, running
from tests.ops.support.command import Seda
from tests.postgres import Database, administrator

pytestmark = pytest.mark.timeout(120)


async def execute(database: Database, *statements: str) -> None:
    async with administrator(database.server, database.name) as connection:
        for each in statements:
            await connection.execute(each)


async def test_locks_shows_all_that_wait_for_a_row_below_its_holder(sound: Database) -> None:
    await execute(sound, "INSERT INTO users.leases VALUES ('a', gen_random_uuid(), now())")
    update = "UPDATE users.leases SET until = now()"
    async with administrator(sound.server, sound.name) as holder:
        await holder.execute(f"BEGIN; {update}")
        async with (
            running(sound, update, "Locktransactionid") as second,
            running(sound, update, "Locktuple") as third,
        ):
            found = await show(sound.admin_dsn, "locks")
        await holder.execute("ROLLBACK")
        root = holder.get_server_pid()

    assert [str(row[0]) for row in found.rows] == [str(root), f"  {second}", f"    {third}"]
    assert str(found.rows[1][5]) == update
    assert "on transactionid" in str(found.rows[1][4])
    assert found.sentence.startswith(f"2 sessions wait for session {root}")
    assert f"pg_terminate_backend({root})" in found.sentence


async def test_locks_names_a_prepared_transaction(sound: Database) -> None:
    async with blocked_by_prepared(sound):
        found = await show(sound.admin_dsn, "locks")

    assert [row[1] for row in found.rows][:1] == ["a prepared transaction"]
    assert found.sentence.startswith("1 session waits for a prepared transaction")
    assert "ROLLBACK PREPARED" in found.sentence


def test_locks_is_shown_again_and_again(
    seda: Seda, shared_sound: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", wait)
    monkeypatch.setenv("DATABASE_URL", shared_sound.admin_dsn)
    told = seda("db", "locks", "--watch", "3s")

    assert (told.code, waits, told.err.count("No session waits")) == (130, [3.0, 3.0], 2)


async def test_locks_without_one(sound: Database) -> None:
    assert (await show(sound.admin_dsn, "locks")).sentence == "No session waits for another."


async def test_slow_names_statements_by_their_tag(sound: Database) -> None:
    await execute(sound, "SELECT /* test.slow */ pg_sleep(0.3)")
    found = await show(sound.admin_dsn, "slow")

    (row,) = [each for each in found.rows if each[0] == "test.slow"]
    assert row[1:3] == ("seda", 1)
    assert float(str(row[3]).split()[0]) >= 300
    assert "EXPLAIN" in found.sentence


async def test_indexes_tells_which_were_never_read(sound: Database) -> None:
    await execute(
        sound,
        "SET enable_seqscan = off",
        "SELECT FROM users.leases WHERE name = 'a'",
        "SELECT pg_stat_force_next_flush()",
        "SELECT 1",
    )
    found = await show(sound.admin_dsn, "indexes")
    notes = {row[0]: row[3:] for row in found.rows}

    assert notes["users.leases_pkey"] == (1, "primary key")
    assert notes["chat.messages_author_idx"] == (0, "never read")
    assert found.sentence.endswith("over two weeks.")


async def test_size_has_the_largest_first(sound: Database) -> None:
    await execute(
        sound,
        "CREATE TABLE chat.made AS SELECT n, repeat('x', 1000) FROM generate_series(1, 3000) AS n",
        "ANALYZE chat.made",
    )
    found = await show(sound.admin_dsn, "size")

    assert (found.rows[0][0], found.rows[0][5]) == ("chat.made", 3000)
    assert str(found.rows[0][1]).endswith(" MB")
    assert "of it chat.made 3" in found.sentence


async def test_activity_has_what_runs_first(sound: Database) -> None:
    async with running(sound, "SELECT /* test.sleep */ pg_sleep(60)", "TimeoutPgSleep") as pid, idle(sound):
        found = await show(sound.admin_dsn, "activity")

    assert (found.rows[0][0], found.rows[0][2], found.rows[0][5]) == (pid, "active", "test.sleep")
    assert found.rows[1][2] == "idle in transaction"
    assert found.sentence.startswith("1 of 2 sessions run a statement and 1 are idle in a transaction")


async def test_bloat_shows_how_much_is_empty(sound: Database) -> None:
    await execute(
        sound,
        "CREATE TABLE chat.made (id int PRIMARY KEY, a text) WITH (autovacuum_enabled = off)",
        "INSERT INTO chat.made SELECT n, repeat('x', 50) FROM generate_series(1, 60000) AS n",
        "DELETE FROM chat.made WHERE id % 10 <> 0",
        "VACUUM chat.made",
    )
    found = {row[1]: row for row in (await show(sound.admin_dsn, "bloat")).rows}

    for kind, name in (("table", "chat.made"), ("index", "chat.made_pkey")):
        assert found[name][0] == kind
        assert int(str(found[name][3]).rstrip("%")) > 70


async def test_pool_counts_connections_by_application(sound: Database) -> None:
    connections = [
        await asyncpg.connect(sound.admin_dsn, server_settings={"application_name": "chat"}) for _ in range(3)
    ]
    try:
        found = await show(sound.admin_dsn, "pool")
    finally:
        await asyncio.gather(*(each.close() for each in connections))

    assert ("seda", "chat", 3, 0, 3, 0) in found.rows
    assert " connections are taken" in found.sentence


async def test_a_missing_extension_is_told(sound: Database) -> None:
    await execute(sound, "DROP EXTENSION pgstattuple")
    with pytest.raises(CliError) as caught:
        await show(sound.admin_dsn, "bloat")
    assert caught.value.code == "EXTENSION_MISSING"
    assert caught.value.fix.endswith("CREATE EXTENSION pgstattuple WITH SCHEMA extensions;")


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_a_command(
    name: str, seda: Seda, shared_sound: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", shared_sound.admin_dsn)
    told = seda("db", name)
    assert told.code == 0
    assert told.err.strip()
    data = seda("db", name, "--json").json["data"]
    assert set(data) == {"rows", "sentence"}


@asynccontextmanager
async def idle(database: Database) -> AsyncIterator[None]:
    async with administrator(database.server, database.name) as connection:
        await connection.execute("BEGIN")
        yield
