"""Behaviour common to all commands: suggestions, exit codes, crash reports, import cost."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from ops.console import CliError
from ops.data_dir import DataDir
from ops.dev_tokens import development_subject
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import PROJECT

HEAVY = {
    *("alembic", "asyncpg", "asyncio", "cryptography", "google", "grpc", "joserfc", "prometheus_client"),
    *(
        "protovalidate",
        "pydantic",
        "pydantic_settings",
        "rich",
        "seda",
        "servicekit.settings",
        "services",
        "sqlalchemy",
    ),
    "structlog",
}


def test_no_command_shows_help_and_is_a_usage_error(seda: Seda) -> None:
    told = seda()
    assert told.code == 2
    assert told.out == ""
    assert "Commands:" in told.err


def test_version(seda: Seda) -> None:
    assert re.fullmatch(r"seda \d+\.\d+\.\d+\n", seda("--version").out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("uo",), "Did you mean: up"),
        (("tokne",), "Did you mean: token"),
        (("db", "ini"), "Did you mean: init?"),
        (("up", "--prot-base", "1"), "Did you mean: --port-base?"),
        (("zzz",), "No such command 'zzz'."),
        (("token",), "Missing option '--email'."),
        (("up", "--port-base", "x"), "valid integer"),
        (("help", "zzz"), "No such command 'zzz'."),
        (("db",), "Commands:"),
    ],
)
def test_wrong_command_line_is_exit_2_with_a_suggestion(
    seda: Seda, arguments: tuple[str, ...], said: str
) -> None:
    told = seda(*arguments)
    assert told.code == 2
    assert said in told.err
    assert told.out == ""


def test_usage_error_as_json(seda: Seda) -> None:
    told = seda("uo", "--json")
    assert told.code == 2
    assert told.json["error"]["code"] == "USAGE"
    assert told.err == ""


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from ops import cli; sys.argv = ['seda', '--help']\ntry: cli.main()\nexcept SystemExit: pass\n"
    code += "print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, timeout=60, check=True
    )
    loaded = set(re.findall(r"'([\w.]+)'", done.stderr))
    assert "typer" in loaded
    assert loaded & HEAVY == set()


def test_unexpected_error_has_an_id_and_a_file_without_passwords(
    seda: Seda, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("can't use postgresql://ada:hunter2@db/seda")

    monkeypatch.setattr("ops.health.show", broken)
    told = seda("health")
    assert told.code == 1
    number = re.search(r"error id (\w{8})", told.err)
    assert number
    assert "Traceback" not in told.err
    written = (seda.folder / ".seda" / "log" / f"crash-{number[1]}.txt").read_text()
    assert "Traceback" in written
    assert "postgresql://ada:***@db/seda" in written
    assert "hunter2" not in written + told.err
    shown = seda("health", "--debug")
    assert "Traceback" in shown.err
    assert "hunter2" not in shown.err


def test_interrupt_is_130(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.health.show", interrupted)
    assert seda("health").code == 130


@pytest.mark.parametrize("code", [1, 3, 4, 5, 6, 78])
def test_error_ends_with_its_own_code(seda: Seda, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def failing(*_: object) -> None:
        raise CliError("X", "No.", exit_code=code)

    monkeypatch.setattr("ops.health.show", failing)
    assert seda("health").code == code


def test_reader_that_leaves_early_is_no_crash(tmp_path: Path) -> None:
    line = f"{shlex.quote(sys.executable)} -m ops.cli help environment | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() in {"0", "1"}
    assert done.stderr == ""
    assert not (tmp_path / ".seda").exists()


def test_token_prints_the_token_alone(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = DataDir(seda.folder / ".seda").ensure_secret("jwt").read_text().strip()
    told = seda("token", "--email", "Ada@Demo.seda.fm")
    assert told.code == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", told.out)
    assert told.err.startswith("For ada@demo.seda.fm, until ")
    claims = jwt.decode(told.out.strip(), OctKey.import_key(secret), algorithms=["HS256"]).claims
    assert claims["sub"] == development_subject("ada@demo.seda.fm")
    assert claims["exp"] - claims["iat"] == 12 * 3600
    by_name = seda("token", "--email", "ada", "--json").json["data"]
    assert by_name["email"] == "ada@demo.seda.fm"
    assert by_name["expires"].endswith("Z")
    monkeypatch.setenv("SEDA_JWT_SECRET", "s" * 40)
    other = seda("token", "--email", "ada", "--hours", "1").out.strip()
    assert jwt.decode(other, OctKey.import_key("s" * 40), algorithms=["HS256"]).claims["email"]


def test_token_reports_a_missing_secret(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    without = seda("token", "--email", "ada")
    assert (without.code, without.out) == (1, "")
    assert "seda up" in without.err
    monkeypatch.setenv("SEDA_JWT_SECRET", "short")
    assert "32 are the least" in seda("token", "--email", "ada").err
    monkeypatch.setenv("SEDA_JWT_SECRET", "s" * 40)
    for nonsense in ("", "@x", "a b@x", "a@b@c"):
        assert seda("token", "--email", nonsense).code == 2, nonsense
    monkeypatch.setenv("SEDA_ENV", "production")
    refused = seda("token", "--email", "ada")
    assert (refused.code, refused.out) == (4, "")
