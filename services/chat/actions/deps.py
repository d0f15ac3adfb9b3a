"""What chat's actions need, and of whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.chat.actions.page_cache import PageCache
from services.chat.domain.message_send import SendDraft
from services.chat.domain.model import Message, TrackSnapshot
from services.chat.store.epoch import Epoch


class SendResult(NamedTuple):
    """What became of a draft: it is the message `seq` of its room, committed.

    `message` is given where this try wrote it; otherwise it has to be read.
    """

    seq: int
    deduplicated: bool
    message: Message | None = None


class Batcher(Protocol):
    """Writes drafts, many at once."""

    async def send(self, draft: SendDraft, deadline: float) -> SendResult:
        """Write one draft. `deadline` is on the monotonic clock; a draft that waits longer is refused."""


class TrackCatalog(Protocol):
    """Knows tracks."""

    async def snapshot(self, track_id: UUID) -> TrackSnapshot | None:
        """The track as it is known now; None when there is none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one user may do what is cheap to ask for and costs others.

    The batcher charges sends, by the same count as edits.
    """

    sends: RateLimiter
    rooms: RateLimiter
    joins: RateLimiter
    reactions: RateLimiter
    searches: RateLimiter
    invitations: RateLimiter
    reports: RateLimiter


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything that app.py hands to the actions."""

    database: Database
    epoch: Epoch
    batcher: Batcher
    tracks: TrackCatalog
    limits: Limits
    pages: PageCache
