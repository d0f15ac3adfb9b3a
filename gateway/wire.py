"""Converters between the contract's messages and the gateway's values."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.actions.get_room_page import RoomPage
from gateway.actions.post_message import PostResult
from gateway.domain.status import ServiceStatus
from seda.chat.v1.message_pb2 import TrackSnapshot
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.tracks.v1.track_pb2 import Track
from servicekit import timestamps


def post_message_response(post: PostResult) -> pb.PostMessageResponse:
    """Build the response of PostMessage."""
    sent = post.sent
    response = pb.PostMessageResponse(
        message=sent.message, track=post.track, deduplicated=sent.deduplicated, position=sent.position
    )
    if post.track is None and sent.message.HasField("track"):
        _from_snapshot(response.track, sent.message.track)
    return response


def get_room_page_response(page: RoomPage) -> pb.GetRoomPageResponse:
    """Join the parts of a page: each author and track once, with a placeholder if it was not found."""
    messages_page = page.messages_page
    response = pb.GetRoomPageResponse(
        messages=messages_page.messages,
        next_page_token=messages_page.next_page_token,
        unreachable=page.unreachable,
        position=messages_page.position,
    )
    for user_id in page.authors:
        user = page.users_found.get(user_id)
        if user is None:
            response.authors.add().id = user_id
        else:
            response.authors.append(user)
    for track_id, snapshot in page.tracks.items():
        track = page.tracks_found.get(track_id)
        if track is None:
            _from_snapshot(response.tracks.add(), snapshot)
        else:
            response.tracks.append(track)
    return response


def get_system_status_response(system_status: Iterable[ServiceStatus]) -> pb.GetSystemStatusResponse:
    """Build the response of GetSystemStatus."""
    response = pb.GetSystemStatusResponse()
    for status in system_status:
        service = response.services.add()
        service.name = status.name
        service.state = pb.ServiceState.Value(f"SERVICE_STATE_{status.state.name}")
        if status.since is not None:
            timestamps.to_proto(service.since_time, status.since)
    return response


def _from_snapshot(track: Track, snapshot: TrackSnapshot) -> None:
    track.id = snapshot.track_id
    track.provider = snapshot.provider
    track.provider_id = snapshot.provider_id
    track.url = snapshot.url
    track.title = snapshot.title
    track.artist = snapshot.artist
    track.artwork_url = snapshot.artwork_url
    if snapshot.HasField("duration"):
        track.duration.CopyFrom(snapshot.duration)
