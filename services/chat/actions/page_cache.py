"""Pages of rooms that many read, made once for all of them.

A page is the same for everybody who may see it, but for the marks on the caller's own reactions and the token of
the next page. It changes only with the room, whose rev moves with every change of anything that a page shows. So
a page that was made once may be given to whoever asks next, as long as the room's rev, which is read anew for
every call together with what decides whether they may see it, is still the one that the page was made at.

What is kept are a page's bytes. The first reading of a page leaves only a note that it was read, so that pages
that are read once, such as those far back in a history, push nobody's out.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from uuid import UUID

from servicekit.cache import Cache

# A kept page beside its bytes: its ids, its key, its place in the dictionary; and a note of one that was read.
_OVERHEAD_BYTES, _ID_BYTES, _DOORKEEPER_ENTRIES = 1_000, 100, 4_096


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page as it is for everybody, at a rev of the room. `reacted_ids`: its messages that have reactions."""

    epoch: str
    rev: int
    content: bytes
    reacted_ids: list[UUID]
    next_seq: int | None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _OVERHEAD_BYTES + len(self.content) + len(self.reacted_ids) * _ID_BYTES


class PageCache:
    """The pages of one process that were read last, up to so many bytes; 0 keeps none."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pages: Cache[Hashable, CachedPage] = Cache(max_bytes, weigh=lambda page: page.size)
        self._doorkeeper: Cache[Hashable, bool] = Cache(_DOORKEEPER_ENTRIES)

    @property
    def size(self) -> int:
        """About how many bytes all pages take."""
        return self._pages.weight

    def get(self, key: Hashable) -> CachedPage | None:
        """The page of that key, of whatever rev."""
        return self._pages.get(key)

    def should_admit(self, key: Hashable) -> bool:
        """Whether a page that is being made is worth keeping: it was read before, and not long ago."""
        if not self._max_bytes:
            return False
        if key in self._pages or key in self._doorkeeper:
            return True
        self._doorkeeper.put(key, True)
        return False

    def put(self, key: Hashable, page: CachedPage) -> None:
        """Keep a page in place of an older one; those that were read longest ago make room for it."""
        self._doorkeeper.discard(key)
        self._pages.put(key, page)
