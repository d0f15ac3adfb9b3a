"""`seda db shell`: which psql is run, as whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.diagnose import shell
from ops.errors import CliError
from tests.ops.support.fake_suite import seda
from tests.postgres import Database

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
def test_the_shell_reads_as_everybody_s_reader(shared_sound: Database, tmp_path: Path) -> None:
    asked = seda(
        tmp_path,
        *("db", "shell", "-c", "SELECT current_user", "-c", "SELECT count(*) FROM users.users"),
        *("-c", "CREATE TABLE chat.made ()"),
        DATABASE_URL=shared_sound.admin_dsn,
    )
    assert "seda_ro" in asked.stdout
    assert (asked.returncode, asked.stderr) == (
        1,
        "ERROR:  cannot execute CREATE TABLE in a read-only transaction\n",
    )


def test_arguments_have_no_password(tmp_path: Path) -> None:
    dsn = "postgresql://ada:s%20ecret@h:5432/music?sslmode=verify-full"
    environ = {
        "DATABASE_URL": dsn,
        "SEDA_JWT_SECRET": "x",
        "SEDA_HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    found = shell.psql("chat", write=False, arguments=["--command=x"], environ=environ)

    assert found.environ["PGPASSWORD"] == "s ecret"
    assert found.environ["PGOPTIONS"] == "-c default_transaction_read_only=on -c role=chat_ro"
    assert "ecret" not in " ".join(found.arguments)
    assert "SEDA_JWT_SECRET" not in found.environ
    assert found.arguments[-2:] == (
        "--dbname=postgresql://ada@h:5432/music?sslmode=verify-full&application_name=seda%20db%20shell",
        "--command=x",
    )
    assert shell.psql(None, write=True, environ=environ).environ["PGOPTIONS"] == ""
    assert shell.psql("chat", write=True, environ=environ).environ["PGOPTIONS"] == "-c role=chat_owner"


def test_the_psql_of_the_path_comes_first_and_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "psql"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)
    environ = {"DATABASE_URL": "postgresql://ada@h/music", "SEDA_HOME": str(tmp_path)}
    assert shell.psql(None, write=False, environ={**environ, "PATH": str(tmp_path)}).path == str(own)
    # The embedded one.
    assert shell.psql(None, write=False, environ={**environ, "PATH": ""}).path.endswith("psql")
    monkeypatch.setattr(shell, "client_programs", lambda *_: [])
    with pytest.raises(CliError) as caught:
        shell.psql(None, write=False, environ={**environ, "PATH": ""})
    assert caught.value.code == "PSQL_MISSING"
