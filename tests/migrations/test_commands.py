"""`seda db`, `seda migrate` and `seda admin` as programs: what they print, and with which exit code they end."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrations.heads import head, revisions
from ops.database import SERVICES
from ops.database.lock import migration_lock
from ops.dev_tokens import development_subject
from ops.durations import parse_duration
from ops.errors import CliError
from tests.architecture.project import ROOT
from tests.postgres import Database, administrator
from tests.services.running import add_artist, add_user
from tests.services.users.verification_client import add_claim

pytestmark = pytest.mark.slow


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
    count = len(list((ROOT / "migrations/users/versions").glob("2*.py")))
    assert (deployed.code, deployed.stdout.splitlines()[0]) == (0, f"users: +{count}, now at {head('users')}")
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


async def test_status_shows_drift_beside_the_state(fresh_database: Database, tmp_path: Path) -> None:
    clean = await seda(fresh_database, tmp_path, "migrate", "status", "--drift")
    assert (clean.code, clean.stderr) == (0, "No drift.\n")
    assert clean.stdout.splitlines()[:2] == [
        "schema\tstate\tLOCAL\tDATABASE\tpending",
        f"users\tok\t{head('users')}\t{head('users')}\t0",
    ]
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("GRANT SELECT ON users.users TO chat_app")
    changed = await seda(fresh_database, tmp_path, "migrate", "status", "--drift", "--json")

    assert (changed.code, [each["name"] for each in changed.envelope["data"]["drift"]]) == (
        6,
        ["users.users"],
    )


async def test_history_shows_files_beside_the_database(fresh_database: Database, tmp_path: Path) -> None:
    first, second, *_ = revisions("chat")
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(
            "UPDATE chat_migrations.applied SET checksum = 'edited' WHERE revision = $1", first.id
        )
        await connection.execute(
            "UPDATE chat_migrations.applied SET revision = '29990101_0900' WHERE revision = $1", head("chat")
        )
    ended = await seda(fresh_database, tmp_path, "migrate", "history")
    rows = [line.split("\t") for line in ended.stdout.splitlines()]

    assert (ended.code, rows[0]) == (0, ["schema", "revision", "LOCAL", "DATABASE", "compatible from"])
    chat = {row[1]: row[2:4] for row in rows if row[0] == "chat"}
    assert chat[first.id][0] == "rooms_and_members, edited"
    assert chat[second.id][0] == "messages_and_threads"
    assert chat[second.id][1].endswith("Z")
    assert chat[head("chat")][1] == "pending"
    assert chat["29990101_0900"][0] == "missing"


async def test_deploy_goes_as_far_as_it_is_told(blank_database: Database, tmp_path: Path) -> None:
    await seda(blank_database, tmp_path, "db", "init")
    first = revisions("users")[0].id
    unknown = await seda(blank_database, tmp_path, "migrate", "deploy", "--to", "20990101_0000", "--json")
    dry = await seda(blank_database, tmp_path, "migrate", "deploy", "--to", first, "--dry-run")
    done = await seda(blank_database, tmp_path, "migrate", "deploy", "--to", first)

    assert (unknown.code, unknown.envelope["error"]["code"]) == (2, "REVISION_UNKNOWN")
    assert dry.stdout.startswith(f"-- users: {revisions('users')[0].path.stem}\nCREATE TABLE users.users (")
    assert done.stdout.splitlines()[0] == f"users: +1, now at {first}"


async def test_resolve_asks_for_one_revision(database: Database, tmp_path: Path) -> None:
    for arguments in (
        ("chat",),
        ("chat", "--applied", "1", "--rolled-back", "1"),
        ("mail", "--applied", "1"),
    ):
        ended = await seda(database, tmp_path, "migrate", "resolve", *arguments, "--json")
        assert (ended.code, ended.envelope["error"]["code"]) == (2, "USAGE")


@pytest.mark.parametrize("url", ["", "mysql://root:hunter2@127.0.0.1/db"])
async def test_a_missing_or_wrong_address_is_explained(url: str, tmp_path: Path) -> None:
    ended = await seda(None, tmp_path, "migrate", "status", DATABASE_URL=url)

    assert ended.code == 1
    assert "export DATABASE_URL=postgresql://" in ended.stderr
    assert "hunter2" not in ended.stderr


async def test_nobody_is_created_in_production(fresh_database: Database, tmp_path: Path) -> None:
    ended = await seda(fresh_database, tmp_path, "admin", "grant", "a@b.org", "ADMIN", SEDA_ENV="production")

    assert (ended.code, "sign in once first" in ended.stderr) == (1, True)


async def test_sanctions_by_an_operator(fresh_database: Database, tmp_path: Path) -> None:
    async def run(*arguments: str) -> Ended:
        return await seda(fresh_database, tmp_path, "admin", *arguments)

    user_id = (await run("grant", "ada@example.org", "moderator", "--json")).envelope["data"]["user_id"]
    muted = await run("mute", "Ada@example.org", "--for", "2h", "--reason", "Spam")
    assert (muted.code, muted.stderr) == (0, "")
    assert muted.stdout.startswith(f"{user_id} is muted until 2")
    suspended = await run("suspend", user_id, "--reason", "Threats", "--json")
    assert suspended.envelope == {
        "ok": True,
        "data": {
            "user_id": user_id,
            "mute_expire_time": suspended.envelope["data"]["mute_expire_time"],
            "suspend_expire_time": "9999-12-31T23:59:59Z",
            "changed": True,
        },
    }
    again = await run("suspend", user_id, "--reason", "Threats")
    assert again.stdout == f"{user_id} is suspended until it is lifted, as before.\n"
    assert (await run("unsuspend", user_id, "--reason", "r")).stdout == f"{user_id} is not suspended.\n"
    assert (await run("unmute", user_id, "--reason", "r")).stdout == f"{user_id} is not muted.\n"
    assert (await run("unmute", user_id, "--reason", "r")).stdout == f"{user_id} is not muted, as before.\n"
    listed = await run("list", "--target", "ada@example.org", "--limit", "3")
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    assert rows[0] == ["time", "actor", "action", "target", "change", "reason"]
    assert [row[1:4] for row in rows[1:]] == [
        ["OPERATOR", action, user_id] for action in ("UNMUTE_USER", "UNSUSPEND_USER", "SUSPEND_USER")
    ]
    assert rows[3][4:] == ["suspend_expire_time: - > 9999-12-31T23:59:59.000000Z", "Threats"]
    [*_, oldest] = (await run("list", "--json")).envelope["data"]["actions"]
    assert (oldest["action"], oldest["after"], oldest["actor_id"]) == (
        "SET_ROLE",
        {"role": "MODERATOR"},
        None,
    )


async def test_a_wrong_duration_is_a_usage_error(tmp_path: Path) -> None:
    ended = await seda(None, tmp_path, "admin", "mute", "a@b.org", "--for", "2", "--reason", "r", "--json")
    assert (ended.code, ended.envelope["error"]["code"]) == (2, "DURATION_INVALID")


def test_durations_have_a_unit_and_an_end() -> None:
    for text in ("", "0h", "2", "h", "-1h", "1.5h", "2 h", "3651d", "1w", "٣h"):
        with pytest.raises(CliError) as caught:
            parse_duration(text, "--for")
        assert caught.value.code == "DURATION_INVALID"
    found = [parse_duration(text, "--for") for text in ("90s", "30m", "2h", "3650d")]
    assert found == [dt.timedelta(seconds=seconds) for seconds in (90, 1_800, 7_200, 3_650 * 86_400)]


async def test_claims_by_an_operator(fresh_database: Database, tmp_path: Path) -> None:
    async def run(*arguments: str) -> Ended:
        return await seda(fresh_database, tmp_path, "admin", "verification", *arguments)

    async with administrator(fresh_database.server, fresh_database.name) as connection:
        user_id = await add_user(connection, "ada@example.org")
        profile_id = await add_artist(connection, user_id)
        first, second = [await add_claim(connection, user_id, profile_id) for _ in range(2)]
        approved = await run("approve", first, "--reason", "Called the label")
        assert (approved.code, approved.stderr) == (0, "")
        assert approved.stdout == f"{first} is VERIFIED: https://{first}.invalid/\n"
        rejected = await run("reject", second, "--reason", "A fan page", "--json")
        assert rejected.envelope["data"]["state"] == "REJECTED"
        refused = await run("reject", first, "--reason", "No")
        assert (refused.code, "the verification is VERIFIED" in refused.stderr) == (1, True)
        listed = await run("list", "--state", "verified", "--json")
        assert [each["verification_id"] for each in listed.envelope["data"]["verifications"]] == [first]
        assert "seda-verify-" not in listed.stdout
        assert (await run("revoke", first, "--reason", "A mistake")).stdout.startswith(f"{first} is REVOKED")
        entries = await connection.fetch(
            "SELECT actor_kind, action, reason FROM users.admin_actions ORDER BY created_at"
        )
        assert [tuple(entry) for entry in entries] == [
            ("OPERATOR", "APPROVE_VERIFICATION", "Called the label"),
            ("OPERATOR", "REJECT_VERIFICATION", "A fan page"),
            ("OPERATOR", "REVOKE_VERIFICATION", "A mistake"),
        ]
        assert not await connection.fetchval("SELECT verified FROM users.artist_profiles")
    wrong = await run("approve", "x", "--reason", "r")
    assert (wrong.code, "This is not the id of a claim." in wrong.stderr) == (1, True)
