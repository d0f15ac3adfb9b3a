"""`seda up -d` and `seda down`, with real processes, a real PostgreSQL and real signals."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.support.fake_suite import FakeSuite, alive, seda, taken, until, up

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@pytest.fixture
def detached(folder: Path, base: int) -> Iterator[FakeSuite]:
    """A suite in the background, stopped in any case."""
    with up(folder, base, "-d") as started:
        assert started.end() == 0, started.output()
        yield started
    assert seda(folder, "down").returncode == 0


def test_returns_when_all_serves_and_goes_on_without_a_terminal(detached: FakeSuite, folder: Path) -> None:
    assert any("ok  services" in line for line in detached.err)
    assert any("It runs in the background" in line for line in detached.err)
    assert any("export SEDA_TOKEN=" in line for line in detached.out)
    state = detached.data_dir.running_state()
    assert state is not None
    assert state.ready
    # Of its own session: neither Ctrl-C nor a closed terminal reaches it.
    assert os.getsid(state.supervisor.pid) == state.supervisor.pid
    os.kill(detached.pids()["chat"], signal.SIGKILL)
    log = detached.data_dir.log("up")
    until(lambda: "chat    | ended (status -9); starting it again" in log.read_text())
    assert log.stat().st_mode & 0o777 == 0o600
    again = seda(folder, "up", "-d")
    assert (again.returncode, again.stdout.startswith("Already running since")) == (0, True)


def test_down_stops_all_of_it_and_keeps_the_data(detached: FakeSuite, folder: Path, base: int) -> None:
    state = detached.data_dir.running_state()
    assert state is not None
    pids = [*detached.pids().values(), state.supervisor.pid]
    told = seda(folder, "down")
    assert told.returncode == 0, told.stderr
    assert "gateway drained" in told.stderr
    assert "PostgreSQL stopped" in told.stderr
    assert "Stopped. Data kept in .seda" in told.stderr
    assert alive(pids) == []
    assert taken(base) == []
    assert any(detached.data_dir.path.glob("postgres-*"))
    second = seda(folder, "down", "--json")
    assert json.loads(second.stdout)["data"]["stopped"] is False


def test_nothing_outlives_a_killed_supervisor_in_the_background(detached: FakeSuite, base: int) -> None:
    state = detached.data_dir.running_state()
    assert state is not None
    pids = list(detached.pids().values())
    os.kill(state.supervisor.pid, signal.SIGKILL)
    until(lambda: not alive(pids) and not taken(base), 5.0)


def test_failed_start_is_reported_with_its_exit_code(folder: Path, base: int) -> None:
    with up(folder, base, "-d", FAKE_FAULTS="chat:crash") as failed:
        assert failed.end() == 1
    assert failed.err[-1] == "Full log: .seda/log/chat.log"
    assert taken(base) == []


def test_ctrl_c_while_it_starts_stops_it(folder: Path, base: int) -> None:
    with up(folder, base, "-d", FAKE_FAULTS="tracks:hang") as starting:
        until(lambda: (state := starting.data_dir.read_state()) and len(state.children) == 4)
        pids = list(starting.pids().values())
        assert starting.interrupt() == 130
    assert alive(pids) == []
    assert taken(base) == []


def test_down_from_another_shell_ends_a_suite_in_a_terminal(folder: Path, base: int) -> None:
    with up(folder, base) as running:
        running.ready()
        assert seda(folder, "down").returncode == 0
        assert running.end() == 0
    assert "Stopped. Data kept in .seda" in running.err[-1]


def test_wipe_deletes_what_was_made_and_nothing_else(detached: FakeSuite, folder: Path) -> None:
    path = detached.data_dir.path
    (path / "notes.txt").write_text("mine")
    before = {each.name for each in path.iterdir()}
    refused = seda(folder, "down", "--wipe")
    assert refused.returncode == 4
    assert "Add --yes" in refused.stderr
    planned = seda(folder, "down", "--wipe", "--dry-run", "--json")
    stop, *_ = json.loads(planned.stdout)["data"]["would"]
    assert stop.startswith("stop pid ")
    assert detached.data_dir.running_state() is not None
    assert {each.name for each in path.iterdir()} == before
    told = seda(folder, "down", "--wipe", "--yes")
    assert told.returncode == 0, told.stderr
    assert [each.name for each in path.iterdir()] == ["notes.txt"]
    (path / "notes.txt").unlink()
    assert seda(folder, "down", "--wipe", "--yes").returncode == 0


def test_wipe_of_a_stopped_suite_leaves_no_folder(folder: Path, base: int) -> None:
    with up(folder, base, "-d") as started:
        assert started.end() == 0
    assert seda(folder, "down", "--wipe", "--yes").returncode == 0
    assert not (folder / ".seda").exists()
    assert seda(folder, "down").stderr == "Nothing runs on .seda.\n"
    assert not (folder / ".seda").exists()


def test_down_of_a_supervisor_that_hangs_names_it(detached: FakeSuite, folder: Path) -> None:
    state = detached.data_dir.running_state()
    assert state is not None
    socket = detached.data_dir.control_socket
    hidden = socket.rename(socket.with_suffix(".hidden"))
    try:
        told = seda(folder, "down")
    finally:
        hidden.rename(socket)
    assert told.returncode == 3
    assert f"kill -9 {state.supervisor.pid}" in told.stderr
    assert socket.stat().st_mode & 0o777 == 0o600
