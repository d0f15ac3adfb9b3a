"""The backfills of tracks, in tracks.backfills."""

from __future__ import annotations

from servicekit.backfills import Backfills, Position

__all__ = ["Position", "position", "save"]

_BACKFILLS = Backfills("tracks")
position, save = _BACKFILLS.position, _BACKFILLS.save
