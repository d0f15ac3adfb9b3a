"""Values as they are sent to the page."""

from __future__ import annotations

from console.studio.catalog import Column

Cell = str | dict[str, str | int] | None
"""A value as text; where not all of it is shown, with its whole `length`, and `masked` where nothing is."""


def cell(value: str | None, length: int | None, column: Column, *, masked: bool) -> Cell:
    """A value as it is sent: NULL, its text, or its text with what is missing. `length` in characters, of bytea in bytes."""
    if value is None:
        return None
    if masked:
        return {"text": "", "length": length or 0, "masked": 1}
    if column.kind == "bytes" or (length is not None and length > len(value)):
        return {"text": value, "length": length or 0}
    return value
