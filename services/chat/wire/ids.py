"""Ids as the contract writes them."""

from __future__ import annotations

from uuid import UUID

from servicekit.ids import parse_id


def optional_id(text: str) -> UUID | None:
    """An id that may be left out, which is an empty text in the contract."""
    return parse_id(text) if text else None
