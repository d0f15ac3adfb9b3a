"""Converters of responses of other services."""

from __future__ import annotations

from seda.tracks.v1 import track_pb2
from servicekit.ids import parse_id
from services.chat.domain.model import TrackSnapshot


def track_snapshot(track: track_pb2.Track) -> TrackSnapshot:
    """Convert a track to the snapshot that a message stores."""
    return TrackSnapshot(
        track_id=parse_id(track.id),
        provider=track.provider,
        provider_id=track.provider_id,
        url=track.url,
        title=track.title,
        artist=track.artist,
        artwork_url=track.artwork_url,
        duration_seconds=track.duration.seconds if track.HasField("duration") else None,
    )
