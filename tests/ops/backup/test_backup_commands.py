"""`seda backup` and `seda restore` as processes: output, exit codes, and no secret where others can see it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.backup.programs import as_target, find_pg_dump, find_pg_restore
from ops.errors import CliError
from tests.architecture.project import ROOT
from tests.ops.backup.support import connection, dropped_after, fill, unused_name
from tests.postgres import Database

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class _Ended:
    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The last line of the output, which is the result."""
        return json.loads(self.out.splitlines()[-1])


class _Seda:
    def __init__(self, database: Database, folder: Path) -> None:
        self.environ: Mapping[str, str] = {
            **os.environ,
            **database.environ,
            "SEDA_BACKUP_LOCATION": str(folder),
            "PYTHONPATH": str(ROOT),
        }

    async def __call__(self, *arguments: str, **environ: str) -> _Ended:
        command = [sys.executable, "-m", "ops.cli", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, env={**self.environ, **environ}, capture_output=True, text=True
        )
        return _Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def seda(fresh_database: Database, tmp_path: Path) -> _Seda:
    return _Seda(fresh_database, tmp_path / "backups")


@pytest.mark.timeout(120)
async def test_a_backup_is_made_listed_verified_and_restored(seda: _Seda, fresh_database: Database) -> None:
    await fill(fresh_database)
    none = await seda("backup", "status", "--json")
    assert (none.code, none.last["error"]["code"]) == (1, "BACKUP_MISSING")
    made = await seda("backup", "create", "--keep-days", "14", "--json")
    assert made.code == 0, made.out
    steps = [json.loads(line) for line in made.out.splitlines()[:-1]]
    assert [(each["step"], each["status"]) for each in steps if each["status"] != "running"] == [
        *(("dump", "started"), ("dump", "done"), ("verify", "started"), ("verify", "done"))
    ]
    data = made.last["data"]
    assert (steps[1]["bytes"], data["pruned"]["backups"]) == (data["size"], [])
    listed = await seda("backup", "list")
    assert listed.out.splitlines()[1].split("\t")[0] == data["id"]
    verified = await seda("backup", "verify")
    assert (verified.code, data["id"] in verified.out) == (0, True)
    assert (await seda("backup", "status", "--max-age", "1h")).code == 0
    old = await seda("backup", "status", "--max-age", "1s", "--json")
    assert (old.code, old.last["error"]["code"]) == (1, "BACKUP_TOO_OLD")
    name = unused_name()
    async with dropped_after(fresh_database.server, name):
        restored = await seda("restore", "latest", "--into", name)
        assert (restored.code, restored.out) == (0, f"{data['rows']} rows restored into {name}.\n")
        async with connection(fresh_database.server.dsn(name)) as found:
            assert await found.fetchval("SELECT count(*) FROM chat.messages") == 120


@pytest.mark.timeout(120)
async def test_what_changes_the_database_asks_first(seda: _Seda, fresh_database: Database) -> None:
    await fill(fresh_database)
    assert (await seda("backup", "create")).code == 0
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute("DELETE FROM chat.messages")
        for arguments in (("--replace",), ("--tables", "chat.messages")):
            refused = await seda("restore", "latest", *arguments, "--json")
            assert (refused.code, refused.last["error"]["code"]) == (4, "CONFIRMATION_NEEDED")
            assert (await seda("restore", "latest", *arguments, "--dry-run")).code == 0
        assert await admin.fetchval("SELECT count(*) FROM chat.messages") == 0
        done = await seda("restore", "latest", "--tables", "chat.messages", "--yes")
        assert (done.code, done.out) == (0, "chat.messages: 120 rows\n")
        assert await admin.fetchval("SELECT count(*) FROM chat.messages") == 120


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("restore", "latest"), "USAGE"),
        (("restore", "latest", "--replace", "--into", "x"), "USAGE"),
        (("backup", "create", "--at", "gs://bucket"), "BACKUP_LOCATION_INVALID"),
        (("backup", "status", "--max-age", "26"), "DURATION_INVALID"),
        (("backup", "verify", "20260101T000000Z-000000"), "BACKUP_UNKNOWN"),
    ],
)
async def test_a_wrong_command_line_is_a_typed_error(
    seda: _Seda, arguments: tuple[str, ...], code: str
) -> None:
    refused = await seda(*arguments, "--json")
    assert refused.last["error"]["code"] == code


async def test_a_login_that_may_not_read_is_no_backup(seda: _Seda, fresh_database: Database) -> None:
    failed = await seda("backup", "create", "--json", SEDA_BACKUP_DATABASE_URL=fresh_database.app_dsn("chat"))
    assert (failed.code, failed.last["error"]["code"] in {"BACKUP_FAILED", "DATABASE_FAILED"}) == (1, True)
    assert fresh_database.server.password not in failed.out + failed.err
    assert (await seda("backup", "list")).out.count("\n") == 1


def test_a_password_is_in_the_environment_of_the_child_alone() -> None:
    dsn = "postgresql://ada:s%2Fcret@[::1]:5432/my%20db?sslmode=require&role=seda_backup&sslpassword=other"
    target = as_target(dsn, {"SEDA_JWT_SECRET": "x", "AWS_SECRET_ACCESS_KEY": "y", "PATH": "/bin"})
    assert target.environ == {"PATH": "/bin", "PGPASSWORD": "s/cret"}
    assert target.arguments == (
        "--dbname=postgresql://ada@[::1]:5432/my%20db?sslmode=require&application_name=seda%20backup",
        "--no-password",
        "--role=seda_backup",
    )


def test_programs_fit_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("/17/x", 17), ("/15/x", 15), ("/18/x", 18)]
    monkeypatch.setattr("ops.backup.programs.client_programs", lambda _: found)
    assert find_pg_dump(15) == ("/15/x", 15)
    assert find_pg_dump(16) == ("/17/x", 17)
    assert find_pg_restore(15, 15) == "/15/x"
    assert find_pg_restore(15, 18) == "/18/x"
    # pg_restore 17 sets a parameter that a server 16 does not know.
    assert find_pg_restore(15, 16) == "/15/x"
    for refused in (lambda: find_pg_dump(19), lambda: find_pg_restore(17, 16)):
        with pytest.raises(CliError) as missing:
            refused()
        assert missing.value.code in {"PG_DUMP_MISSING", "PG_RESTORE_MISSING"}
    assert tmp_path.exists()
