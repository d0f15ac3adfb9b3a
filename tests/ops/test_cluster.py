"""The embedded PostgreSQL: created, started, stopped and never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops.data_dir import DataDir
from ops.errors import CliError
from ops.postgres import THROWAWAY_SETTINGS, Binaries, Cluster, find_binaries
from ops.postgres.privilege import NOBODY, Mode, choose_privilege, require_reachable
from ops.postgres.stale_server import stop_stale_server
from ops.proc_info import start_time
from ops.topology import loopbacks
from ops.up.ports import is_free
from tests.ops.support.fake_suite import PROJECT, free_base, reaper_of, until

pytestmark = pytest.mark.timeout(120)


def environ_of_run() -> dict[str, str]:
    """The programs that the whole test run uses."""
    chosen = os.environ.get("SEDA_TEST_PG_BIN")
    return {**os.environ, **({"SEDA_PG_BIN": chosen} if chosen else {})}


@pytest.fixture(scope="module")
def binaries() -> Binaries:
    return find_binaries(environ_of_run())


@pytest.fixture
def port() -> Iterator[int]:
    with free_base() as base:
        yield base + 5


def throwaway(folder: Path, binaries: Binaries, port: int, **named: object) -> Cluster:
    data = folder / "my data" / "postgres"
    return Cluster(data, binaries, port, settings=THROWAWAY_SETTINGS, **named)  # type: ignore[arg-type] # named by tests


async def fetch(cluster: Cluster, query: str) -> object:
    connection = await asyncpg.connect(cluster.dsn("postgres"), timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_cluster_is_utf8_with_passwords_on_loopback_only(
    tmp_path: Path, binaries: Binaries, port: int
) -> None:
    cluster = throwaway(tmp_path, binaries, port)
    assert cluster.ensure() is True
    assert cluster.ensure() is False
    with cluster:
        assert await fetch(cluster, "SHOW server_encoding") == "UTF8"
        assert await fetch(cluster, "SELECT datcollate FROM pg_database LIMIT 1") in {
            "C.UTF-8",
            "en_US.UTF-8",
        }
        assert await fetch(cluster, "SELECT datlocprovider FROM pg_database LIMIT 1") == b"c"
        assert await fetch(cluster, "SHOW listen_addresses") == ",".join(loopbacks())
        assert await fetch(cluster, "SHOW fsync") == "off"
        loaded = await fetch(cluster, "SHOW shared_preload_libraries")
        assert (loaded == "pg_stat_statements") == binaries.has_library("pg_stat_statements")
        version = await fetch(cluster, "SHOW server_version")
        assert str(version).startswith(binaries.version)
        wrong = cluster.dsn("postgres").replace(cluster.password, "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong, timeout=10)
    assert is_free(port)
    assert cluster.password_file.stat().st_mode & 0o777 == 0o600
    assert not cluster.data_dir.with_name(f"{cluster.data_dir.name}.new").exists()


async def test_data_are_kept_after_every_kind_of_stop(tmp_path: Path, binaries: Binaries, port: int) -> None:
    cluster = throwaway(tmp_path, binaries, port)
    with cluster:
        await fetch(cluster, "CREATE TABLE kept AS SELECT 1 AS one")
    for immediately in (False, True):
        cluster.start()
        assert await fetch(cluster, "SELECT one FROM kept") == 1
        cluster.stop(immediately=immediately)
        assert is_free(port)


def test_interrupted_creation_is_restarted(tmp_path: Path, binaries: Binaries, port: int) -> None:
    cluster = throwaway(tmp_path, binaries, port)
    half = cluster.data_dir.with_name(f"{cluster.data_dir.name}.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("1\n")
    assert cluster.ensure() is True


def test_other_major_version_is_refused(tmp_path: Path, binaries: Binaries, port: int) -> None:
    cluster = throwaway(tmp_path, binaries, port)
    cluster.data_dir.mkdir(parents=True)
    (cluster.data_dir / "PG_VERSION").write_text("14\n")
    with pytest.raises(CliError) as raised:
        cluster.ensure()
    assert raised.value.code == "POSTGRES_MAJOR_DIFFERS"
    assert list(cluster.data_dir.iterdir()) == [cluster.data_dir / "PG_VERSION"]


def test_start_on_a_taken_port_fails_with_its_log(tmp_path: Path, binaries: Binaries, port: int) -> None:
    with throwaway(tmp_path, binaries, port):
        second = throwaway(tmp_path / "second", binaries, port)
        second.ensure()
        with pytest.raises(CliError) as raised:
            second.start()
    assert raised.value.code == "POSTGRES_START_FAILED"
    assert "Address already in use" in raised.value.why


def test_server_ends_when_its_owner_is_killed(tmp_path: Path, binaries: Binaries, port: int) -> None:
    owner, server = owned_by_other_process(tmp_path, binaries, port)
    owner.kill()
    owner.communicate()
    until(lambda: start_time(server) is None and is_free(port), 5)
    log = throwaway(tmp_path, binaries, port).log_tail()
    assert "database system is shut down" in log[-1]


def test_server_left_by_owner_and_reaper_is_stopped_before_the_next_start(
    tmp_path: Path, binaries: Binaries, port: int
) -> None:
    owner, server = owned_by_other_process(tmp_path, binaries, port)
    os.kill(reaper_of(owner.pid), signal.SIGKILL)
    owner.kill()
    owner.communicate()
    assert start_time(server) is not None
    cluster = throwaway(tmp_path, binaries, port)
    note = cluster.start()
    try:
        assert note == f"stopped a PostgreSQL left from an earlier run (pid {server})"
        assert start_time(server) is None
        assert cluster.pid != server
    finally:
        cluster.stop(immediately=True)


def test_reused_pid_in_a_stale_pid_file_is_not_killed(tmp_path: Path, binaries: Binaries, port: int) -> None:
    cluster = throwaway(tmp_path, binaries, port)
    cluster.ensure()
    stale = cluster.data_dir / "postmaster.pid"
    # The pid of this process, which is no server and must survive.
    stale.write_text(f"{os.getpid()}\n{cluster.data_dir}\n0\n{port}\n\n127.0.0.1\n\nready\n")
    assert stop_stale_server(cluster.data_dir) == "removed the pid file of a PostgreSQL that is gone"
    assert not stale.exists()
    assert stop_stale_server(cluster.data_dir) is None


def test_settings_of_the_shell_do_not_reach_the_server(
    tmp_path: Path, binaries: Binaries, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    with throwaway(tmp_path, binaries, port) as cluster:
        assert cluster.pid is not None
        assert not is_free(port)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
async def test_root_without_user_namespaces_runs_it_as_nobody(binaries: Binaries, port: int) -> None:
    # Not below pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory(prefix="seda test ") as name:
        Path(name).chmod(0o755)
        data_dir = DataDir(Path(name) / "data")
        data_dir.create()
        data_dir.admit(NOBODY)
        cluster = throwaway(data_dir.path, binaries, port, privilege=choose_privilege(Mode.NOBODY))
        with cluster:
            assert await fetch(cluster, "SELECT 1") == 1
            assert cluster.data_dir.stat().st_uid == NOBODY
        # Root may have namespaces the next time; the data stay in the hands they are in.
        with throwaway(data_dir.path, binaries, port) as again:
            assert again.privilege.user == NOBODY
            assert await fetch(again, "SELECT 1") == 1
        assert is_free(port)


def test_folder_closed_to_nobody_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(CliError) as raised:
        require_reachable(closed / "postgres-18", choose_privilege(Mode.NOBODY))
    assert raised.value.code == "DATA_FOLDER_UNREACHABLE"
    assert str(closed) in raised.value.message


def test_named_binaries_come_first_and_are_never_skipped(tmp_path: Path) -> None:
    with pytest.raises(CliError) as raised:
        find_binaries({"SEDA_PG_BIN": str(tmp_path)})
    assert raised.value.code == "POSTGRES_BINARIES_UNUSABLE"
    for name, version in (("initdb", ""), ("postgres", "echo 'postgres (PostgreSQL) 14.9 (Elsewhere)'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{version}\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(CliError) as raised:
        find_binaries({"SEDA_PG_BIN": str(tmp_path)})
    assert "14.9" in raised.value.why
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17rc1'\n")
    found = find_binaries({"SEDA_PG_BIN": str(tmp_path)})
    assert (found.major, found.version, found.origin) == (17, "17rc1", "SEDA_PG_BIN")


def test_embedded_binaries_come_before_installed_ones() -> None:
    assert find_binaries({"PATH": os.environ["PATH"]}).origin == "embedded"


_OWNER = """
import sys, time
from pathlib import Path
from ops.postgres import THROWAWAY_SETTINGS, Binaries, Cluster
folder, bin_dir, version, major, port = sys.argv[1:]
binaries = Binaries(Path(bin_dir), version, int(major), "test")
cluster = Cluster(Path(folder), binaries, int(port), settings=THROWAWAY_SETTINGS)
cluster.ensure()
cluster.start()
print(cluster.pid, flush=True)
time.sleep(600)
"""


def owned_by_other_process(folder: Path, binaries: Binaries, port: int) -> tuple[subprocess.Popen[str], int]:
    """Start a server owned by a separate process; return both."""
    data = throwaway(folder, binaries, port).data_dir
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _OWNER,
            *map(str, (data, binaries.bin_dir, binaries.version, binaries.major, port)),
        ],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())
