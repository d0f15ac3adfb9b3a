"""The records of a user's export."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class RecordKind(enum.StrEnum):
    """The kinds of records of an export, in their order. The contract documents the fields of each."""

    USER = "USER"
    ARTIST_PROFILE = "ARTIST_PROFILE"
    VERIFICATION_REQUEST = "VERIFICATION_REQUEST"
    VERIFICATION_ATTEMPT = "VERIFICATION_ATTEMPT"
    VERIFICATION_TRANSITION = "VERIFICATION_TRANSITION"
    ADMIN_ACTION = "ADMIN_ACTION"
    ERASURE = "ERASURE"


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A record about a user: its kind, and its fields as JSON values."""

    kind: RecordKind
    fields: dict[str, Any]
