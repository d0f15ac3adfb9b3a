"""Log files read from their end, and followed over rotation and truncation, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 64 * 1024
# What is read of a file at once, and kept of a line. Longer lines are cut.
_LONGEST_BATCH = 1024 * 1024
_LONGEST_LINE = 256 * 1024


def lines_from_end(file: BinaryIO, end: int, start: int = 0) -> Iterator[str]:
    """Yield the whole lines between two offsets, the last one first, reading no more than is taken."""
    rest, position = b"", end
    while position > start:
        size = min(_BLOCK, position - start)
        position -= size
        file.seek(position)
        first, *others = (file.read(size) + rest).split(b"\n")
        for line in reversed(others):
            if line:
                yield _text(line)
        rest = first[:_LONGEST_LINE]
    if rest:
        yield _text(rest)


def end_of_last_line(path: Path) -> int:
    """Return the offset after the last whole line; 0 without one, or without the file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - _LONGEST_LINE)
            file.seek(start)
            return start + file.read(size - start).rfind(b"\n") + 1
    except FileNotFoundError:
        return 0


class Follower:
    """Yields the lines that are added to a file from the time of construction on, or from `start` on.

    The file may be missing, renamed with another one in its place, or cut to nothing: no line is lost but those
    that were cut off unread.
    """

    def __init__(self, path: Path, start: int | None = None) -> None:
        self._path = path
        self._file = self._open()
        self._rest = b""
        self._position = (self._size() if self._file else 0) if start is None else start

    def lines(self) -> Iterator[str]:
        """Yield what is there by now; of much, at most the next megabyte."""
        chunk = self._read()
        if not chunk and self._replaced():
            # Until the other one was there, lines came into this one.
            chunk = self._read()
            if not chunk:
                self.close()
                self._file, self._position = self._open(), 0
                chunk = (b"\n" if self._rest else b"") + self._read()
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_LONGEST_LINE]
        for line in lines:
            yield _text(line)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _read(self) -> bytes:
        if self._file is None:
            return b""
        if self._size() < self._position:
            self._position, self._rest = 0, b""
        self._file.seek(self._position)
        chunk = self._file.read(_LONGEST_BATCH)
        self._position += len(chunk)
        return chunk

    def _open(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None

    def _size(self) -> int:
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_size

    def _replaced(self) -> bool:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != now.st_ino


def _text(line: bytes) -> str:
    return line[:_LONGEST_LINE].decode(errors="replace")
