"""The entities of chat."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros


class MemberRole(enum.StrEnum):
    """The roles of members."""

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
    """The events of SYSTEM messages."""

    JOINED = "JOINED"
    PINNED = "PINNED"
    RENAMED = "RENAMED"
    LOCKED = "LOCKED"
    UNLOCKED = "UNLOCKED"


class DeletionType(enum.StrEnum):
    """The capacity in which a message was deleted."""

    AUTHOR = "AUTHOR"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"
    ACCOUNT_ERASED = "ACCOUNT_ERASED"


class ThreadView(enum.Enum):
    """Which messages ListMessages returns."""

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
        """Return the version of the room's own fields."""
        return str(self.rev)


class Position(NamedTuple):
    """A state of a room: the changes up to `rev`, in one epoch."""

    room_id: UUID
    epoch: str
    rev: int


class Member(NamedTuple):
    """A membership."""

    room_id: UUID
    user_id: UUID
    role: MemberRole
    joined_at: Micros
    rev: int


class Invitation(NamedTuple):
    """An invitation of a user to a room."""

    room_id: UUID
    user_id: UUID
    invited_by: UUID | None
    created_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """A track at the time when a message posted it. Unknown texts are empty; the duration is in seconds."""

    track_id: UUID
    provider: str
    provider_id: str
    url: str
    title: str = ""
    artist: str = ""
    artwork_url: str = ""
    duration_seconds: int | None = None


class Tally(NamedTuple):
    """The count of one emoji on a message; `me`: the caller is among those who gave it.

    Tallies sort in the order in which a message shows them: by the first reaction, then by the emoji.
    """

    first_at: Micros
    emoji: str
    times: int
    me: bool


class Pin(NamedTuple):
    """A pin of a message; `pinned_by` is None once that user is erased."""

    message_id: UUID
    pinned_by: UUID | None
    pinned_at: Micros
    rev: int


class Reaction(NamedTuple):
    """One emoji of one user on one message."""

    message_id: UUID
    user_id: UUID
    emoji: str
    created_at: Micros
    rev: int


@dataclass(frozen=True, slots=True)
class Revision:
    """The content of a message before an edit; numbers count up from 1."""

    message_id: UUID
    number: int
    text: str | None
    track: TrackSnapshot | None
    replaced_at: Micros


@dataclass(slots=True)
class Message:
    """A message as an action reads or changes it. A deleted one keeps its content until it is purged."""

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
        """Return the version of the message."""
        return str(self.rev)


class SanctionKind(enum.StrEnum):
    """A MUTE forbids to write, a BAN to be in the room."""

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
    """The states of a report."""

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
    created_rev: int


class ModerationAction(enum.StrEnum):
    """An action of the audit log. The contract documents the fields of `before` and `after` for each."""

    MUTE_MEMBER = "MUTE_MEMBER"
    UNMUTE_MEMBER = "UNMUTE_MEMBER"
    KICK_MEMBER = "KICK_MEMBER"
    BAN_MEMBER = "BAN_MEMBER"
    UNBAN_MEMBER = "UNBAN_MEMBER"
    SET_ROLE = "SET_ROLE"
    INVITE_USER = "INVITE_USER"
    REVOKE_INVITATION = "REVOKE_INVITATION"
    UPDATE_ROOM = "UPDATE_ROOM"
    LOCK_ROOM = "LOCK_ROOM"
    UNLOCK_ROOM = "UNLOCK_ROOM"
    ARCHIVE_ROOM = "ARCHIVE_ROOM"
    UNARCHIVE_ROOM = "UNARCHIVE_ROOM"
    PIN_MESSAGE = "PIN_MESSAGE"
    UNPIN_MESSAGE = "UNPIN_MESSAGE"
    DELETE_MESSAGE = "DELETE_MESSAGE"
    RESTORE_MESSAGE = "RESTORE_MESSAGE"
    DELETE_MESSAGES = "DELETE_MESSAGES"
    RESOLVE_REPORT = "RESOLVE_REPORT"
    READ_MESSAGE = "READ_MESSAGE"
    READ_SANCTIONS = "READ_SANCTIONS"
    READ_REPORTS = "READ_REPORTS"
    READ_LOGS = "READ_LOGS"


class LogLine(NamedTuple):
    """A line of the audit log of a room. `before` and `after` are JSON objects."""

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
    call_id: str
    created_at: Micros
    delegate: str | None
