"""Controls: what the usual shell scripts do where `seda` refuses, so that the other tests are about something."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import time
from pathlib import Path

import pytest

from ops.backup.manifest import DUMP
from ops.backup.programs import as_target, find_pg_dump, find_pg_restore, on_database
from ops.backup.restore import restore_into
from ops.backup.retention import Policy, back_up
from ops.errors import CliError
from tests.ops.backup.support import QUIET, connection, databases, fill, new_backup, source, unused_name
from tests.postgres import Database, empty_database

_NOWHERE = "postgresql://seda@127.0.0.1:1/seda"
_BACK_UP = """
TIMESTAMP=$(date +%Y%m%d_%H%M%S)
pg_dump $DATABASE_URL > "$BACKUP_DIR/seda_backup_$TIMESTAMP.sql"
gzip "$BACKUP_DIR/seda_backup_$TIMESTAMP.sql"
find $BACKUP_DIR -name "seda_backup_*.sql.gz" -mtime +7 -delete
"""
_RESTORE = """
gunzip seda_backup.sql.gz
psql $DATABASE_URL < seda_backup.sql
"""


async def _sh(script: str, folder: Path, dsn: str, major: int) -> subprocess.CompletedProcess[str]:
    programs = Path(find_pg_dump(major)[0]).parent
    target = as_target(dsn)
    environ = {
        **target.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "DATABASE_URL": target.arguments[0].removeprefix("--dbname="),
        "BACKUP_DIR": str(folder),
    }
    return await asyncio.to_thread(
        subprocess.run, ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True
    )


async def test_a_failed_dump_deletes_good_backups_there_and_none_here(
    fresh_database: Database, tmp_path: Path
) -> None:
    scripts, ours = tmp_path / "scripts", tmp_path / "ours"
    scripts.mkdir()
    good = scripts / "seda_backup_20260101_030000.sql.gz"
    good.write_bytes(gzip.compress(b"a good backup"))
    old = time.time() - 9 * 86_400
    os.utime(good, (old, old))
    ended = await _sh(_BACK_UP, scripts, _NOWHERE, fresh_database.server.major)
    assert ended.returncode == 0
    (left,) = scripts.iterdir()
    assert gzip.decompress(left.read_bytes()) == b""

    store, manifest = await new_backup(fresh_database, ours)
    with pytest.raises(CliError) as failed:
        await back_up(_NOWHERE, store, QUIET, Policy(0, 1))
    assert failed.value.code == "DATABASE_UNREACHABLE"
    assert store.published() == [manifest.id]


async def test_a_truncated_backup_is_restored_with_exit_0_there_and_refused_here(
    fresh_database: Database, tmp_path: Path, scratch_prefix: str
) -> None:
    await fill(fresh_database)
    server = fresh_database.server
    scripts, ours = tmp_path / "scripts", tmp_path / "ours"
    scripts.mkdir()
    dump = await _sh("pg_dump $DATABASE_URL", scripts, fresh_database.admin_dsn, server.major)
    # In the middle of the first person's row.
    cut = dump.stdout[: dump.stdout.index("ada1@example.org")]
    (scripts / "seda_backup.sql.gz").write_bytes(gzip.compress(cut.encode()))
    async with empty_database(server) as target:
        ended = await _sh(_RESTORE, scripts, target.admin_dsn, server.major)
        assert ended.returncode == 0
        async with connection(target.admin_dsn) as restored:
            assert await restored.fetchval("SELECT count(*) FROM users.users") == 0

    store, manifest = await new_backup(fresh_database, ours)
    file = ours / manifest.id / DUMP
    file.write_bytes(file.read_bytes()[:-5_000])
    name = unused_name()
    with pytest.raises(CliError) as refused:
        await restore_into(fresh_database.admin_dsn, source(store, manifest), name, QUIET)
    assert refused.value.code == "BACKUP_DAMAGED"
    assert await databases(server, name, scratch_prefix) == []


async def test_a_table_can_not_be_taken_from_a_plain_dump(fresh_database: Database, tmp_path: Path) -> None:
    server = fresh_database.server
    dump = await _sh("pg_dump $DATABASE_URL", tmp_path, fresh_database.admin_dsn, server.major)
    (tmp_path / "seda_backup.dump").write_text(dump.stdout)
    pg_restore = find_pg_restore(server.major)
    ended = await _sh(
        f"{pg_restore} --table=messages --file=- seda_backup.dump",
        tmp_path,
        on_database(fresh_database.admin_dsn, "postgres"),
        server.major,
    )
    assert (ended.returncode, "text format dump" in ended.stderr) == (1, True)
