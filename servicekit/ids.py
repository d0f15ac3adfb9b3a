"""Ids: UUIDv7, made by the application so that every supported PostgreSQL can hold them."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7. Roughly ordered by time; nothing may depend on that order."""
    return uuid7()
