"""`seda up` with real processes, a real PostgreSQL and real signals."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.probe import SERVING, check
from ops.topology import SUITE, Ports, loopbacks
from tests.ops.support.fake_suite import FakeSuite, alive, free_base, taken, up

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSuite]:
    """A suite shared by the tests that do not change it."""
    folder = tmp_path_factory.mktemp("my music")
    # Neither the supervisor nor a service may take a module from the working directory.
    (folder / "grpc_health.py").write_text("raise SystemExit('taken from the working directory')")
    with free_base() as base, up(folder, base, "--logs", "users") as started:
        yield started.ready()
        assert started.interrupt() == 0, started.output()


def base_of(running: FakeSuite) -> int:
    state = running.data_dir.read_state()
    assert state is not None
    return state.port_base


def order(lines: list[str], *wanted: str) -> list[int]:
    return [next(number for number, line in enumerate(lines) if each in line) for each in wanted]


def test_start_stop_and_start_again_keeps_the_data(folder: Path, base: int) -> None:
    with up(folder, base) as first:
        first.ready()
        pids = first.pids()
        assert sorted(pids) == ["chat", "gateway", "postgres", "tracks", "users"]
        assert taken(base) != []
        assert first.interrupt() == 0
    came = order(first.err, "data in .seda (kept", "ok  PostgreSQL", "ok  services", "Ready in", "Stopping")
    assert came == sorted(came)
    assert any("new cluster" in line for line in first.err)
    # The block is the result; progress and logs are not.
    assert f"127.0.0.1:{base}" in "\n".join(first.out)
    assert not any("  ok  " in line or "users   |" in line for line in first.out)
    assert any("export SEDA_TOKEN=" in line for line in first.out)
    assert not any("\x1b" in line for line in first.out + first.err)
    assert "Stopped. Data kept in .seda" in first.err[-1]
    assert alive(list(pids.values())) == []
    assert taken(base) == []
    secret = first.data_dir.secret_file("jwt").read_text()
    with up(folder, base, "--json") as second:
        second.ready()
        assert second.data_dir.secret_file("jwt").read_text() == secret
        assert second.interrupt() == 0
    assert_one_event_a_line(second, base)
    for each in ("jwt", "service", "postgres"):
        assert first.data_dir.secret_file(each).stat().st_mode & 0o777 == 0o600


def assert_one_event_a_line(second: FakeSuite, base: int) -> None:
    """Check the --json output of a second start."""
    assert second.err == []
    events = second.events()
    done = [each for each in events if each["event"] == "phase" and each["status"] == "done"]
    assert [each["name"] for each in done] == ["postgres", "services"]
    assert "data from before" in done[0]["detail"]
    assert all(isinstance(each["ms"], int) for each in done)
    (ready,) = [each for each in events if each["event"] == "ready"]
    assert ready["gateway"] == f"127.0.0.1:{base}"
    assert {each.name for each in SUITE} <= set(ready)
    assert events[-1]["event"] == "stopped"


async def test_everything_listens_on_each_loopback_address(running: FakeSuite) -> None:
    ports = Ports(base_of(running))
    for host in loopbacks():
        shown = f"[{host}]" if ":" in host else host
        for process in SUITE:
            for port in (ports.main(process), ports.admin(process)):
                assert await check(f"{shown}:{port}", timeout=10) == SERVING
        _, writer = await asyncio.open_connection(host, ports.postgres)
        writer.close()
        await writer.wait_closed()


def test_second_start_reports_the_running_suite(running: FakeSuite) -> None:
    folder, base = running.data_dir.path.parent, base_of(running)
    with up(folder, base) as second:
        assert second.end() == 0
    assert second.out[0].startswith("Already running since ")
    assert f"(pid {running.process.pid})" in second.out[0]
    assert f"127.0.0.1:{base}" in "\n".join(second.out)
    with FakeSuite(folder) as unspecific:
        assert unspecific.end() == 0
    with free_base() as other, up(folder, other) as differing:
        assert differing.end() == 1
        assert f"Running with port base {base}, you asked for {other}." in differing.err[0]
        assert "SEDA_HOME" in differing.err[-1]


def test_log_lines_are_prefixed_and_only_from_warning_up(running: FakeSuite) -> None:
    running.wait_for_line("users   | WARNING users serves")
    chat = running.pids()["chat"]
    os.kill(chat, signal.SIGKILL)
    # It is started again, and warns again: now after ready, so on screen.
    running.wait_for_line("chat    | ended (status -9); starting it again")
    running.wait_for_line("chat    | WARNING chat serves")
    assert any("users   | INFO    starting" in line for line in running.err)
    assert not any("chat    | INFO" in line for line in running.err)
    assert not any("tracks  | WARNING tracks serves" in line for line in running.err)
