"""Starts programs while grpc is at work: `python -m tests.servicekit.forking COUNT` exits with how many failed.

By fork and exec, as a program is started as another user; others are started by vfork.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.servicekit.probe_server import serving

_CALLERS = 4


def _in_the_child() -> None:
    """Does nothing, but by a fork."""


def _fails() -> bool:
    done = subprocess.run(["/bin/true"], preexec_fn=_in_the_child, check=False)
    return done.returncode != 0


async def main(count: int) -> int:
    """How many of `count` programs that do nothing fail."""
    async with serving() as probe:

        async def load() -> None:
            while True:
                await probe.call("Ask")

        loads = [asyncio.create_task(load()) for _ in range(_CALLERS)]
        failed = [await asyncio.to_thread(_fails) for _ in range(count)]
        for each in loads:
            each.cancel()
        await asyncio.wait(loads)
    return sum(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))
