"""`seda db`, `seda migrate` and `seda admin` as programs: what they print, and with which exit code they end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrations.heads import head
from ops.database import SERVICES
from ops.database.lock import migration_lock
from ops.dev_tokens import development_subject
from tests.postgres import Database, administrator


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The one JSON object of a run with --json."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


async def seda(database: Database | None, home: Path, *arguments: str, **environ: str) -> Ended:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_"))
    }
    named = {} if database is None else {"DATABASE_URL": database.admin_dsn}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from ops.cli import main; main()", *arguments),
        env=inherited | {"SEDA_HOME": str(home)} | named | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return Ended(process.returncode or 0, stdout.decode(), stderr.decode())


@pytest.mark.slow
async def test_from_nothing_to_an_administrator(blank_database: Database, tmp_path: Path) -> None:
    async def run(*arguments: str) -> Ended:
        return await seda(blank_database, tmp_path, *arguments)

    early = await run("migrate", "status")
    assert (early.code, "seda db init" in early.stderr) == (1, True)
    first = await run("db", "init")
    assert (first.code, first.stderr) == (0, "")
    assert first.stdout.startswith("3 schemas, 12 roles: ")
    assert (await run("db", "init")).stdout == "3 schemas, 12 roles: nothing to do.\n"
    pending = await run("migrate", "status")
    assert (pending.code, pending.stdout.splitlines()[1].split("\t")[:2]) == (1, ["users", "pending"])
    deployed = await run("migrate", "deploy")
    assert (deployed.code, deployed.stdout.splitlines()[0]) == (0, f"users: +4, now at {head('users')}")
    status = await run("migrate", "status", "--json")
    assert (status.code, [each["pending"] for each in status.envelope["data"]["schemas"]]) == (0, [[]] * 3)
    assert (await run("migrate", "diff")).stdout == "No differences.\n"
    granted = await run("admin", "grant", "ada@example.org", "admin", "--json")
    assert (granted.code, granted.envelope["data"]["after"]) == (0, "ADMIN")
    again = await run("admin", "grant", "ada@example.org", "admin")
    assert f"(subject {development_subject('ada@example.org')}) already was ADMIN." in again.stdout


async def test_the_exit_code_tells_a_busy_lock(database: Database, tmp_path: Path) -> None:
    async with migration_lock(database.admin_dsn, 0):
        ended = await seda(database, tmp_path, "migrate", "deploy", "--lock-wait", "0", "--json")

    assert ended.code == 3
    assert (ended.envelope["error"]["code"], ended.envelope["error"]["retry"]) == ("LOCK_BUSY", True)


async def test_the_exit_code_tells_drift(fresh_database: Database, tmp_path: Path) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("UPDATE chat_migrations.applied SET checksum = 'edited'")
        await connection.execute("ALTER TABLE users.users ADD COLUMN extra text")
    status = await seda(fresh_database, tmp_path, "migrate", "status")
    deploy = await seda(fresh_database, tmp_path, "migrate", "deploy")

    assert (status.code, deploy.code) == (6, 6)
    assert "was edited after it was applied" in status.stderr
    assert [line.split("\t")[1] for line in status.stdout.splitlines()[1:]] == ["ok", "drift", "ok"]


async def test_the_exit_code_tells_a_difference(fresh_database: Database, tmp_path: Path) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("ALTER TABLE users.users ADD COLUMN extra text")

    ended = await seda(fresh_database, tmp_path, "migrate", "diff", "--json")

    assert ended.code == 6
    assert set(ended.envelope["data"]["differences"]) == set(SERVICES)


@pytest.mark.parametrize("url", ["", "mysql://root:hunter2@127.0.0.1/db"])
async def test_a_missing_or_wrong_address_is_explained(url: str, tmp_path: Path) -> None:
    ended = await seda(None, tmp_path, "migrate", "status", DATABASE_URL=url)

    assert ended.code == 1
    assert "export DATABASE_URL=postgresql://" in ended.stderr
    assert "hunter2" not in ended.stderr


async def test_nobody_is_created_in_production(fresh_database: Database, tmp_path: Path) -> None:
    ended = await seda(fresh_database, tmp_path, "admin", "grant", "a@b.org", "ADMIN", SEDA_ENV="production")

    assert (ended.code, "sign in once first" in ended.stderr) == (1, True)
