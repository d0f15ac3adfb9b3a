"""Deploying: once, twice, two at a time, over edited files, failing revisions and tables that are in use."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from migrations.heads import head, revisions
from ops.database import SERVICES
from ops.database.lock import migration_lock
from ops.database.migrate import DeployResult, deploy, history, status
from ops.errors import CliError, Exit
from tests.migrations.revision_files import NEXT, add_revision, applied
from tests.postgres import Database, administrator


async def test_deploy_applies_everything_once(ready_database: Database) -> None:
    first = await deploy(ready_database.admin_dsn)
    second = await deploy(ready_database.admin_dsn)

    assert first == tuple(
        DeployResult(each, tuple(revision.id for revision in revisions(each)), head(each))
        for each in SERVICES
    )
    assert second == tuple(DeployResult(each, (), head(each)) for each in SERVICES)
    for each in SERVICES:
        assert await applied(ready_database, each) == [
            (revision.id, revision.checksum, revision.compatible_from) for revision in revisions(each)
        ]


async def test_two_deploys_at_once_share_the_work(ready_database: Database) -> None:
    one, other = await asyncio.gather(deploy(ready_database.admin_dsn), deploy(ready_database.admin_dsn))

    assert sorted(bool(each[0].applied) for each in (one, other)) == [False, True]


async def test_a_deploy_that_may_not_wait_names_the_other(ready_database: Database) -> None:
    async with migration_lock(ready_database.admin_dsn, 0):
        with pytest.raises(CliError) as caught:
            await deploy(ready_database.admin_dsn, lock_wait_seconds=0.3)

    assert (caught.value.code, caught.value.exit_code) == ("LOCK_BUSY", Exit.LOCK_BUSY)
    assert "seda migrate lock, server process" in caught.value.why
    assert all(not each.applied for each in await status(ready_database.admin_dsn))
    # The lock went with its connection.
    assert (await deploy(ready_database.admin_dsn, lock_wait_seconds=0))[0].applied


async def test_deploy_needs_an_initialised_database(blank_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await deploy(blank_database.admin_dsn)

    assert (caught.value.code, caught.value.exit_code) == ("NOT_INITIALISED", Exit.ACTION_NEEDED)
    assert caught.value.fix == "seda db init"


async def require_drift(database: Database, folder: Path, text: str) -> None:
    before = {each: await applied(database, each) for each in SERVICES}
    with pytest.raises(CliError) as caught:
        await deploy(database.admin_dsn, folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("HISTORY_DRIFT", Exit.DRIFT)
    assert text in caught.value.why
    # What is in order in other schemas has to wait as well: the files as a whole are not to be trusted.
    assert {each: await applied(database, each) for each in SERVICES} == before
    assert any(each.problems for each in await status(database.admin_dsn, folder=folder))


async def test_an_edited_revision_is_drift(fresh_database: Database, folder: Path) -> None:
    path = revisions("tracks", folder)[0].path
    path.write_text(path.read_text() + "\n# A second thought.\n")
    add_revision(folder, "op.execute('SELECT 1')", "users")

    await require_drift(fresh_database, folder, f"tracks: {path.name} was edited after it was applied")


async def test_the_former_text_of_a_revision_is_no_drift(fresh_database: Database, folder: Path) -> None:
    former = revisions("tracks", folder)[0]
    rewritten = former.path.read_text() + "\n# To the same result.\n"
    former.path.write_text(rewritten + f'former_checksum = "{former.checksum}"\n')

    await deploy(fresh_database.admin_dsn, folder=folder)

    assert not any(each.problems for each in await status(fresh_database.admin_dsn, folder=folder))
    assert not any(each.edited for each in await history(fresh_database.admin_dsn, folder=folder))

    former.path.write_text(rewritten + f'former_checksum = "{"0" * 64}"\n')
    await require_drift(fresh_database, folder, f"tracks: {former.path.name} was edited after it was applied")


async def test_a_missing_revision_is_drift(fresh_database: Database, folder: Path) -> None:
    first, second, *_ = revisions("chat", folder)
    first.path.unlink()
    second.path.write_text(
        second.path.read_text().replace(f'down_revision = "{first.id}"', "down_revision = None")
    )

    await require_drift(fresh_database, folder, f"Revision {first.id} was applied, but its file is missing")


async def test_a_revision_before_an_applied_one_is_drift(fresh_database: Database, folder: Path) -> None:
    first, *_, last = revisions("users", folder)
    earlier = add_revision(folder, "op.execute('SELECT 1')", "users", "20260101_0900_early")
    earlier.write_text(earlier.read_text().replace(f'down_revision = "{last.id}"', "down_revision = None"))
    first.path.write_text(
        first.path.read_text().replace("down_revision = None", 'down_revision = "20260101_0900"')
    )

    await require_drift(fresh_database, folder, "20260101_0900_early.py was added before revision")


async def test_a_history_that_disagrees_with_alembic_is_drift(fresh_database: Database, folder: Path) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("DELETE FROM users_migrations.applied")

    await require_drift(fresh_database, folder, "Alembic's own place is")


async def test_a_failing_revision_leaves_nothing_and_keeps_the_earlier_ones(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, "op.execute('CREATE TABLE chat.good (a int)')")
    add_revision(
        folder,
        "op.execute('CREATE TABLE chat.bad (a int)'); op.execute('SELECT 1/0')",
        name="29990102_0900_bad",
    )
    with pytest.raises(CliError) as caught:
        await deploy(fresh_database.admin_dsn, folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("MIGRATION_FAILED", Exit.MIGRATION_FAILED)
    assert caught.value.message == "chat: revision 29990102_0900_bad failed and was rolled back."
    assert "division by zero" in caught.value.why
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        assert await connection.fetchval("SELECT to_regclass('chat.good') IS NOT NULL")
        assert await connection.fetchval("SELECT to_regclass('chat.bad') IS NULL")
    assert [each[0] for each in await applied(fresh_database, "chat")][-1] == NEXT
    # Once the file is corrected, which is allowed since it was never applied, the rest follows.
    path = revisions("chat", folder)[-1].path
    path.write_text(path.read_text().replace("; op.execute('SELECT 1/0')", ""))
    assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == ("29990102_0900",)


async def test_a_table_in_use_makes_nobody_wait_long(fresh_database: Database, folder: Path) -> None:
    """A reader that stays holds up the revision, but the revision holds up no other reader."""
    add_revision(folder, "op.execute('ALTER TABLE chat.rooms ADD COLUMN topic text')")
    async with (
        administrator(fresh_database.server, fresh_database.name) as holder,
        administrator(fresh_database.server, fresh_database.name) as reader,
    ):
        await holder.execute("BEGIN; SELECT count(*) FROM chat.rooms")
        deploying = asyncio.create_task(deploy(fresh_database.admin_dsn, folder=folder))
        longest, end = 0.0, time.monotonic() + 2.5
        while time.monotonic() < end:
            started = time.monotonic()
            await reader.fetch("SELECT id FROM chat.rooms")
            longest = max(longest, time.monotonic() - started)
            await asyncio.sleep(0.01)  # the pace of the reads
        assert not deploying.done()
        await holder.execute("COMMIT")
        assert (await deploying)[1].applied == (NEXT,)

    # It did stand in the way for as long as it may, and no longer. Without the limit it would have been 2.5 s.
    assert 0.05 < longest < 1.5


async def test_a_table_in_use_for_good_fails_the_deploy(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('ALTER TABLE chat.rooms ADD COLUMN topic text')")
    async with administrator(fresh_database.server, fresh_database.name) as holder:
        await holder.execute("BEGIN; LOCK TABLE chat.rooms IN ACCESS SHARE MODE")
        with pytest.raises(CliError) as caught:
            await deploy(fresh_database.admin_dsn, folder=folder, attempts=2)

    assert (caught.value.exit_code, caught.value.retry) == (Exit.MIGRATION_FAILED, True)
    assert "lock timeout" in caught.value.why
    assert (await status(fresh_database.admin_dsn, folder=folder))[1].pending == (NEXT,)


async def test_an_older_build_leaves_a_newer_database_alone(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('CREATE TABLE chat.newer (a int)')")
    await deploy(fresh_database.admin_dsn, folder=folder)

    deployed = await deploy(fresh_database.admin_dsn)

    assert deployed[1] == DeployResult("chat", (), NEXT)
    assert [(each.schema, each.ahead) for each in await status(fresh_database.admin_dsn)] == [
        ("users", False),
        ("chat", True),
        ("tracks", False),
    ]


async def test_status_tells_what_is_pending(ready_database: Database) -> None:
    before = await status(ready_database.admin_dsn)
    await deploy(ready_database.admin_dsn)
    after = await status(ready_database.admin_dsn)

    ids = {each: tuple(revision.id for revision in revisions(each)) for each in SERVICES}
    assert [(each.schema, each.current, each.applied, each.pending) for each in before] == [
        (each, None, (), ids[each]) for each in SERVICES
    ]
    assert [(each.schema, each.current, each.applied, each.pending) for each in after] == [
        (each, head(each), ids[each], ()) for each in SERVICES
    ]


async def test_an_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(CliError) as caught:
        await deploy("postgresql://seda:hunter2@127.0.0.1:9/seda")

    assert caught.value.code == "DATABASE_UNREACHABLE"
    assert caught.value.message == "Can't connect to postgresql://seda@127.0.0.1:9/seda."
    assert "hunter2" not in caught.value.why + caught.value.fix


async def test_every_database_is_an_instance_of_its_own(ready_database: Database, database: Database) -> None:
    await deploy(ready_database.admin_dsn)
    async with administrator(ready_database.server, ready_database.name) as connection:
        rows = await connection.fetch("SELECT id FROM chat.instance")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO chat.instance VALUES (gen_random_uuid())")
    async with administrator(database.server, database.name) as connection:
        others = await connection.fetch("SELECT id FROM chat.instance")

    assert len(rows) == len(others) == 1
    assert rows != others
