"""The suites of this user on this machine: where their folders are, and which ports the named ones have."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.data_dir import DataDir, state_home
from ops.errors import CliError
from ops.topology import CONSOLE, SUITE, Ports

# Above the ports of a suite without a name, below the ephemeral range.
_FIRST_BASE, _LAST_BASE, _STEP = 7500, 30_000, 100


@dataclass(frozen=True, slots=True)
class Instance:
    """A suite that was started at least once, and whose folder is still there. `name` is empty for one of a folder."""

    path: Path
    name: str
    port_base: int

    @property
    def data_dir(self) -> DataDir:
        """Its data folder."""
        return DataDir(self.path)


class Registry:
    """One file for each suite below XDG_STATE_HOME. A suite runs without it, when it can't be written."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._folder = state_home(environ) / "suites"

    def instances(self) -> list[Instance]:
        """Return all suites, named ones first, and forget those whose folders are gone."""
        found = []
        for file in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                known = json.loads(file.read_text())
                instance = Instance(Path(known["path"]), known["name"], known["port_base"])
                if instance.path.is_dir():
                    found.append(instance)
                else:
                    file.unlink(missing_ok=True)
        return sorted(found, key=lambda each: (not each.name, each.name, str(each.path)))

    def record(self, instance: Instance) -> None:
        """Remember a suite, or its new ports."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(instance.path)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({**asdict(instance), "path": str(instance.path)}) + "\n")
        partial.rename(file)

    def reserve(self, data_dir: DataDir, name: str) -> int:
        """Return the first port of a named instance: that of its last run, else one that no other instance has."""
        from ops.up.ports import is_free

        with self._locked():
            known = self.instances()
            own = next((each.port_base for each in known if each.path == data_dir.path), None)
            if own is not None:
                return own
            taken = {each.port_base for each in known}
            for base in range(_FIRST_BASE, _LAST_BASE, _STEP):
                ports = Ports(base).used((*SUITE, CONSOLE), postgres=True)
                if base not in taken and all(map(is_free, ports)):
                    # An instance is known by its folder.
                    data_dir.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                    self.record(Instance(data_dir.path, name, base))
                    return base
        raise CliError("NO_FREE_PORTS", "No 24 free ports were found.", fix="Choose some: --port-base PORT")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = (self._folder / "lock").open("w")
        except OSError as error:
            raise CliError(
                "STATE_FOLDER_UNUSABLE",
                f"Can't write to {self._folder}, where named instances are recorded.",
                why=str(error),
                fix="Set XDG_STATE_HOME to a folder of your own.",
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _file(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"
