"""Restore a backup in this process, which dies on the way: `POINT PREFIX FOLDER ID NAME`, DSN on stdin."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.backup import archive, restore, scratch
from ops.backup.manifest import Manifest
from ops.backup.stores import LocalStore, Store, Writer
from ops.console import Console

_POINTS = {"made": "init_database", "half": "feed_archive", "whole": "renew_epoch"}


def main(point: str, prefix: str, folder: str, backup_id: str, name: str) -> None:
    """Restore until the point: the database is made, half of the archive is in, all of it is."""
    setattr(scratch, "PREFIX", prefix)  # noqa: B010 - the type checker refuses the plain form
    setattr(restore, _POINTS[point], _feed_half if point == "half" else _die)
    source = restore.Source(LocalStore(Path(folder)), backup_id)
    asyncio.run(restore.restore_into(sys.stdin.readline().strip(), source, name, Console()))


def _feed_half(
    store: Store, manifest: Manifest, keys: Sequence[object], target: Writer, *rest: Any, **how: Any
) -> None:
    if how:
        # Its list alone is read.
        archive.feed_archive(store, manifest, keys, target, *rest, **how)
        return
    chunk = next(store.chunks(manifest.id))
    target.write(chunk[: len(chunk) // 2])
    target.flush()
    _die()


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
