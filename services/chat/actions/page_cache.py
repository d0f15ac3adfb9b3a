"""Page cache: encoded pages of rooms that many users read.

A page is the same for every reader, except for the marks on the caller's own reactions and the next page token. It
changes only with the room, whose rev increases with every change that a page shows. A cached page is valid while its
rev equals the room's, which every call reads together with the caller's access.

Nothing invalidates a page: `message_list` compares the revs at every read. A page that has changed is rebuilt from its
former self: the content of a message that has the rev it had is neither read nor encoded again.

A page is admitted on its second read, so one-off reads deep in the history do not evict hot pages.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.cache import Cache
from servicekit.clock import Micros
from services.chat.domain.model import Position, Tally
from services.chat.store.message_query import MessageRow

# The size of a cached page beside its bytes: key and entry, an id, the four numbers of a message.
_OVERHEAD_BYTES, _ID_BYTES, _MESSAGE_BYTES = 1_500, 100, 32
# The number of keys that the doorkeeper remembers.
_DOORKEEPER_ENTRIES = 4_096


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A page of a thread, the oldest first, with its `root`. `tallies` are by message.

    `deleted`: deleted messages show their content. `position` is of the same snapshot.
    """

    root: MessageRow
    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]
    deleted: bool
    next_page_token: str
    found_oldest: bool
    found_newest: bool
    position: Position


class Thread(NamedTuple):
    """What a root shows of its thread: the live replies' number, when the last was sent, and the seqs of the first ones.

    `replies` is None where none are shown.
    """

    reply_count: int
    last_reply_at: Micros | None
    replies: list[int] | None


@dataclass(frozen=True, slots=True)
class RoomPage:
    """A page of a room, the newest first, as seqs. `contents` and `tallies` are by seq, of replies, too.

    `next_seq` continues it. `position` is of the same snapshot.
    A content is a serialized message without what changes when its rev does not: its thread and its reactions.
    """

    seqs: list[int]
    threads: dict[int, Thread]
    contents: dict[int, bytes]
    tallies: dict[int, list[Tally]]
    found_oldest: bool
    found_newest: bool
    next_seq: int | None
    position: Position


class EncodedPage(NamedTuple):
    """A serialized page without its token, and by seq where in it the content of each message begins."""

    content: bytes
    starts: dict[int, int]


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page as encoded for every reader, at a rev of the room. `reacted_ids`: its messages that have reactions.

    Of each message there are the seq, the rev, and where its content begins and ends.
    """

    epoch: str
    rev: int
    content: bytes
    reacted_ids: list[UUID]
    next_seq: int | None
    seqs: array[int]
    revs: array[int]
    starts: array[int]
    ends: array[int]

    @property
    def size(self) -> int:
        """Return the approximate size in bytes."""
        return (
            _OVERHEAD_BYTES
            + len(self.content)
            + len(self.reacted_ids) * _ID_BYTES
            + len(self.seqs) * _MESSAGE_BYTES
        )

    @property
    def revs_by_seq(self) -> dict[int, int]:
        """The rev of each message by seq."""
        return dict(zip(self.seqs, self.revs, strict=True))

    def contents(self, seqs: Iterable[int]) -> dict[int, bytes]:
        """Return the contents of these messages, which must be on the page."""
        places = dict(zip(self.seqs, zip(self.starts, self.ends, strict=True), strict=True))
        return {seq: self.content[slice(*places[seq])] for seq in seqs}


class PageCache:
    """An LRU cache of pages, up to `max_bytes`; 0 disables it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pages: Cache[Hashable, CachedPage] = Cache(max_bytes, weigh=lambda page: page.size)
        self._doorkeeper: Cache[Hashable, bool] = Cache(_DOORKEEPER_ENTRIES)

    @property
    def size(self) -> int:
        """Return the approximate size of all pages in bytes."""
        return self._pages.weight

    def get(self, key: Hashable) -> CachedPage | None:
        """Return the page of that key, of any rev."""
        return self._pages.get(key)

    def should_admit(self, key: Hashable) -> bool:
        """Return whether a page that was just read should be cached: it was read before, not long ago."""
        if not self._max_bytes:
            return False
        if key in self._pages or key in self._doorkeeper:
            return True
        self._doorkeeper.put(key, True)
        return False

    def put(self, key: Hashable, page: CachedPage) -> None:
        """Cache a page in place of an older one, evicting the least recently read ones."""
        self._doorkeeper.discard(key)
        self._pages.put(key, page)
