"""`seda migrate deploy --dry-run`: SQL, locks and sizes, without a change or a lock in the live database."""

from __future__ import annotations

from pathlib import Path

from ops.database.dry_run import PlannedLock, plan
from ops.database.migrate import status
from tests.migrations.revision_files import NEXT, add_revision
from tests.postgres import Database, administrator


async def test_a_dry_run_tells_statements_locks_and_sizes(fresh_database: Database, folder: Path) -> None:
    add_revision(
        folder,
        "op.execute('ALTER TABLE chat.rooms ADD COLUMN topic text')\n"
        "    op.execute('CREATE TABLE chat.notes (id uuid)')\n"
        "    op.execute('CREATE INDEX pins_x_idx ON chat.pins (pinned_at)')",
    )
    add_revision(
        folder,
        "concurrently.create_index('rooms_topic_idx', 'rooms', ['topic'], schema='chat')",
        name="29990102_0900_index",
    )
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(
            "INSERT INTO chat.rooms (id, name, rev) SELECT gen_random_uuid(), 'r', 1 FROM generate_series(1, 1000)"
        )
        await connection.execute("ANALYZE chat.rooms")
        # It would have to wait for this if it touched the live database.
        await connection.execute("BEGIN; LOCK TABLE chat.rooms IN ACCESS SHARE MODE")
        first, second = await plan(fresh_database.admin_dsn, folder=folder)

    assert (first.schema, first.revision, first.file) == ("chat", NEXT, f"{NEXT}_next")
    assert first.statements[0] == "ALTER TABLE chat.rooms ADD COLUMN topic text"
    assert len(first.statements) == 3
    # Not the table that it creates.
    assert [(each.table, each.mode, each.blocks) for each in first.locks] == [
        ("chat.pins", "ShareLock", "writes"),
        ("chat.rooms", "AccessExclusiveLock", "reads and writes"),
    ]
    assert first.locks[1].rows == 1000
    assert first.locks[1].bytes > 100_000
    assert "CREATE INDEX CONCURRENTLY rooms_topic_idx ON chat.rooms (topic)" in second.statements
    assert [(each.table, each.mode) for each in second.locks] == [("chat.rooms", "ShareUpdateExclusiveLock")]
    assert isinstance(second.locks[0], PlannedLock)
    assert (await status(fresh_database.admin_dsn, folder=folder))[1].pending == (NEXT, "29990102_0900")


async def test_a_dry_run_goes_as_far_as_it_is_told(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('SELECT 1')")
    add_revision(folder, "op.execute('SELECT 1')", name="29990102_0900_later")
    to = dict.fromkeys(("users", "chat", "tracks"), NEXT)

    assert [each.revision for each in await plan(fresh_database.admin_dsn, to=to, folder=folder)] == [NEXT]


async def test_nothing_pending_makes_no_scratch_database(database: Database) -> None:
    assert await plan(database.admin_dsn) == ()
