"""Message cache: encoded messages of ListMessages, from which pages are joined.

A message is the same, but for its thread and its reactions, while its rev is. So a page's statement gets the revs of the
messages that the process has near the page, and returns the content of the others only. Nothing invalidates a message:
the statement compares the revs at every read.

Messages are in blocks of neighbours, which share the budget of the page cache. The first read of a page caches none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from servicekit.cache import Cache
from services.chat.domain.model import ThreadView
from services.chat.domain.pagination import MAX_SEQ, Window
from services.chat.store.message_cache import KnownRevs

# The seqs of a block, as a power of two; the most blocks on either side of a window; the seqs that are admitted together.
_BLOCK_BITS, _MAX_BLOCKS, _ADMISSION_BITS = 6, 6, 4
_BLOCK = 1 << _BLOCK_BITS
_REV_BYTES = 8
# The sizes of a block and of a message beside its bytes, and the number of pages that the doorkeeper remembers.
_BLOCK_BYTES, _MESSAGE_BYTES, _DOORKEEPER_ENTRIES = 1_600, 300, 16_384


class CachedMessage(NamedTuple):
    """A message at a rev, encoded without thread and reactions, as an element of a page.

    Its content begins at `start` of `element`. `size` is its upper bound for the limit of a page.
    """

    id: UUID
    rev: int
    root_seq: int | None
    size: int
    element: bytes
    start: int


@dataclass(slots=True)
class MessageBlock:
    """Messages with neighbouring seqs, None where there is none, and their revs as PostgreSQL's int8send has them."""

    revs: bytearray = field(default_factory=lambda: bytearray(_BLOCK * _REV_BYTES))
    messages: list[CachedMessage | None] = field(default_factory=lambda: [None] * _BLOCK)
    roots: int = 0
    replies: int = 0
    size: int = _BLOCK_BYTES

    def put(self, place: int, message: CachedMessage) -> None:
        """Add or replace a message."""
        before = self.messages[place]
        if before is not None:
            self.size -= len(before.element)
        else:
            self.size += _MESSAGE_BYTES
            if message.root_seq is None:
                self.roots += 1
            else:
                self.replies += 1
        self.size += len(message.element)
        self.revs[place * _REV_BYTES : (place + 1) * _REV_BYTES] = message.rev.to_bytes(_REV_BYTES, "big")
        self.messages[place] = message

    def tops(self, view: ThreadView) -> int:
        """Return how many messages a page of that view can show at its top."""
        return self.roots if view is ThreadView.ROOTS else self.roots + self.replies


class FormerPage(NamedTuple):
    """The newest seq and the number of messages of a page when it was read last."""

    newest_seq: int
    length: int


@dataclass(frozen=True, slots=True)
class KnownMessages:
    """The cached messages near a page, one place for each seq from the first of `revs` on."""

    revs: KnownRevs
    messages: list[CachedMessage | None]

    def __getitem__(self, seq: int) -> CachedMessage:
        """Return the message of a seq whose rev is among `revs`."""
        message = self.messages[seq - self.revs.first_seq]
        assert message is not None  # noqa: S101 - no message has rev 0
        return message


class MessageCache:
    """The blocks of all rooms, in an LRU cache that holds other entries, too."""

    def __init__(self, entries: Cache[Hashable, Any], *, enabled: bool) -> None:
        self._enabled = enabled
        self._blocks: Cache[Hashable, MessageBlock] = entries
        self._doorkeeper: Cache[Hashable, bool] = Cache(_DOORKEEPER_ENTRIES)

    def near(
        self, epoch: str, room_id: UUID, view: ThreadView, window: Window, former: FormerPage | None
    ) -> KnownMessages | None:
        """Return the cached messages in and around a window; None when they are less than half of what it reads.

        `former`: what the window showed earlier, which only the window of the newest messages needs.
        """
        pivot = window.older_from
        needed = min(window.older, pivot) + max(window.newer - 1, 0)
        if former is not None:
            needed = former.length
        if pivot == MAX_SEQ:
            if former is None:
                return None
            pivot = former.newest_seq
        here, place = pivot >> _BLOCK_BITS, pivot & _BLOCK - 1
        middle = self._blocks.get((epoch, room_id, here))
        if middle is None:
            return None
        # At least one newer block: the first replies of a page's roots may be newer than the page.
        numbers = range(here - 1, here - _MAX_BLOCKS, -1), range(here + 1, here + _MAX_BLOCKS)
        older, known_older = self._beside(epoch, room_id, view, numbers[0], window.older)
        newer, known_newer = self._beside(epoch, room_id, view, numbers[1], max(window.newer, 1))
        at_or_before = place + 1 - middle.messages[: place + 1].count(None)
        known_older += at_or_before
        known_newer += middle.roots + middle.replies - at_or_before
        if 2 * (min(known_older, window.older) + min(known_newer, max(window.newer - 1, 0))) < needed:
            return None
        messages: list[CachedMessage | None] = []
        for block in (*reversed(older), middle, *newer):
            messages += block.messages
        revs = b"".join([block.revs for block in (*reversed(older), middle, *newer)])
        return KnownMessages(KnownRevs((here - len(older)) << _BLOCK_BITS, revs), messages)

    def should_admit(self, epoch: str, room_id: UUID, seq: int, *, admitted: bool) -> bool:
        """Return whether the messages of a page should be cached: one that begins near that `seq` was read before.

        `admitted`: the page itself was.
        """
        if not self._enabled:
            return False
        key = (epoch, room_id, seq >> _ADMISSION_BITS)
        if admitted or key in self._doorkeeper:
            return True
        self._doorkeeper.put(key, True)
        return False

    def has(self, epoch: str, room_id: UUID, seq: int, rev: int) -> bool:
        """Return whether the message of that seq is cached at that rev."""
        block = self._blocks.get((epoch, room_id, seq >> _BLOCK_BITS))
        message = None if block is None else block.messages[seq & _BLOCK - 1]
        return message is not None and message.rev == rev

    def put(self, epoch: str, room_id: UUID, messages: Iterable[tuple[int, CachedMessage]]) -> None:
        """Cache messages by seq in place of older ones, evicting the least recently read entries."""
        taken: dict[tuple[str, UUID, int], MessageBlock] = {}
        for seq, message in messages:
            key = (epoch, room_id, seq >> _BLOCK_BITS)
            block = taken.get(key)
            if block is None:
                block = taken[key] = self._blocks.get(key) or MessageBlock()
                # Its size is about to change.
                self._blocks.discard(key)
            block.put(seq & _BLOCK - 1, message)
        for key, block in taken.items():
            self._blocks.put(key, block)

    def _beside(
        self, epoch: str, room_id: UUID, view: ThreadView, numbers: Iterable[int], wanted: int
    ) -> tuple[list[MessageBlock], int]:
        """Return neighbouring blocks in the order of `numbers` with as many messages as a window reads, and that number."""
        blocks: list[MessageBlock] = []
        known = 0
        for number in numbers:
            block = self._blocks.get((epoch, room_id, number))
            if block is None or known >= wanted:
                break
            blocks.append(block)
            known += block.tops(view)
        return blocks, known
