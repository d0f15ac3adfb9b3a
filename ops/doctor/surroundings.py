"""What the checks of `seda doctor` look at; tests replace parts of it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distribution, version
from pathlib import Path

from ops.data_dir import DataDir


def _requirements() -> list[str]:
    return distribution("seda-backend").requires or []


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment, the data folder and the working directory, and this machine's facts."""

    environ: Mapping[str, str] = field(repr=False)
    data_dir: DataDir
    cwd: Path
    python: tuple[int, ...] = sys.version_info[:3]
    requirements: tuple[str, ...] = field(default_factory=lambda: tuple(_requirements()))
    free_bytes: int | None = None
    now: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    """When `now` was read."""

    @staticmethod
    def installed(package: str) -> str:
        """Return the version of an installed package; raises PackageNotFoundError."""
        return version(package)

    def free_space(self) -> int:
        """Return the bytes that are free where the data folder is or will be."""
        if self.free_bytes is not None:
            return self.free_bytes
        existing = next(each for each in (self.data_dir.path, *self.data_dir.path.parents) if each.exists())
        return _free_bytes(existing)
