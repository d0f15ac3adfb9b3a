"""A disk that is really full: a small file system in memory."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.postgres import new_folder

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system."""

    path: Path

    def leave(self, size: int) -> None:
        """Leave `size` bytes of free space, to the page."""
        filler = self.path / "filler"
        filler.unlink(missing_ok=True)
        with filler.open("wb") as file:
            file.write(bytes(max(0, shutil.disk_usage(self.path).free - size)))

    def grow(self) -> None:
        """Make room for everything."""
        subprocess.run(["mount", "-o", "remount,size=128m", str(self.path)], check=True)


@contextmanager
def small_disk(mebibytes: int) -> Iterator[SmallDisk]:
    """Mount it, and unmount it at the end; the test is skipped where this user may not mount."""
    folder = new_folder()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes * _MEBIBYTE}", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("a full disk needs a small file system, which this user may not mount")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
