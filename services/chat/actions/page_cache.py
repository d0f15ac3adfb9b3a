"""Page cache: encoded pages of rooms that many users read.

A page is the same for every reader, except for the marks on the caller's own reactions and the next page token. It
changes only with the room, whose rev increases with every change that a page shows. A cached page is valid while its
rev equals the room's, which every call reads together with the caller's access.

Nothing invalidates a page: `message_list` compares the revs at every read. A page that has changed is joined from
messages, most of which `message_cache` has.

A page is admitted on its second read, so one-off reads deep in the history do not evict hot pages.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from servicekit.cache import Cache
from servicekit.clock import Micros
from services.chat.actions.message_cache import CachedMessage, FormerPage, MessageCache
from services.chat.domain.model import Position, Tally
from services.chat.store.message_query import MessageRow

# The size of a cached page beside its bytes (ids, key, entry), and the number of keys that the doorkeeper remembers.
_OVERHEAD_BYTES, _ID_BYTES, _DOORKEEPER_ENTRIES = 1_000, 100, 4_096


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of messages: the newest first, or of a thread the oldest first, with its `root`.

    `replies` has the first live replies by the seq of their root, in order; None where none are shown. `tallies`
    are by message. `deleted`: deleted messages show their content. `position` is of the same snapshot.
    """

    messages: list[MessageRow]
    replies: dict[int, list[MessageRow]] | None
    tallies: dict[UUID, list[Tally]]
    deleted: bool
    next_page_token: str
    found_oldest: bool
    found_newest: bool
    position: Position
    root: MessageRow | None = None


@dataclass(frozen=True, slots=True)
class EncodedMessages:
    """A page of a room, the newest message first, of encoded messages. All but `tallies`, which are by id, is by seq.

    `threads` has the reply count and the time of the last reply of the roots that have live replies. `replies` has the
    first of those in order; None where none are shown.
    """

    messages: list[tuple[int, CachedMessage]]
    threads: dict[int, tuple[int, Micros]]
    replies: dict[int, list[CachedMessage]] | None
    tallies: dict[UUID, list[Tally]]
    found_oldest: bool
    found_newest: bool
    position: Position


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page as encoded for every reader, at a rev of the room. `reacted_ids`: its messages that have reactions.

    `former` finds its messages once it has changed; None for one without messages. `moves` is PageCache.moves before the read.
    """

    epoch: str
    rev: int
    content: bytes
    reacted_ids: list[UUID]
    next_seq: int | None
    former: FormerPage | None = None
    moves: int = 0

    @property
    def size(self) -> int:
        """Return the approximate size in bytes."""
        return _OVERHEAD_BYTES + len(self.content) + len(self.reacted_ids) * _ID_BYTES


class PageCache:
    """An LRU cache of pages and of messages, up to `max_bytes` together; 0 disables it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        entries: Cache[Hashable, Any] = Cache(max_bytes, weigh=lambda entry: entry.size)
        self._pages: Cache[Hashable, CachedPage] = entries
        self.messages = MessageCache(entries, enabled=max_bytes > 0)
        self._doorkeeper: Cache[Hashable, bool] = Cache(_DOORKEEPER_ENTRIES)
        self._moves: Cache[UUID, int] = Cache(_DOORKEEPER_ENTRIES)

    @property
    def size(self) -> int:
        """Return the approximate size of all pages and messages in bytes."""
        return self._pages.weight

    def room_moved(self, room_id: UUID) -> None:
        """Count a change of a room that this process has committed, so that its pages are read without a check."""
        self._moves.put(room_id, self.moves(room_id) + 1)

    def moves(self, room_id: UUID) -> int:
        """Return how often a room moved, not long ago. Equal counts promise nothing."""
        return self._moves.get(room_id) or 0

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
