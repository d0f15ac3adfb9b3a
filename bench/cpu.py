"""CPU time of processes: their threads', the kernel's for them, and their ended children's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def seconds(roots: Iterable[int]) -> float:
    """CPU seconds that these processes and all their children have used, those that have ended included.

    A child that ended is in its parent's sum once the parent has waited for it, as PostgreSQL does for its
    backends. Raises psutil.NoSuchProcess if a root has ended.
    """
    return sum(_used(each) for root in map(psutil.Process, roots) for each in _tree(root))


def machine() -> tuple[float, float]:
    """CPU seconds that all processors together were busy, and that they offered, since the machine started."""
    times = psutil.cpu_times()
    # Guest time is part of user time.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def _used(process: psutil.Process) -> float:
    # A child that has just ended is in its parent's sum the next time.
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system
    return 0.0
