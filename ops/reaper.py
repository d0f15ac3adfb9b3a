"""The last resort against orphans: kills children that outlive a supervisor which died without a word.

Run as a script by its path, never imported by the rest of the project, so that it starts in a few milliseconds:

    python -I -S orphan_reaper.py PIPE_FD REMOVE

Every child leaves by itself when its pipe closes (SEDA_PARENT_FD), unless it hangs, is stopped or is too young
to listen. This process reads lines `+PID` and `-PID` from its own pipe; at end of file it waits a moment for
the children still on the list, then kills their process groups. REMOVE is a folder to delete at the end, or "-";
an orderly supervisor sends `done` first, after which nothing is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

_PATIENCE = 2.5
_POLL = 0.02


def main(arguments: list[str]) -> int:
    """Follow the list of children until the supervisor ends, then see that they end too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children: set[int] = set()
    with open(int(arguments[0]), encoding="ascii") as pipe:  # noqa: PTH123 - a descriptor, not a path
        for line in pipe:
            word = line.strip()
            if word == "done":
                children.clear()
            elif word.startswith("+"):
                children.add(int(word[1:]))
            else:
                children.discard(int(word[1:]))
    _see_off(children)
    if arguments[1] != "-":
        shutil.rmtree(arguments[1], ignore_errors=True)
    return 0


def _see_off(children: set[int]) -> None:
    end = time.monotonic() + _PATIENCE
    while children and time.monotonic() < end:
        children = {each for each in children if _group_alive(each)}
        time.sleep(_POLL)
    for each in children:
        _signal_group(each, signal.SIGKILL)


def _group_alive(leader: int) -> bool:
    return _signal_group(leader, 0)


def _signal_group(leader: int, number: int) -> bool:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
