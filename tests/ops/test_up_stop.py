"""Failed and interrupted starts of `seda up`, and its stop when a service ignores SIGTERM."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ops.topology import SUITE
from tests.ops.support.fake_suite import FakeSuite, alive, taken, until, up

pytestmark = pytest.mark.timeout(180)


def test_service_that_dies_at_start_is_named_with_its_last_lines(folder: Path, base: int) -> None:
    with up(folder, base, FAKE_FAULTS="chat:crash") as failed:
        assert failed.end() == 1
    assert any("chat    | INFO    starting" in line for line in failed.err)
    assert failed.err[-2:] == [
        'chat did not start (exit status 1): SEDA_CHAT_DATABASE_URL names database "seda_x", which does not exist.',
        "Full log: .seda/log/chat.log",
    ]
    assert failed.out == []
    assert taken(base) == []


@pytest.mark.slow
def test_service_that_never_serves_is_named(folder: Path, base: int) -> None:
    # None of them serves: on a busy machine a healthy one would not within a second either.
    faults = " ".join(f"{each.name}:hang" for each in SUITE)
    with up(folder, base, FAKE_FAULTS=faults, FAKE_SERVE_SECONDS="1") as failed:
        assert failed.end() == 1
    said = re.fullmatch(r"(\w+) did not start: it does not serve after 1 s; last: .+", failed.err[-2])
    assert said, failed.err
    assert said[1] in {each.name for each in SUITE}
    assert failed.err[-1] == f"Full log: .seda/log/{said[1]}.log"
    assert taken(base) == []


def test_ctrl_c_while_starting_ends_in_order(folder: Path, base: int) -> None:
    with up(folder, base, FAKE_FAULTS="tracks:hang") as starting:
        state = until(starting.data_dir.read_state)
        assert state is not None
        until(lambda: len((starting.data_dir.read_state() or state).children) == len(SUITE))
        pids = starting.pids()
        assert starting.interrupt() == 0
    assert alive(list(pids.values())) == []
    assert taken(base) == []


class Unread(FakeSuite):
    """A suite whose output is closed once it is ready, like a closed terminal."""

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C stops all" in line:
                break
        stream.close()

    def left(self) -> bool:
        """Whether its stderr is closed."""
        return self.process.stderr is not None and self.process.stderr.closed


@pytest.mark.slow
def test_a_closed_terminal_does_not_prevent_the_stop(folder: Path, base: int) -> None:
    with Unread(folder, "--port-base", str(base)) as running:
        running.ready()
        until(running.left)
        pids = running.pids()
        assert running.interrupt() == 0
    assert alive(list(pids.values())) == []
    assert taken(base) == []


@pytest.mark.slow
def test_second_ctrl_c_stops_at_once(folder: Path, base: int) -> None:
    with up(folder, base, FAKE_FAULTS="chat:ignore-stop") as running:
        running.ready()
        pids = running.pids()
        running.process.send_signal(signal.SIGINT)
        running.wait_for_line("Stopping (Ctrl-C again: at once)")
        began = time.monotonic()
        assert running.interrupt() == 0
        # The patient stop waits 20 s for a deaf service.
        assert time.monotonic() - began < 15
    assert alive(list(pids.values())) == []
