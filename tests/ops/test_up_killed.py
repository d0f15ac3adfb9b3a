"""`seda up` killed or with --ephemeral leaves no processes and no temporary data."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.ops.support.fake_suite import alive, reaper_of, taken, until, up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_nothing_outlives_a_killed_supervisor(folder: Path, base: int) -> None:
    with up(folder, base, FAKE_FAULTS="chat:ignore-stop") as running:
        running.ready()
        named = running.pids()
        pids = list(named.values())
        os.kill(named["users"], signal.SIGSTOP)
        helpers = [reaper_of(running.process.pid)]
        running.process.kill()
        killed = time.monotonic()
        until(lambda: not alive(pids + helpers) and not taken(base), 5.0 - (time.monotonic() - killed))
    with up(folder, base) as again:
        again.ready()
        assert any("did not end in order; cleaned up" in line for line in again.err)
        assert again.interrupt() == 0


def test_start_right_after_a_kill_waits_for_the_orphans(folder: Path, base: int) -> None:
    with up(folder, base, FAKE_FAULTS="chat:ignore-stop users:ignore-stop") as running:
        running.ready()
        running.process.kill()
        running.process.wait()
        with up(folder, base) as again:
            again.ready()
            assert again.interrupt() == 0


def test_ephemeral_leaves_nothing_even_when_killed(folder: Path, base: int) -> None:
    for kill in (False, True):
        with up(folder, base, "--ephemeral", TMPDIR=str(folder)) as running:
            running.ready()
            assert any("(deleted at the end)" in line for line in running.err)
            (made,) = folder.glob("seda-*")
            assert (made / "state.json").exists()
            if kill:
                running.process.kill()
            else:
                assert running.interrupt() == 0
        until(lambda: not list(folder.glob("seda-*")))
    assert not (folder / ".seda").exists()
