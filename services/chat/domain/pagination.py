"""Pages of a room's history: the seqs to read, and the part that fits a page."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from servicekit.pagination import take_within_budget

MAX_SEQ = (1 << 63) - 1
"""A seq that sorts after every message."""


class Direction(enum.IntEnum):
    """The direction of the pages after the first one."""

    OLDER = -1
    NEWER = 1


@dataclass(frozen=True, slots=True)
class Window:
    """Reads up to `older` messages at or before `older_from` and up to `newer` after `newer_from`.

    Each side reads one message more than it returns, to detect whether there are more; a side that returns
    none still reads one, unless there can be none.
    """

    direction: Direction
    older_from: int
    older: int
    newer_from: int = MAX_SEQ
    newer: int = 0

    @classmethod
    def newest(cls, size: int) -> Window:
        """Return a window of the newest messages."""
        return cls(Direction.OLDER, MAX_SEQ, size + 1)

    @classmethod
    def before(cls, seq: int, size: int) -> Window:
        """Return a window of the messages right before `seq`."""
        return cls(Direction.OLDER, seq - 1, size + 1, seq - 1, 1)

    @classmethod
    def after(cls, seq: int, size: int) -> Window:
        """Return a window of the messages right after `seq`."""
        return cls(Direction.NEWER, seq, 1, seq, size + 1)

    @classmethod
    def around(cls, seq: int, size: int) -> Window:
        """Return a window on both sides of `seq`, which belongs to the older half."""
        older = size // 2 + 1
        return cls(Direction.OLDER, seq, older + 1, seq, size - older + 1)

    @classmethod
    def following(cls, direction: Direction, last_seq: int, size: int) -> Window:
        """Return the window of the page after the one that ended at `last_seq`."""
        make = cls.before if direction is Direction.OLDER else cls.after
        return make(last_seq, size)


@dataclass(frozen=True, slots=True)
class PageSlice:
    """The seqs of a page, the newest first. `next_seq` continues it; None at the end."""

    seqs: list[int]
    found_oldest: bool
    found_newest: bool
    next_seq: int | None


def slice_page(
    window: Window, seqs: Sequence[int], size_of: Callable[[int], int], max_bytes: int
) -> PageSlice:
    """Choose from the seqs that the window read; the page ends before it would exceed `max_bytes`."""
    older = sorted((seq for seq in seqs if seq <= window.older_from), reverse=True)
    newer = sorted(seq for seq in seqs if seq > window.newer_from)
    wanted_newer = newer[: max(window.newer - 1, 0)]
    wanted_older = older[: window.older - 1]
    both = bool(wanted_newer and wanted_older)
    shown_newer, used = take_within_budget(wanted_newer, size_of, max_bytes // 2 if both else max_bytes)
    shown_older, _ = take_within_budget(wanted_older, size_of, max_bytes - used)
    found_oldest, found_newest = len(shown_older) == len(older), len(shown_newer) == len(newer)
    next_seq = None
    if window.direction is Direction.NEWER and shown_newer and not found_newest:
        next_seq = shown_newer[-1]
    elif window.direction is Direction.OLDER and shown_older and not found_oldest:
        next_seq = shown_older[-1]
    return PageSlice([*reversed(shown_newer), *shown_older], found_oldest, found_newest, next_seq)
