"""PostMessage: store the track, then send the message."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from seda.tracks.v1.track_pb2 import Track
from servicekit.rpc_status import UpstreamError

# What the two services call the field that our caller knows as the link.
_FIELDS = {"input": "track_url", "track_id": "track_url"}


class PostResult(NamedTuple):
    """What chat answered, and the track that was stored for it."""

    sent: SendMessageResponse
    track: Track | None


async def post_message(deps: Deps, draft: PostMessageRequest) -> PostResult:
    """The committed message. Both steps can be repeated, so the whole is as repeatable as SendMessage.

    Raises what UpsertTrack and SendMessage end in, with `track_url` as the field. Nothing is sent without
    its track.
    """
    try:
        track = await deps.tracks.upsert(draft.track_url) if draft.track_url else None
        sent = await deps.chat.send_message(
            SendMessageRequest(
                room_id=draft.room_id,
                text=draft.text,
                track_id=track.id if track is not None else "",
                request_id=draft.request_id,
            )
        )
    except UpstreamError as error:
        error.violations = tuple(
            each._replace(field=_FIELDS.get(each.field, each.field)) for each in error.violations
        )
        raise
    return PostResult(sent, track)
