"""Secrets from files instead of the environment, in every command that reads one."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import get_args

import pytest

from ops.data_dir import jwt_secret
from ops.database.connection import admin_dsn
from ops.env import SecretName, secret
from ops.errors import CliError
from ops.up.command import make_options
from tests.ops.support.command import Seda

URL = "postgresql://ada:hunter2@db.example/seda"
OTHER = "postgresql://ada:hunter3@direct.example/seda"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "data base"
    made.write_text(f"{URL}\n")
    return made


@pytest.mark.parametrize("name", get_args(SecretName))
def test_secret_comes_from_the_variable_or_from_its_file(name: SecretName, file: Path) -> None:
    assert secret({}, name) is None
    assert secret({name: ""}, name) is None
    assert secret({name: "x"}, name) == "x"
    assert secret({f"{name}_FILE": str(file)}, name) == URL


def test_administrators_dsn_comes_from_a_file(file: Path, tmp_path: Path) -> None:
    direct = tmp_path / "direct"
    direct.write_text(OTHER)
    assert admin_dsn({"DATABASE_URL_FILE": str(file)}) == URL
    both = {"DATABASE_URL_FILE": str(file), "SEDA_DIRECT_DATABASE_URL_FILE": str(direct)}
    assert admin_dsn(both) == OTHER
    assert admin_dsn({"DATABASE_URL": URL, "SEDA_DIRECT_DATABASE_URL_FILE": str(direct)}) == OTHER


def test_unusable_file_is_named_without_its_content(tmp_path: Path, file: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text(" \n")
    binary.write_bytes(b"\xff\xfe")
    for path, said in ((tmp_path / "none", "No such file"), (tmp_path, "directory"), (binary, "not text")):
        with pytest.raises(CliError) as raised:
            secret({"DATABASE_URL_FILE": str(path)}, "DATABASE_URL")
        assert str(path) in raised.value.message
        assert said in raised.value.why
    with pytest.raises(CliError, match="empty"):
        secret({"DATABASE_URL_FILE": str(empty)}, "DATABASE_URL")
    with pytest.raises(CliError, match="set twice") as raised:
        secret({"DATABASE_URL": URL, "DATABASE_URL_FILE": str(file)}, "DATABASE_URL")
    assert "hunter2" not in f"{raised.value.message}{raised.value.why}{raised.value.fix}"


@pytest.mark.parametrize(
    "command",
    [
        ("db", "init"),
        ("migrate", "deploy"),
        ("migrate", "status"),
        ("admin", "grant", "ada@example.org", "ADMIN"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "SEDA_DIRECT_DATABASE_URL"])
def test_commands_of_the_database_take_the_file(
    seda: Seda, monkeypatch: pytest.MonkeyPatch, name: str, command: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (seda.folder / "url").write_text(f"postgresql://ada:hunter2@127.0.0.1:{port}/seda\n")
    monkeypatch.setenv(f"{name}_FILE", str(seda.folder / "url"))
    told = seda(*command)
    assert told.code == 1
    assert told.err.startswith(f"Can't connect to postgresql://ada@127.0.0.1:{port}/seda.")


def test_up_passes_the_value_to_the_processes_once(file: Path) -> None:
    given = {"DATABASE_URL_FILE": str(file), "OTHER": "1"}
    options = make_options(given, None, ephemeral=False, demo=True, logs=None)
    assert options.database_url == URL
    # A process refuses a variable that comes twice.
    assert dict(options.environ) == {"DATABASE_URL": URL, "OTHER": "1"}


def test_secret_of_tokens_comes_from_a_file(file: Path) -> None:
    assert jwt_secret({"SEDA_JWT_SECRET_FILE": str(file)}) == URL.encode()
