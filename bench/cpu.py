"""CPU time of processes, read from Linux's /proc: their threads', the kernel's for them, and their ended children's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")


def seconds(roots: Iterable[int]) -> float:
    """CPU seconds that these processes and all their children have used, those that have ended included.

    A child that ended is in its parent's sum once the parent has waited for it, as PostgreSQL does for its
    backends. Raises ProcessLookupError when a root has ended: then nothing can be said of it any more.
    """
    return sum(_tree(root) for root in roots)


def machine() -> tuple[float, float]:
    """CPU seconds that all processors together were busy, and were there, since the machine started."""
    fields = [int(each) for each in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICK, sum(fields) / _TICK


def _tree(pid: int) -> float:
    used = _own(pid)
    for child in _children(pid):
        try:
            used += _tree(child)
        except ProcessLookupError:
            # It ended just now; its parent's sum has it the next time.
            continue
    return used


def _own(pid: int) -> float:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    # The name in parentheses may hold anything; after it come state, parent ... utime, stime, cutime, cstime.
    return sum(int(each) for each in text.rpartition(")")[2].split()[11:15]) / _TICK


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
