"""`seda restart` of one process and of all, with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.topology import GATEWAY, Ports
from tests.ops.support.fake_suite import FakeSuite, alive, crash_until_down, free_base, seda, taken, up

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@pytest.fixture
def running(folder: Path, base: int) -> Iterator[FakeSuite]:
    with up(folder, base) as started:
        yield started.ready()


def test_one_process_is_drained_and_serves_again(running: FakeSuite, folder: Path) -> None:
    before = running.pids()
    told = seda(folder, "restart", "chat")
    assert told.returncode == 0, told.stderr
    assert "chat serves again" in told.stderr
    after = running.pids()
    assert {name for name in before if before[name] != after[name]} == {"chat"}
    assert '"event": "drained"' in running.data_dir.log("chat").read_text()
    report = json.loads(seda(folder, "status", "--json").stdout)["data"]
    assert report["serving"] is True
    # A requested end is no crash, and the new process is looked after as the old one was.
    assert [each["crashes"] for each in report["processes"]] == [0] * 5
    os.kill(after["chat"], signal.SIGKILL)
    running.wait_for_line("chat    | ended (status -9); starting it again in 0.5 s")


def test_process_left_down_is_started(running: FakeSuite, folder: Path) -> None:
    crash_until_down(running, "users")
    assert seda(folder, "status").returncode == 1
    assert seda(folder, "restart", "users").returncode == 0
    assert seda(folder, "status").returncode == 0


def test_unknown_process_is_a_usage_error(running: FakeSuite, folder: Path) -> None:
    before = running.pids()
    told = seda(folder, "restart", "chad", "--json")
    assert told.returncode == 2
    assert json.loads(told.stdout)["error"]["code"] == "UNKNOWN_PROCESS"
    assert running.pids() == before


def test_all_of_it_moves_to_other_ports_under_the_same_supervisor(
    running: FakeSuite, folder: Path, base: int
) -> None:
    before = running.pids()
    with free_base() as other:
        asked = up(folder, other)
        with asked:
            assert asked.end() == 1
        assert f"seda restart --port-base {other} applies the new settings" in asked.err[-1]
        told = seda(folder, "restart", "--port-base", str(other), SEDA_LOG_LEVEL="warning")
        assert told.returncode == 0, told.stderr
        assert Ports(other).address(GATEWAY) in told.stdout
        assert alive(list(before.values())) == []
        assert taken(base) == []
        state = running.data_dir.running_state()
        assert state is not None
        assert (state.port_base, state.supervisor.pid) == (other, running.process.pid)
        assert seda(folder, "status").returncode == 0
        assert psutil.Process(running.pids()["chat"]).environ()["SEDA_LOG_LEVEL"] == "warning"
        assert running.interrupt() == 0
        assert taken(other) == []


def test_taken_port_or_unreachable_database_stops_nothing(running: FakeSuite, folder: Path) -> None:
    before = running.pids()
    with free_base() as other, socket.create_server(("127.0.0.1", other + 2)):
        told = seda(folder, "restart", "--port-base", str(other))
        assert told.returncode == 1
        assert f"{other + 2} (chat)" in told.stderr
        url = f"postgresql://someone:s3cret@127.0.0.1:{other + 5}/mine"
        told = seda(folder, "restart", DATABASE_URL=url)
        assert told.returncode == 1
        assert "Can't connect to postgresql://someone@127.0.0.1" in told.stderr
        assert "s3cret" not in told.stderr
    assert running.pids() == before
    assert seda(folder, "status").returncode == 0
