"""The dependencies of chat's actions, which app.py provides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.database import Database, Session
from servicekit.rate_limit import RateLimiter
from services.chat.actions.page_cache import EncodedMessages, MessagePage, PageCache
from services.chat.domain.message_send import SendDraft
from services.chat.domain.model import Message, TrackSnapshot
from services.chat.store.epoch import read_epoch
from services.chat.store.message_query import MessageRow


class SendResult(NamedTuple):
    """The outcome of a draft: the committed message `seq` of its room.

    `message` is set when this try wrote it; otherwise it has to be read.
    """

    seq: int
    deduplicated: bool
    message: Message | None = None


class Batcher(Protocol):
    """Writes drafts in batches."""

    async def send(self, draft: SendDraft, deadline: float) -> SendResult:
        """Write one draft, or refuse it after `deadline`, on the monotonic clock."""


class TrackCatalog(Protocol):
    """Resolves tracks."""

    async def snapshot(self, track_id: UUID) -> TrackSnapshot | None:
        """Return the current metadata of a track; None when there is no such track."""

    async def store(self, url: str) -> TrackSnapshot:
        """Return the current metadata of the track of a link, stored if it is new. Raises the errors of UpsertTrack."""


class TrackListings(Protocol):
    """Lets everybody find the tracks of public rooms."""

    def add(self, track_id: UUID) -> None:
        """Queue a track that was posted in a public room. Never waits and never fails."""


class MessagesEncoder(Protocol):
    """Joins a page from encoded messages."""

    def __call__(self, page: EncodedMessages, *, marked: bool) -> bytes:
        """Return the page without a token, and unless `marked` without the marks on the caller's own reactions."""


class Hints(Protocol):
    """Wakes the streams of what changed, in this process and, a little later, in others. Never waits, never fails."""

    def room_moved(self, room_id: UUID, user_ids: Iterable[UUID] = ()) -> None:
        """A change of the room was committed, and with it memberships of these users."""

    def typing(self, room_id: UUID, user_id: UUID) -> None:
        """A member is typing."""


class Epoch:
    """The epoch of the database that the newest connection leads to.

    A restored or promoted copy is reached by new connections only, so it is read once per connection; behind a
    pooler, which may lead a connection elsewhere, once a second, too. `on_change` is called when a connection leads to
    another copy than those before it, which have to go: rows of two copies do not mix. What a call returns carries the
    epoch of before it: a client that goes on from an epoch too early reads again, from one too late it misses changes.
    """

    def __init__(self, on_change: Callable[[], Awaitable[None]] | None = None) -> None:
        self.value = ""
        self._on_change = on_change

    async def read(self, session: Session) -> None:
        """Read the epoch on a new connection."""
        before, self.value = self.value, await read_epoch(session) or self.value
        if before not in {"", self.value} and self._on_change is not None:
            await self._on_change()


@dataclass(frozen=True, slots=True)
class Limits:
    """Rate limits per user. The batcher charges sends to the same bucket as edits.

    `typing` is not an error: SendTyping does nothing then. `room_writes` is charged for every room transaction and every move of a read marker, beside the other buckets.
    """

    sends: RateLimiter
    rooms: RateLimiter
    joins: RateLimiter
    reactions: RateLimiter
    searches: RateLimiter
    invitations: RateLimiter
    reports: RateLimiter
    room_writes: RateLimiter
    room_searches: RateLimiter
    typing: RateLimiter


@dataclass(frozen=True, slots=True)
class Deps:
    """The dependencies of the actions.

    `encode_page` serializes a page for the page cache, `encode_element` a message for the message cache; `encode_messages`
    joins a page from those.

    Searches hold one of `search_slots`, of which there are fewer than connections, so that they never take all.
    """

    database: Database
    epoch: Epoch
    batcher: Batcher
    hints: Hints
    tracks: TrackCatalog
    listings: TrackListings
    limits: Limits
    pages: PageCache
    encode_page: Callable[[MessagePage], bytes]
    encode_element: Callable[[MessageRow], tuple[bytes, int]]
    encode_messages: MessagesEncoder
    search_slots: ConcurrencyLimiter
    search_timeout_ms: int
