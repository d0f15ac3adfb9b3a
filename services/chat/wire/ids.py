"""Ids as the contract writes them."""

from __future__ import annotations

from uuid import UUID


def optional_id(text: str) -> UUID | None:
    """An id that may be left out, which is an empty text in the contract."""
    return UUID(text) if text else None
