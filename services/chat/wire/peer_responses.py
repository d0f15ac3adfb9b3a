"""Converters of responses of other services."""

from __future__ import annotations

from seda.rpc.v1 import caller_pb2
from seda.tracks.v1 import track_pb2
from servicekit.caller import Caller, Role
from servicekit.ids import parse_id
from servicekit.timestamps import from_proto
from services.chat.domain.model import TrackSnapshot


def caller(message: caller_pb2.Caller) -> Caller:
    """Convert a caller."""
    return Caller(
        user_id=parse_id(message.user_id),
        role=Role(caller_pb2.Role.Name(message.role).removeprefix("ROLE_")),
        muted_until=from_proto(message.mute_expire_time) if message.HasField("mute_expire_time") else None,
        suspended_until=from_proto(message.suspend_expire_time)
        if message.HasField("suspend_expire_time")
        else None,
    )


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
