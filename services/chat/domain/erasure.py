"""The data that chat holds about a user, and its erasure and export."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class ErasureMode(enum.Enum):
    """What erasure does to a user's messages: remove the author, or delete the content."""

    ANONYMISE = enum.auto()
    TOMBSTONE = enum.auto()


class DataCategory(enum.IntEnum):
    """The categories of a user's data in a room, in the order of erasure.

    Memberships come first: a non-member can't write new data.
    """

    MEMBERSHIP = 1
    INVITATIONS = 2
    MESSAGES = 3
    MENTIONS = 4
    REACTIONS = 5
    PINS = 6
    DELETIONS = 7
    SANCTIONS = 8
    REPORTS = 9
    CREATION = 10


@dataclass(frozen=True, slots=True)
class ErasureProgress:
    """The progress of an erasure: `done` when no data remains; `changed` counts rows."""

    done: bool
    changed: int


class RecordKind(enum.StrEnum):
    """The kinds of records of an export, in their order. The contract documents the fields of each."""

    MESSAGE = "MESSAGE"
    REVISION = "REVISION"
    MENTION = "MENTION"
    REACTION = "REACTION"
    MEMBERSHIP = "MEMBERSHIP"
    INVITATION = "INVITATION"
    PIN = "PIN"
    REPORT = "REPORT"
    SANCTION = "SANCTION"
    MODERATION_LOG = "MODERATION_LOG"
    ROOM = "ROOM"


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """A record that chat holds about a user: its kind, and its fields as JSON values."""

    kind: RecordKind
    fields: dict[str, Any]
