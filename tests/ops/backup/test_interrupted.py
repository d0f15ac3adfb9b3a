"""Whatever ends a backup on its way, what is published is complete."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from ops.backup.create import now_utc
from ops.backup.programs import find_pg_dump
from ops.backup.retention import Policy, prune
from ops.backup.stores import LocalStore
from ops.backup.verify import read_backup, verify_archive
from ops.errors import CliError
from tests.architecture.project import ROOT
from tests.ops.backup.support import QUIET, connection, dump_file, fill, new_backup
from tests.postgres import Database
from tests.support.small_disk import small_disk

pytestmark = pytest.mark.slow

_WAITING = """
SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'seda backup%'
  AND datname = current_database()
"""
_KILLS, _LIMITS = 12, 8
_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def filled(database: Database) -> Database:
    await fill(database)
    return database


async def _run(database: Database, mode: str, number: int, folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.ops.backup.interrupted", mode, str(number), str(folder)]
    done = await asyncio.to_thread(
        subprocess.run, command, input=f"{database.admin_dsn}\n", capture_output=True, text=True, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


def _complete(folder: Path) -> list[str]:
    """Return the published backups, each of which must be whole."""
    store = LocalStore(folder)
    for each in store.published():
        verify_archive(store, read_backup(store, each), (), lambda _: None)
    return store.published()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_backup_that_is_killed_anywhere_is_published_whole_or_not_at_all(
    filled: Database, tmp_path: Path
) -> None:
    code, output = await _run(filled, "kill", 0, tmp_path / "whole")
    assert (code, len(_complete(tmp_path / "whole"))) == (0, 1), output
    accesses = int(output)
    assert accesses >= _KILLS
    found = []
    for number in sorted({1 + round(each * (accesses - 1) / (_KILLS - 1)) for each in range(_KILLS)}):
        folder = tmp_path / str(number)
        code, output = await _run(filled, "kill", number, folder)
        assert code == -signal.SIGKILL, output
        found.append(len(_complete(folder)))
        # What stays is removed by a later prune, and by none at once: it could be another run's.
        left = LocalStore(folder).incomplete() if folder.exists() else []
        assert prune(LocalStore(folder), Policy(0, 1), now_utc(), QUIET).incomplete == ()
        assert prune(LocalStore(folder), Policy(0, 1), now_utc() + 2 * _DAY, QUIET).incomplete == tuple(left)
        assert LocalStore(folder).incomplete() == []
    # Only the last access, the flush of the folder, comes after the rename.
    assert found == [0] * (len(found) - 1) + [1]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_backup_without_space_fails_and_leaves_nothing(filled: Database, tmp_path: Path) -> None:
    _, manifest = await new_backup(filled, tmp_path / "whole")
    size = dump_file(tmp_path / "whole", manifest).stat().st_size
    for number in range(_LIMITS):
        folder = tmp_path / str(number)
        # Python needs some bytes for temporary files.
        limit = 1_000 + number * (size - 1_001) // (_LIMITS - 1)
        code, output = await _run(filled, "limit", limit, folder)
        assert (code, "File too large" in output) == (1, True), output
        assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_full_disk_publishes_nothing_and_takes_no_earlier_backup(filled: Database) -> None:
    """Full when it begins, at the first bytes, half-way, at the last ones, and when only the manifest is left."""
    with small_disk(8) as disk:
        folder = disk.path / "backups"
        store, good = await new_backup(filled, folder)
        # A little more than the dump itself: the next one may be larger, and space comes in pages.
        for left in (0, 4_096, good.size // 2, good.size - 4_096, good.size + 4_096):
            disk.leave(left)
            with pytest.raises(CliError) as failed:
                await new_backup(filled, folder)
            assert failed.value.code == "BACKUP_STORE_FAILED"
            assert "No space left on device" in failed.value.why
            assert [each.name for each in folder.iterdir()] == [good.id]
            assert _complete(folder) == [good.id]
        disk.grow()
        _, later = await new_backup(filled, folder)
        assert _complete(folder) == [good.id, later.id]
        assert store.incomplete() == []


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        # It fails half-way, and, worse, it does so without saying so.
        ("exit 1", "BACKUP_FAILED"),
        ("exit 0", "BACKUP_DAMAGED"),
    ],
)
async def test_half_a_dump_is_not_published(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, code: str
) -> None:
    real, major = find_pg_dump(filled.server.major)
    fake = tmp_path / "bin" / "pg_dump"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {major}.0" && exit\n'
        f'"{real}" "$@" | head -c 150000\n{ending}\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("SEDA_PG_BIN", str(fake.parent))
    with pytest.raises(CliError) as failed:
        await new_backup(filled, tmp_path / "backups")
    assert failed.value.code == code
    assert list((tmp_path / "backups").iterdir()) == []


async def test_ctrl_c_ends_a_waiting_backup_and_leaves_nothing(
    fresh_database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    command = [sys.executable, "-m", "ops.cli", "backup", "create", "--at", str(folder)]
    environ = {**os.environ, **fresh_database.environ}
    dsn = fresh_database.admin_dsn
    async with connection(dsn) as observer, connection(dsn) as admin, admin.transaction():
        await admin.execute("LOCK TABLE users.users IN ACCESS EXCLUSIVE MODE")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environ, stderr=asyncio.subprocess.PIPE
        )
        while not await observer.fetchval(_WAITING):
            assert process.returncode is None
            await asyncio.sleep(0.05)  # for another process
        assert len(list(folder.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        # Without the signal, pg_dump would wait 30 s for the lock.
        _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, stderr) == (130, b"")
    assert list(folder.iterdir()) == []
