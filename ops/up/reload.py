"""`seda up --reload`: replace the processes that run a file which was changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import CliError
from ops.up.child import PROJECT
from ops.up.imports import Imports, read_stamp, syntax_error

if TYPE_CHECKING:
    from ops.topology import ProcessSpec
    from ops.up.progress import Progress

_POLL_SECONDS = 0.4
_Stamps = dict[Path, tuple[int, int]]


class Reloader:
    """Polls the files that the processes run, from its construction on: that comes before they start.

    `replace` puts a new process in the place of the one of this name.
    """

    def __init__(
        self,
        processes: Iterable[ProcessSpec],
        environ: Mapping[str, str],
        progress: Progress,
        replace: Callable[[str], Awaitable[object]],
    ) -> None:
        self._modules = {each.name: each.module for each in processes}
        paths = filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))
        self._imports = Imports([PROJECT, *map(Path, paths)])
        self._progress = progress
        self._replace = replace
        # As the processes will load them.
        self._first_files = self._files()
        self._first_stamps = _stamps(self._first_files)

    async def run(self) -> None:
        """Replace processes until cancelled; one that does not serve leaves the old one in place."""
        files, before = self._first_files, self._first_stamps
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            now = await asyncio.to_thread(_stamps, files)
            if now == before:
                continue
            # An editor writes several files, and one file several times.
            while (later := await self._after_a_pause(files)) != now:
                now = later
            changed = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
            await self._reload(changed, files)
            files = await asyncio.to_thread(self._files)
            before = await asyncio.to_thread(_stamps, files) | {
                path: stamp for path, stamp in now.items() if any(path in each for each in files.values())
            }

    async def _after_a_pause(self, files: Mapping[str, set[Path]]) -> _Stamps:
        await asyncio.sleep(_POLL_SECONDS / 2)
        return await asyncio.to_thread(_stamps, files)

    async def _reload(self, changed: set[Path], files: Mapping[str, set[Path]]) -> None:
        shown = ", ".join(sorted(map(_shown, changed)))
        if error := await asyncio.to_thread(syntax_error, changed):
            self._progress.line("reload", f"{error}\nnothing is restarted")
            return
        names = [name for name, own in files.items() if own & changed]
        self._progress.line("reload", f"{shown} changed: replacing {', '.join(names)}")
        # One after another: two cores are busy enough with one process that starts.
        for name in names:
            try:
                await self._replace(name)
            except CliError as failed:
                self._progress.line("reload", f"{failed.message}\nthe old one goes on")

    def _files(self) -> dict[str, set[Path]]:
        return {name: self._imports.files(module) for name, module in self._modules.items()}


def _stamps(files: Mapping[str, set[Path]]) -> _Stamps:
    found: _Stamps = {}
    for path in set().union(*files.values()):
        try:
            found[path] = read_stamp(path)
        except OSError:
            continue
    return found


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
