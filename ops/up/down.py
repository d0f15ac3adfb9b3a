"""`seda down`: stop the suite of a folder, and delete its data when asked to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ops.confirm import require_confirmation
from ops.data_dir import find_data_dir, state_home
from ops.errors import CliError, Exit
from ops.instances import Registry
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


def down(console: Console, *, everything: bool, wipe: bool, yes: bool, no_input: bool, dry_run: bool) -> None:
    """Stop what runs on the folder, or all suites; with `wipe` delete what was made there. Nothing to do is success."""
    targets = _all_suites(wipe=wipe) if everything else [_Target.of(find_data_dir(), wipe=wipe)]
    if dry_run:
        would = [line for each in targets for line in each.plan()]
        console.result(
            {"dry_run": True, "would": would},
            "\n".join(f"Would {line}" for line in would) or "Nothing to do.",
        )
        return
    made = [each for each in targets if each.made]
    if made:
        consequence = "This deletes all data in " + ", ".join(
            f"{each.data_dir.path} ({each.size})" for each in made
        )
        name = "all" if everything else _name(made[0].data_dir)
        require_confirmation(console, name, f"{consequence}.", yes=yes, no_input=no_input)
    failures: list[CliError] = []
    results = []
    for each in targets:
        try:
            results.append(_down(console, each, wipe=wipe))
        except CliError as error:
            # One that hangs keeps no other from its end.
            if not everything:
                raise
            failures.append(error)
    if failures:
        raise CliError(
            "SOME_STILL_RUN",
            f"{len(failures)} of {len(targets)} could not be stopped.",
            why="\n".join(f"{each.message} {each.fix}" for each in failures),
            fix="seda ps",
        )
    if everything and not targets and not console.json:
        console.message("Nothing runs.")
    console.result({"suites": results} if everything else results[0])


@dataclass(frozen=True, slots=True)
class _Target:
    """A suite to stop, and what of it to delete."""

    data_dir: DataDir
    pid: int | None
    made: list[Path]
    size: str

    @classmethod
    def of(cls, data_dir: DataDir, *, wipe: bool) -> Self:
        state = data_dir.running_state()
        size = f"{data_dir.size() / _MEGABYTE:.0f} MB"
        return cls(data_dir, state.supervisor.pid if state else None, data_dir.made() if wipe else [], size)

    def plan(self) -> list[str]:
        stop = [] if self.pid is None else [f"stop pid {self.pid} on {self.data_dir}"]
        return [*stop, *(f"delete {each}" for each in self.made)]


def _all_suites(*, wipe: bool) -> list[_Target]:
    targets = (_Target.of(each.data_dir, wipe=wipe) for each in Registry().instances())
    return [each for each in targets if each.pid is not None or each.made]


def _down(console: Console, target: _Target, *, wipe: bool) -> dict[str, object]:
    data_dir, steps = target.data_dir, None
    # Not made only to be locked.
    if data_dir.path.is_dir():
        with _stopped(data_dir, Progress(console)) as steps:
            if wipe:
                data_dir.wipe()
    if not console.json:
        console.message(_told(target, stopped=steps is not None))
    return {"data": data_dir.path, "stopped": steps is not None, "steps": steps or [], "deleted": target.made}


def _told(target: _Target, *, stopped: bool) -> str:
    data_dir, size = target.data_dir, target.size
    first = "Stopped." if stopped else f"Nothing runs on {data_dir}."
    if target.made:
        return f"{first} The data in {data_dir} are deleted ({size})."
    return f"{first} Data kept in {data_dir} ({size})." if data_dir.made() else first


def _name(data_dir: DataDir) -> str:
    """Return what a person types for a suite: the name of an instance, else the folder."""
    return data_dir.path.name if data_dir.path.parent == state_home() / "instances" else str(data_dir)


@contextlib.contextmanager
def _stopped(data_dir: DataDir, progress: Progress) -> Iterator[list[dict[str, object]] | None]:
    """Hold the folder's lock after whatever held it has stopped; yields the steps of that, None without one."""
    with data_dir.lock() as free:
        if free:
            cleanup_stale(data_dir, progress)
            yield None
            return
    state = data_dir.running_state()
    steps = ask(data_dir, {"do": "stop"}, _STOP_SECONDS)["steps"]
    progress.steps([(each["name"], each["seconds"]) for each in steps])
    end = time.monotonic() + _LEAVE_SECONDS
    while time.monotonic() < end:
        # It gives up the lock a moment before it has ended.
        if state is None or not state.supervisor.alive:
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
