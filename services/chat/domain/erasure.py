"""What is left of a user in chat, and what becomes of it when they are erased."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class ErasureMode(enum.Enum):
    """What becomes of what an erased user wrote: it stays without its author, or it goes."""

    ANONYMISE = enum.auto()
    TOMBSTONE = enum.auto()


class DataCategory(enum.IntEnum):
    """What may be left of a user in a room, in the order in which it is erased.

    Memberships come first: who is no member any more leaves nothing new.
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
    """How far an erasure is: whether nothing is left, and how many rows were changed."""

    done: bool
    changed: int


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """One thing that chat holds about a user: its kind, and its fields as JSON values."""

    kind: str
    fields: dict[str, Any]
