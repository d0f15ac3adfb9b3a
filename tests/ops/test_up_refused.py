"""`seda up` that refuses to start: its message, and no leftovers."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ops.topology import SUITE, Ports, loopbacks
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import taken, up

pytestmark = pytest.mark.timeout(180)


def test_taken_port_is_named_with_its_owner_and_the_flag(folder: Path, base: int) -> None:
    # Taken is also what is taken on one address alone: the first one here, the last one there.
    with (
        listening(loopbacks()[0], base + 1),
        listening(loopbacks()[-1], base + 5),
        up(folder, base) as refused,
    ):
        assert refused.end() == 1
    said = refused.output()
    assert "2 ports are taken." in said
    assert f"{base + 1} (users)" in said
    assert f"{base + 5} (postgres)" in said
    assert f"pid {os.getpid()}, yours" in said
    free = int(said.rpartition("--port-base ")[2].split()[0])
    assert taken(free) == []
    assert not list(refused.data_dir.path.glob("postgres-*"))


def test_json_error_is_one_object(folder: Path, base: int) -> None:
    with socket.create_server(("127.0.0.1", base)), up(folder, base, "--json") as refused:
        assert refused.end() == 1
    (answer,) = refused.events()
    assert answer["ok"] is False
    assert set(answer["error"]) == {"code", "message", "why", "fix", "retry"}
    assert answer["error"]["code"] == "PORT_TAKEN"


def test_data_of_another_major_version_are_refused(folder: Path, base: int) -> None:
    old = folder / ".seda" / "postgres-14"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("14\n")
    with up(folder, base) as refused:
        assert refused.end() == 1
    said = refused.output()
    assert "are of PostgreSQL 14" in said
    assert "pg_dump" in said
    assert "pg_restore" in said
    assert [each.name for each in old.parent.glob("postgres-*")] == ["postgres-14"]


def test_own_database_is_used_and_its_password_not_shown(folder: Path, base: int) -> None:
    url = f"postgresql://someone:s3cret@127.0.0.1:{base + 5}/mine"
    with up(folder, base, DATABASE_URL=url) as refused:
        assert refused.end() == 1
    said = refused.output()
    assert f"127.0.0.1:{base + 5}/mine" in said
    assert "s3cret" not in said
    assert not list(refused.data_dir.path.glob("postgres-*"))


@pytest.mark.parametrize(
    ("arguments", "environ", "status"),
    [((), {"SEDA_ENV": "production"}, 4), (("--port-base", "80"), {}, 2), (("--logs", "chad"), {}, 2)],
    ids=["production", "port base", "logs"],
)
def test_production_and_invalid_options_are_refused(
    seda: Seda,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    status: int,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert seda("up", *arguments).code == status
    assert not (seda.folder / ".seda").exists()


def test_folder_that_can_not_be_written_is_named(folder: Path, base: int) -> None:
    (folder / ".seda").write_text("a file stands in the way")
    with up(folder, base) as refused:
        assert refused.end() == 1
    assert f"Can't write to the data folder {folder}/.seda." in refused.err[0]


def listening(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def test_ports_cover_every_listener() -> None:
    used = Ports(7400).used(SUITE, postgres=True)
    assert list(used) == [*range(7400, 7404), 7405, *range(7410, 7414), *range(7420, 7424)]
    assert used[7401] == "users"
    assert used[7412] == "chat admin"
