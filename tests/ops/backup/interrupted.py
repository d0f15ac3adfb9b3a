"""Make a backup in this process, which dies or runs out of space on the way: `MODE NUMBER FOLDER`, DSN on stdin.

`kill N` ends it with SIGKILL before the Nth access to the folder, `limit N` lets no file grow beyond N bytes.
Writes how many accesses there were.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from ops.backup import archive, encryption
from ops.backup.create import create_backup
from ops.backup.stores import LocalStore
from ops.console import Console

_WRITTEN = "seda.written"
_seen = 0


def main(mode: str, number: int, folder: str) -> None:
    """Make the backup."""
    dsn = sys.stdin.readline().strip()
    # Small, so that there is something between the first byte and the last.
    setattr(encryption, "CHUNK_BYTES", 20_000)  # noqa: B010 - not exported there
    if mode == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
    write = archive.HashingWriter.write

    def announced(self: archive.HashingWriter, data: bytes, /) -> int:
        sys.audit(_WRITTEN, folder)
        return write(self, data)

    setattr(archive.HashingWriter, "write", announced)  # noqa: B010 - the type checker refuses the plain form
    sys.addaudithook(lambda event, arguments: _count(event, arguments, mode, number, folder))
    asyncio.run(create_backup(dsn, LocalStore(Path(folder)), Console()))
    print(_seen)  # noqa: T201 - for the test


def _count(event: str, arguments: tuple[Any, ...], mode: str, number: int, folder: str) -> None:
    global _seen
    if event in {"open", "os.rename", "os.mkdir", _WRITTEN} and str(arguments[0]).startswith(folder):
        _seen += 1
        if mode == "kill" and _seen == number:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
