"""The column that keeps what a message knew of a track."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from services.chat.domain.model import TrackSnapshot


def track_to_json(track: TrackSnapshot) -> str:
    """The column's form of a snapshot."""
    values: dict[str, Any] = {
        "provider": track.provider,
        "provider_id": track.provider_id,
        "url": track.url,
        "title": track.title,
        "artist": track.artist,
        "artwork_url": track.artwork_url,
    }
    if track.duration_seconds is not None:
        values["duration_seconds"] = track.duration_seconds
    return json.dumps(values)


def track_from_json(track_id: UUID, text: str) -> TrackSnapshot:
    """The snapshot in a column."""
    return TrackSnapshot(track_id=track_id, **json.loads(text))
