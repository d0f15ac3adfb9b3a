"""A server with a few methods of the real contract and canned responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from seda.chat.v1 import live_service_pb2, message_pb2, position_pb2, room_pb2, room_service_pb2
from seda.gateway.v1 import gateway_service_pb2
from seda.users.v1 import user_service_pb2

ROOM_ID = "0190a1b2-0000-7000-8000-000000000001"


@dataclass
class FakeGateway:
    """The address, and every received call: its path, request and bearer token."""

    address: str = ""
    calls: list[tuple[str, Message, str]] = field(default_factory=list)
    health_servicer: health.HealthServicer = field(default_factory=health.HealthServicer)

    def ready(self, is_ready: bool) -> None:
        """Set the readiness."""
        status = health_pb2.HealthCheckResponse
        self.health_servicer.set("", status.SERVING if is_ready else status.NOT_SERVING)


def _create_room(request: Any, _context: object) -> Message:
    room = room_pb2.Room(
        id=ROOM_ID, name=request.room.name, creator_id="0190a1b2-0000-7000-8000-00000000000f", rev=1
    )
    return room_service_pb2.CreateRoomResponse(room=room)


def _post_message(request: Any, _context: object) -> Message:
    message = message_pb2.Message(id="0190a1b2-0000-7000-8000-000000000002", room_id=request.room_id)
    return gateway_service_pb2.PostMessageResponse(message=message, position=position_pb2.Position(rev=7))


def _get_room_page(request: Any, _context: object) -> Message:
    message = message_pb2.Message(id="0190a1b2-0000-7000-8000-000000000002", room_id=request.room_id)
    return gateway_service_pb2.GetRoomPageResponse(
        messages=[message], position=position_pb2.Position(rev=9_007_199_254_740_993)
    )


def _get_user(_request: object, context: grpc.ServicerContext) -> Message:
    details = (
        error_details_pb2.ErrorInfo(
            reason="TOKEN_MISSING", domain="rpc.seda.fm", metadata={"header": "none"}
        ),
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field="user_id", description="is odd")
            ]
        ),
        error_details_pb2.RequestInfo(request_id="abc-1"),
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
    )
    packed = [any_pb2.Any() for _ in details]
    for target, detail in zip(packed, details, strict=True):
        target.Pack(detail)
    status = status_pb2.Status(code=code_pb2.UNAUTHENTICATED, message="no token", details=packed)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError


def _watch(request: Any, _context: object) -> Iterator[Message]:
    for rev in (1, 2):
        change = live_service_pb2.Change(room_id=request.rooms[0].room_id, rev=rev)
        yield live_service_pb2.WatchResponse(frames=[live_service_pb2.Frame(change=change)])


_LIVE = "seda.chat.v1.LiveService"
_METHODS: dict[str, dict[str, tuple[Callable[[Any, Any], Message], type[Message]]]] = {
    "seda.chat.v1.RoomService": {"CreateRoom": (_create_room, room_service_pb2.CreateRoomRequest)},
    "seda.gateway.v1.GatewayService": {
        "PostMessage": (_post_message, gateway_service_pb2.PostMessageRequest),
        "GetRoomPage": (_get_room_page, gateway_service_pb2.GetRoomPageRequest),
    },
    "seda.users.v1.UserService": {"GetUser": (_get_user, user_service_pb2.GetUserRequest)},
}


@contextmanager
def fake_gateway(port: int = 0) -> Iterator[FakeGateway]:
    """Serve on `port`, or a free one, until the end."""
    recorder = FakeGateway()
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    watch = grpc.unary_stream_rpc_method_handler(_watch, live_service_pb2.WatchRequest.FromString, _serialize)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_LIVE, {"Watch": watch}),))
    for service, methods in _METHODS.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                _recording(f"/{service}/{name}", handler, recorder), request.FromString, _serialize
            )
            for name, (handler, request) in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    health_servicer = recorder.health_servicer
    health_servicer.set("seda.chat.v1.RoomService", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection(
        [*_METHODS, _LIVE, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    recorder.address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield recorder
    finally:
        server.stop(0).wait()


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _recording(
    path: str, handler: Callable[[Any, Any], Message], recorder: FakeGateway
) -> Callable[[Message, grpc.ServicerContext], Message]:
    def handle(request: Message, context: grpc.ServicerContext) -> Message:
        metadata = dict(context.invocation_metadata())
        recorder.calls.append((path, request, str(metadata.get("authorization", "")).removeprefix("Bearer ")))
        return handler(request, context)

    return handle
