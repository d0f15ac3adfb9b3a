"""PostMessage: store the track, then send the message."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from seda.tracks.v1.track_pb2 import Track
from servicekit.rpc_status import UpstreamError

# Field names of the two services by the field of PostMessage that they come from.
_FIELDS = {"input": "track_url", "track_id": "track_url"}


class PostResult(NamedTuple):
    """The response of SendMessage, and the track that was stored for it."""

    sent: SendMessageResponse
    track: Track | None


async def post_message(deps: Deps, draft: PostMessageRequest) -> PostResult:
    """Store the track, then send the message; return the committed message.

    UpsertTrack is idempotent, so PostMessage can be retried like SendMessage. Raises the errors of UpsertTrack
    and SendMessage, with `track_url` as the field. The message is not sent if its track was not stored.
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
