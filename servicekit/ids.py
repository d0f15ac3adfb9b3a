"""Ids: UUIDv7, made by the application so that every supported PostgreSQL can hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    from uuid import UUID


def new_id() -> UUID:
    """A new UUIDv7. Roughly ordered by time; nothing may depend on that order."""
    return uuid7()
