"""`seda down`: stop the suite of a folder, and delete its data when asked to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ops.confirm import require_confirmation
from ops.data_dir import find_data_dir
from ops.errors import CliError, Exit
from ops.up.control import ask
from ops.up.progress import Progress
from ops.up.stale import cleanup_stale

if TYPE_CHECKING:
    from ops.console import Console
    from ops.data_dir import DataDir

# Draining takes 20 s at most, PostgreSQL's shutdown 70 s.
_STOP_SECONDS = 100.0
# A supervisor that has answered only has to leave.
_LEAVE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_MEGABYTE = 1_000_000


def down(console: Console, *, wipe: bool, yes: bool, no_input: bool, dry_run: bool) -> None:
    """Stop what runs on the folder; with `wipe` delete what was made there. Nothing to do is success."""
    data_dir = find_data_dir()
    state = data_dir.running_state()
    made = data_dir.made() if wipe else []
    size = f"{data_dir.size() / _MEGABYTE:.0f} MB"
    if dry_run:
        would = [*(["stop"] if state else []), *(f"delete {each}" for each in made)]
        stopped = f"Would stop pid {state.supervisor.pid}." if state else f"Nothing runs on {data_dir}."
        text = "\n".join([stopped, *(f"Would delete {each}" for each in made)])
        console.result({"dry_run": True, "would": would}, text)
        return
    if made:
        consequence = f"This deletes all data in {data_dir.path} ({size})."
        require_confirmation(console, str(data_dir), consequence, yes=yes, no_input=no_input)
    progress = Progress(console)
    # Not made only to be locked.
    steps = None
    if data_dir.path.is_dir():
        with _stopped(data_dir, progress) as steps:
            if wipe:
                data_dir.wipe()
    console.result({"stopped": steps is not None, "steps": steps or [], "deleted": made})
    if not console.json:
        console.message(_told(data_dir, size, steps is not None, wiped=bool(made)))


def _told(data_dir: DataDir, size: str, stopped: bool, *, wiped: bool) -> str:
    first = "Stopped." if stopped else f"Nothing runs on {data_dir}."
    if wiped:
        return f"{first} The data in {data_dir} are deleted ({size})."
    return f"{first} Data kept in {data_dir} ({size})." if data_dir.made() else first


@contextlib.contextmanager
def _stopped(data_dir: DataDir, progress: Progress) -> Iterator[list[dict[str, object]] | None]:
    """Hold the folder's lock after whatever held it has stopped; yields the steps of that, None without one."""
    with data_dir.lock() as free:
        if free:
            cleanup_stale(data_dir, progress)
            yield None
            return
    steps = ask(data_dir, {"do": "stop"}, _STOP_SECONDS)["steps"]
    progress.steps([(each["name"], each["seconds"]) for each in steps])
    end = time.monotonic() + _LEAVE_SECONDS
    while time.monotonic() < end:
        with data_dir.lock() as free:
            if free:
                yield steps
                return
        time.sleep(_POLL_SECONDS)
    raise CliError(
        "LOCK_BUSY",
        f"{data_dir} is still in use.",
        why="The suite has stopped, but its process has not ended, or another has started.",
        fix="seda status",
        retry=True,
        exit_code=Exit.LOCK_BUSY,
    )
