"""Selected tables come back alone, and fit what is around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.backup.manifest import Manifest
from ops.backup.stores import LocalStore
from ops.backup.tables import restore_tables
from ops.errors import CliError
from tests.ops.backup.support import QUIET, all_rows, connection, databases, fill, new_backup, source
from tests.postgres import Database

pytestmark = pytest.mark.slow

_BROKEN_KEYS = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
_KEYS = "SELECT conrelid::regclass::text || conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1"


async def _restore(database: Database, backup: tuple[LocalStore, Manifest], *names: str) -> dict[str, int]:
    return await restore_tables(database.admin_dsn, source(*backup), names, QUIET)


async def test_tables_come_back_and_no_other_row_changes(
    fresh_database: Database, tmp_path: Path, scratch_prefix: str
) -> None:
    await fill(fresh_database)
    async with connection(fresh_database.admin_dsn) as admin:
        then, keys = await all_rows(admin), await admin.fetch(_KEYS)
        backup = await new_backup(fresh_database, tmp_path)
        await admin.execute("UPDATE users.users SET display_name = 'Bo'")
        await admin.execute("UPDATE tracks.track_refs SET title = 'changed'")
        await admin.execute("DELETE FROM chat.messages WHERE seq > 10")
        await admin.execute("UPDATE chat.messages SET text = 'changed', edited_at = now()")
        now = await all_rows(admin)
        rows = await _restore(fresh_database, backup, "chat.messages", "users.users")
        found = await all_rows(admin)
        assert await admin.fetch(_KEYS) == keys
        assert await admin.fetchval(_BROKEN_KEYS) == 0
    assert rows == {"chat.messages": 120, "users.users": 5}
    assert found.pop("chat.instance") != now.pop("chat.instance")
    restored = {"chat.messages", "users.users"}
    assert {each: found[each] for each in restored} == {each: then[each] for each in restored}
    assert {each: found[each] for each in found.keys() - restored} == {
        each: now[each] for each in now.keys() - restored
    }
    assert await databases(fresh_database.server, scratch_prefix) == []


async def test_counters_of_rooms_are_never_behind_restored_rows(
    fresh_database: Database, tmp_path: Path
) -> None:
    await fill(fresh_database)
    async with connection(fresh_database.admin_dsn) as admin:
        backup = await new_backup(fresh_database, tmp_path)
        await admin.execute("UPDATE chat.room_counters SET last_seq = 10, last_rev = 10, member_count = 7")
        await admin.execute("ALTER SEQUENCE chat.test_numbers RESTART 5")
        await _restore(fresh_database, backup, "chat.messages")
        counters = await admin.fetch("SELECT last_seq, last_rev, member_count FROM chat.room_counters")
        assert [tuple(each) for each in counters] == [(40, 40, 1)] * 3
        assert await admin.fetchval("SELECT last_value FROM chat.test_numbers") == 5
        # They belong to the table of rooms.
        await _restore(fresh_database, backup, "chat.rooms")
        assert await admin.fetchval("SELECT nextval('chat.test_numbers')") == 42


async def test_a_table_whose_rows_others_need_is_refused_alone(
    fresh_database: Database, tmp_path: Path
) -> None:
    async with connection(fresh_database.admin_dsn) as admin:
        backup = await new_backup(fresh_database, tmp_path)
        await fill(fresh_database)
        now = await all_rows(admin)
        with pytest.raises(CliError) as refused:
            await _restore(fresh_database, backup, "chat.rooms")
        assert (refused.value.code, refused.value.exit_code) == ("TABLES_INCOMPLETE", 4)
        assert await all_rows(admin) == now


async def test_a_table_in_a_long_transaction_is_left_alone(fresh_database: Database, tmp_path: Path) -> None:
    await fill(fresh_database)
    backup = await new_backup(fresh_database, tmp_path)
    async with connection(fresh_database.admin_dsn) as admin, admin.transaction():
        await admin.execute("UPDATE users.users SET display_name = 'Bo'")
        with pytest.raises(CliError) as refused:
            await _restore(fresh_database, backup, "users.users")
    assert refused.value.code == "RESTORE_BLOCKED"


@pytest.mark.parametrize(
    "name", ["users.nobody", "messages", "users_migrations.applied", "chat.messages; DROP"]
)
async def test_an_unknown_table_is_refused(fresh_database: Database, tmp_path: Path, name: str) -> None:
    backup = await new_backup(fresh_database, tmp_path)
    with pytest.raises(CliError) as refused:
        await _restore(fresh_database, backup, name)
    assert (refused.value.code, refused.value.exit_code) == ("TABLE_UNKNOWN", 2)


async def test_a_schema_of_another_revision_is_refused(fresh_database: Database, tmp_path: Path) -> None:
    backup = await new_backup(fresh_database, tmp_path)
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute(
            "DELETE FROM users_migrations.applied WHERE revision = (SELECT max(revision) FROM users_migrations.applied)"
        )
        with pytest.raises(CliError) as refused:
            await _restore(fresh_database, backup, "users.users")
        assert refused.value.code == "SCHEMA_DIFFERS"
