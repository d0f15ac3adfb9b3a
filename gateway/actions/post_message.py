"""PostMessage: send the message with its track, then read the track."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import lookup_seconds, or_none_if_away
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from seda.tracks.v1.track_pb2 import Track


class PostResult(NamedTuple):
    """The response of SendMessage, and the message's track; None if it has none or tracks did not respond."""

    sent: SendMessageResponse
    track: Track | None


async def post_message(deps: Deps, draft: PostMessageRequest, deadline: float) -> PostResult:
    """Send the message and return it committed. Raises the errors of SendMessage.

    Chat stores the track, since only chat knows whether the caller may post. `deadline` is on the process's monotonic
    clock.
    """
    sent = await deps.chat.send_message(
        SendMessageRequest(
            room_id=draft.room_id,
            text=draft.text,
            track_url=draft.track_url,
            parent_id=draft.parent_id,
            mention_user_ids=draft.mention_user_ids,
            request_id=draft.request_id,
        )
    )
    if not sent.message.HasField("track"):
        return PostResult(sent, None)
    track_ids = [sent.message.track.track_id]
    found = await or_none_if_away(
        [], "tracks", deps.tracks.lookup_tracks, track_ids, lookup_seconds(deps, deadline)
    )
    return PostResult(sent, found[0] if found else None)
