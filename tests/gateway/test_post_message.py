"""PostMessage: the message with its link, then the track; errors of chat are forwarded."""

from typing import Any
from uuid import UUID

import grpc
import pytest
from google.rpc import error_details_pb2

from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.position_pb2 import Position
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest, PostMessageResponse
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest, LookupTracksResponse
from servicekit.jwks import SharedSecret
from servicekit.tokens import ServiceToken, TokenVerifier
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import (
    AS_USER,
    LOOKUP_TRACKS,
    RESOLVE,
    SECONDS,
    SEND,
    GatewayFixture,
    details,
    status_bytes,
)
from tests.services.running import JWT_SECRET, SERVICE_SECRET

ROOM = "0190a5c0-0000-7000-8000-000000000001"
TRACK = Track(id="0190a5c0-0000-7000-8000-000000000002", provider="spotify", title="Prelude")
REQUEST_ID = "0190a5c0-0000-7000-8000-000000000003"
LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
SENT = SendMessageResponse(
    message=Message(
        id=REQUEST_ID,
        room_id=ROOM,
        text="listen",
        track=TrackSnapshot(track_id=TRACK.id, provider=TRACK.provider, title=TRACK.title),
    ),
    deduplicated=True,
    position=Position(epoch="e1", rev=7),
)


async def post(gateway: GatewayFixture, **fields: Any) -> PostMessageResponse:
    """Call PostMessage as the user."""
    stub = GatewayServiceStub(gateway.channel)
    request = PostMessageRequest(**{"room_id": ROOM, "text": "listen", **fields})
    return await stub.PostMessage(request, metadata=(*AS_USER, ("x-request-id", "mine")), timeout=SECONDS)


async def refused(gateway: GatewayFixture, **fields: Any) -> grpc.aio.AioRpcError:
    """The error of PostMessage."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await post(gateway, **fields)
    return raised.value


def sending(error: grpc.StatusCode, *parts: Any) -> Any:
    """A handler that aborts with an error and its details."""

    async def end(_data: bytes, context: Context) -> bytes:
        serialized = status_bytes(error.value[0], "no", *parts)
        await context.abort(error, "no", trailing_metadata=(("grpc-status-details-bin", serialized),))

    return end


def signed_by(authorization: str | bytes, target: str) -> ServiceToken:
    """The service token of a call to `target`."""
    verifier = TokenVerifier(
        user_keys=SharedSecret(JWT_SECRET.encode()),
        user_issuer="seda-development",
        user_audience="authenticated",
        service_keys=SharedSecret(SERVICE_SECRET.encode()),
        service=target,
        accept_development=True,
    )
    assert isinstance(authorization, str)
    token = verifier.verify(authorization.removeprefix("Bearer "))
    assert isinstance(token, ServiceToken)
    return token


async def test_post_message_sends_the_link_and_reads_the_track(gateway: GatewayFixture) -> None:
    gateway.chat.respond(SEND, SENT)
    gateway.tracks.respond(LOOKUP_TRACKS, LookupTracksResponse(tracks=[TRACK]))
    fields: dict[str, Any] = {
        "track_url": LINK,
        "parent_id": TRACK.id,
        "mention_user_ids": [ROOM, REQUEST_ID],
    }
    answer = await post(gateway, request_id=REQUEST_ID, **fields)
    assert answer == PostMessageResponse(
        message=SENT.message, track=TRACK, deduplicated=True, position=Position(epoch="e1", rev=7)
    )
    sent = await gateway.chat.received(SEND)
    assert SendMessageRequest.FromString(sent.data) == SendMessageRequest(
        room_id=ROOM, text="listen", request_id=REQUEST_ID, **fields
    )
    looked_up = await gateway.tracks.received(LOOKUP_TRACKS)
    assert LookupTracksRequest.FromString(looked_up.data) == LookupTracksRequest(track_ids=[TRACK.id])
    assert looked_up.metadata["x-request-id"] == sent.metadata["x-request-id"] == "mine"


async def test_post_message_calls_as_the_user(gateway: GatewayFixture) -> None:
    gateway.chat.respond(SEND, SENT)
    gateway.tracks.respond(LOOKUP_TRACKS, LookupTracksResponse(tracks=[TRACK]))
    await post(gateway, track_url=LINK)
    for call in (await gateway.chat.received(SEND), await gateway.tracks.received(LOOKUP_TRACKS)):
        assert call.metadata["authorization"] == AS_USER[0][1]
    signed = signed_by((await gateway.users.received(RESOLVE)).metadata["authorization"], "users")
    assert (signed.service, signed.on_behalf_of) == ("gateway", None)


async def test_post_message_passes_the_whole_deadline_to_chat(gateway: GatewayFixture) -> None:
    gateway.chat.respond(SEND, SENT)
    gateway.tracks.respond(LOOKUP_TRACKS, LookupTracksResponse())
    await post(gateway, track_url=LINK)
    call = await gateway.chat.received(SEND)
    assert call.time_left is not None
    # grpc rounds deadlines up on the wire.
    assert SECONDS - 5 < call.time_left <= SECONDS + 0.2


async def test_post_message_without_a_link_does_not_call_tracks(gateway: GatewayFixture) -> None:
    gateway.chat.respond(SEND, SendMessageResponse(message=Message(id=REQUEST_ID, room_id=ROOM)))
    answer = await post(gateway)
    assert not answer.HasField("track")
    assert gateway.tracks.calls == []
    assert SendMessageRequest.FromString((await gateway.chat.received(SEND)).data).track_url == ""


@pytest.mark.parametrize("found", [LookupTracksResponse(missing_ids=[TRACK.id]), None])
async def test_post_message_without_tracks_returns_the_snapshot(
    gateway: GatewayFixture, found: LookupTracksResponse | None
) -> None:
    gateway.chat.respond(SEND, SENT)
    if found is None:
        await gateway.tracks.stop()
    else:
        gateway.tracks.respond(LOOKUP_TRACKS, found)
    answer = await post(gateway, track_url=LINK)
    assert answer.message == SENT.message
    assert answer.track == Track(id=TRACK.id, provider="spotify", title="Prelude")


async def test_post_message_forwards_an_error_of_chat(gateway: GatewayFixture) -> None:
    info = error_details_pb2.ErrorInfo(reason="SLOW_MODE", domain="chat.seda.fm", metadata={"a": "b"})
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(2500)
    gateway.chat.handlers[SEND] = sending(grpc.StatusCode.RESOURCE_EXHAUSTED, info, retry)
    error = await refused(gateway)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    found = details(error)
    assert (found["ErrorInfo"], found["RetryInfo"]) == (info, retry)


async def test_post_message_without_chat_is_unavailable(gateway: GatewayFixture) -> None:
    await gateway.chat.stop()
    error = await refused(gateway)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert details(error)["ErrorInfo"].metadata == {"service": "chat"}


@pytest.mark.parametrize("request_id", [REQUEST_ID, ""])
async def test_post_message_retries_with_one_request_id(gateway: GatewayFixture, request_id: str) -> None:
    gateway.chat.handlers[SEND] = sending(grpc.StatusCode.UNAVAILABLE)
    error = await refused(gateway, request_id=request_id)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert gateway.chat.paths() == [SEND] * 3
    (used,) = {SendMessageRequest.FromString(each.data).request_id for each in gateway.chat.calls}
    assert str(UUID(used)) == (request_id or used)


async def test_forwarded_send_is_not_retried(gateway: GatewayFixture) -> None:
    gateway.chat.handlers[SEND] = sending(grpc.StatusCode.UNAVAILABLE)
    request = SendMessageRequest(room_id=ROOM, text="listen", request_id=REQUEST_ID)
    with pytest.raises(grpc.aio.AioRpcError):
        await MessageServiceStub(gateway.channel).SendMessage(request, metadata=AS_USER, timeout=SECONDS)
    assert gateway.chat.paths() == [SEND]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"room_id": "no"}, "room_id"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "\x00"}, "text"),
        ({"track_url": "x" * 2049}, "track_url"),
        ({"request_id": "no"}, "request_id"),
        ({"parent_id": "no"}, "parent_id"),
        ({"mention_user_ids": [ROOM] * 51}, "mention_user_ids"),
        ({"text": ""}, ""),
    ],
)
async def test_post_message_validates_before_any_call(
    gateway: GatewayFixture, fields: dict[str, Any], field: str
) -> None:
    error = await refused(gateway, **fields)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    found = details(error)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("INVALID_FIELDS", "gateway.seda.fm")
    assert [each.field for each in found["BadRequest"].field_violations] == [field]
    assert gateway.chat.calls == gateway.tracks.calls == []
