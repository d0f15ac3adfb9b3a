"""`seda migrate resolve` and `baseline`: the history is corrected, and only in ways that leave it a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrations.heads import head, revisions
from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.migrate import deploy, status
from ops.database.resolve import Resolved, baseline, mark_applied, mark_rolled_back
from ops.errors import CliError, Exit
from tests.migrations.revision_files import NEXT, add_revision, applied
from tests.postgres import Database, administrator


async def test_a_revision_done_by_hand_is_entered_and_not_run(fresh_database: Database, folder: Path) -> None:
    path = add_revision(folder, "op.execute('SELECT 1/0')")

    done = await mark_applied(fresh_database.admin_dsn, "chat", NEXT, folder=folder)

    assert done == Resolved("chat", (NEXT,), NEXT)
    newest = revisions("chat", folder)[-1]
    assert (await applied(fresh_database, "chat"))[-1] == (NEXT, newest.checksum, NEXT)
    assert newest.path == path
    found = (await status(fresh_database.admin_dsn, folder=folder))[1]
    assert (found.pending, found.problems) == ((), ())
    assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == ()


async def test_only_the_next_revision_can_be_entered(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('SELECT 1')")
    add_revision(folder, "op.execute('SELECT 1')", name="29990102_0900_later")
    before = await applied(fresh_database, "chat")
    for revision in ("29990102_0900", head("chat"), "nonsense"):
        with pytest.raises(CliError) as caught:
            await mark_applied(fresh_database.admin_dsn, "chat", revision, folder=folder)
        assert (caught.value.code, caught.value.exit_code) == ("NOT_NEXT", Exit.UNSAFE)

    assert await applied(fresh_database, "chat") == before


async def test_a_revision_undone_by_hand_runs_again(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('CREATE TABLE chat.notes (id uuid)')")
    await deploy(fresh_database.admin_dsn, folder=folder)
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("DROP TABLE chat.notes")

    done = await mark_rolled_back(fresh_database.admin_dsn, "chat", NEXT, folder=folder)

    assert done == Resolved("chat", (NEXT,), head("chat"))
    assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)


async def test_only_the_newest_revision_can_be_undone(fresh_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await mark_rolled_back(fresh_database.admin_dsn, "chat", revisions("chat")[-2].id)

    assert (caught.value.code, caught.value.exit_code) == ("NOT_NEWEST", Exit.UNSAFE)
    assert (await status(fresh_database.admin_dsn))[1].problems == ()


async def lose_history(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        for each in SERVICES:
            await connection.execute(f"DROP SCHEMA {each}_migrations CASCADE")
    await init_database(database.admin_dsn)


async def test_a_baseline_gives_the_tables_their_history(fresh_database: Database) -> None:
    expected = {each: await applied(fresh_database, each) for each in SERVICES}
    await lose_history(fresh_database)

    done = await baseline(fresh_database.admin_dsn)

    assert [(each.schema, each.current) for each in done] == [(each, head(each)) for each in SERVICES]
    assert {each: await applied(fresh_database, each) for each in SERVICES} == expected
    assert all(not each.applied for each in await deploy(fresh_database.admin_dsn))
    with pytest.raises(CliError) as caught:
        await baseline(fresh_database.admin_dsn)
    assert caught.value.code == "HISTORY_EXISTS"


async def test_a_baseline_refuses_other_tables(fresh_database: Database) -> None:
    await lose_history(fresh_database)
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("ALTER TABLE chat.rooms ADD COLUMN extra text")
    with pytest.raises(CliError) as caught:
        await baseline(fresh_database.admin_dsn)

    assert (caught.value.code, caught.value.exit_code) == ("BASELINE_DIFFERS", Exit.DRIFT)
    assert caught.value.why.startswith("column chat.rooms.extra is not of these migrations")
    assert all(each.current is None for each in await status(fresh_database.admin_dsn))
