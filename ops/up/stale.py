"""Clean up after a supervisor that was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.topology import CONSOLE, SUITE, Ports
from ops.up.ports import is_free

if TYPE_CHECKING:
    from ops.data_dir import DataDir
    from ops.up.progress import Progress

# Orphans of a killed supervisor end within this time; later ones hang.
_ORPHAN_SECONDS = 6.0
_POLL_SECONDS = 0.05


def cleanup_stale(data_dir: DataDir, progress: Progress) -> None:
    """Wait for the children of a supervisor that was killed to end, and kill those that hang; nothing without any.

    The caller holds the folder's lock.
    """
    from ops.postgres.stale_server import stop_stale_server

    state = data_dir.read_state()
    if state is None:
        return
    orphans = [each for each in state.children.values() if each.alive]
    _wait_until(lambda: not any(each.alive for each in orphans))
    for each in orphans:
        if each.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
    for major in data_dir.postgres_majors():
        stop_stale_server(data_dir.postgres_data(major))
    # A killed process keeps its sockets until its last thread has ended.
    ports = Ports(state.port_base).used((*SUITE, CONSOLE), postgres=state.own_postgres)
    _wait_until(lambda: all(map(is_free, ports)))
    data_dir.clear_state()
    progress.note(f"The last seda up (pid {state.supervisor.pid}) did not end in order; cleaned up after it.")


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _ORPHAN_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
