"""The backfills of chat, in chat.backfills."""

from __future__ import annotations

from servicekit.backfills import Backfills, Position

__all__ = ["Position", "position", "save"]

_BACKFILLS = Backfills("chat")
position, save = _BACKFILLS.position, _BACKFILLS.save
