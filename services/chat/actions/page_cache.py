"""Pages of rooms that many read, made once for all of them.

A page is the same for everybody who may see it, but for the marks on the caller's own reactions and the token of
the next page. It changes only with the room, whose rev moves with every change of anything that a page shows. So
a page that was made once may be given to whoever asks next, as long as the room's rev, which is read anew for
every call together with what decides whether they may see it, is still the one that the page was made at.

What is kept are a page's bytes. The first reading of a page leaves only a note that it was read, so that pages
that are read once, such as those far back in a history, push nobody's out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from uuid import UUID

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
        self._pages: OrderedDict[Hashable, CachedPage] = OrderedDict()
        self._doorkeeper: OrderedDict[Hashable, None] = OrderedDict()
        self.size = 0

    def get(self, key: Hashable) -> CachedPage | None:
        """The page of that key, of whatever rev."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def should_admit(self, key: Hashable) -> bool:
        """Whether a page that is being made is worth keeping: it was read before, and not long ago."""
        if not self._max_bytes:
            return False
        if key in self._pages or key in self._doorkeeper:
            return True
        self._doorkeeper[key] = None
        if len(self._doorkeeper) > _DOORKEEPER_ENTRIES:
            self._doorkeeper.popitem(last=False)
        return False

    def put(self, key: Hashable, page: CachedPage) -> None:
        """Keep a page in place of an older one; those that were read longest ago make room for it."""
        self._doorkeeper.pop(key, None)
        self._drop(key)
        if page.size > self._max_bytes:
            return
        self._pages[key] = page
        self.size += page.size
        while self.size > self._max_bytes:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Hashable) -> None:
        dropped = self._pages.pop(key, None)
        if dropped is not None:
            self.size -= dropped.size
