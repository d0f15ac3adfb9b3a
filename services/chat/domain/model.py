"""The things of chat, as frozen values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros


class MemberRole(enum.StrEnum):
    """What a member may do in a room."""

    MEMBER = "MEMBER"
    MODERATOR = "MODERATOR"
    OWNER = "OWNER"


class Removal(enum.StrEnum):
    """How a membership ended."""

    LEFT = "LEFT"
    KICKED = "KICKED"
    BANNED = "BANNED"
    ERASED = "ERASED"


class MessageType(enum.StrEnum):
    """Kinds of messages."""

    TEXT = "TEXT"
    TRACK = "TRACK"
    SYSTEM = "SYSTEM"


class SystemEvent(enum.StrEnum):
    """What a SYSTEM message tells."""

    JOINED = "JOINED"
    PINNED = "PINNED"
    RENAMED = "RENAMED"
    LOCKED = "LOCKED"
    UNLOCKED = "UNLOCKED"


class DeletionType(enum.StrEnum):
    """In what capacity a message was deleted."""

    AUTHOR = "AUTHOR"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"
    ACCOUNT_ERASED = "ACCOUNT_ERASED"


class ThreadView(enum.Enum):
    """Which messages of a room a list shows."""

    ROOTS = enum.auto()
    ALL = enum.auto()


class Room(NamedTuple):
    """A room's own fields."""

    id: UUID
    name: str
    description: str
    private: bool
    created_by: UUID | None
    created_at: Micros
    updated_at: Micros
    rev: int
    locked_at: Micros | None
    archived_at: Micros | None
    announcement: bool
    slow_mode_seconds: int
    member_count: int

    @property
    def etag(self) -> str:
        """Names this state of the room's own fields."""
        return str(self.rev)


class Member(NamedTuple):
    """A user's place in a room."""

    room_id: UUID
    user_id: UUID
    role: MemberRole
    joined_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """A user's invitation into a room."""

    room_id: UUID
    user_id: UUID
    invited_by: UUID | None
    created_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """A track as it was known when a message posted it. Unknown texts are empty; the duration is in seconds."""

    track_id: UUID
    provider: str
    provider_id: str
    url: str
    title: str = ""
    artist: str = ""
    artwork_url: str = ""
    duration_seconds: int | None = None


class Tally(NamedTuple):
    """How often a message was given one emoji, and whether the reader is among those who gave it.

    In the order in which a message shows them: by the first reaction, then by the emoji.
    """

    first_at: Micros
    emoji: str
    times: int
    me: bool


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned message, and who pinned it; `pinned_by` is None once that user is erased."""

    message_id: UUID
    pinned_by: UUID | None
    pinned_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji that one user gave to one message."""

    message_id: UUID
    user_id: UUID
    emoji: str
    created_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class Revision:
    """What a message was until an edit; numbers count up from 1."""

    message_id: UUID
    number: int
    text: str | None
    track: TrackSnapshot | None
    replaced_at: Micros


@dataclass(slots=True)
class Message:
    """One message as an act reads or leaves it. Deleted ones have what they said; the contract shows it to few."""

    id: UUID
    room_id: UUID
    seq: int
    rev: int
    user_id: UUID | None
    type: MessageType
    text: str | None
    track: TrackSnapshot | None
    system_event: SystemEvent | None
    mention_user_ids: list[UUID] | None
    created_at: Micros
    edited_at: Micros | None = None
    root_id: UUID | None = None
    reply_to_id: UUID | None = None
    reply_count: int = 0
    last_reply_at: Micros | None = None
    tallies: list[Tally] | None = None
    deleted_at: Micros | None = None
    deleted_by: UUID | None = None
    deletion_type: DeletionType | None = None

    @property
    def etag(self) -> str:
        """Names this state of the message."""
        return str(self.rev)


@dataclass(frozen=True, slots=True)
class Unread:
    """How much is new: of the first 100 live messages after the read marker, those that count; `capped` when there are more than 100."""

    count: int
    capped: bool


class MyRoom(NamedTuple):
    """A room of the caller with what is new in it. `rev` is the room's last, of the same snapshot."""

    room: Room
    member: Member
    last_message: Message | None
    unread: Unread
    mentions: Unread
    last_read_seq: int
    rev: int


class SanctionKind(enum.StrEnum):
    """What a sanction forbids: to write, or to be there at all."""

    MUTE = "MUTE"
    BAN = "BAN"


@dataclass(frozen=True, slots=True)
class Sanction:
    """A mute or ban of one user in one room."""

    id: UUID
    room_id: UUID
    user_id: UUID
    kind: SanctionKind
    reason: str
    issued_by: UUID | None
    starts_at: Micros
    expires_at: Micros | None
    ended_at: Micros | None
    rev: int


class ReportState(enum.StrEnum):
    """How far a report is."""

    OPEN = "OPEN"
    ACTED = "ACTED"
    DISMISSED = "DISMISSED"


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report of a message."""

    id: UUID
    room_id: UUID
    message_id: UUID
    reporter_id: UUID | None
    reason: str | None
    state: ReportState
    created_at: Micros
    resolved_at: Micros | None
    resolved_by: UUID | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of what moderators did in a room. `before` and `after` are JSON objects."""

    id: UUID
    room_id: UUID
    rev: int
    actor_id: UUID
    actor_role: str
    as_admin: bool
    action: str
    target_user_id: UUID | None
    target_message_id: UUID | None
    reason: str | None
    before: str | None
    after: str | None
    request_id: str
    created_at: Micros
