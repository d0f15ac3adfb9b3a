"""Short ways to say what moderators do in a test."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from seda.chat.v1 import moderation_service_pb2 as pb
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tests.services.chat.world import World
from tests.services.running import call, user


class Moderators:
    """ModerationService: each method by its name, with the fields of its request."""

    def __init__(self, world: World) -> None:
        self._stub = ModerationServiceStub(world.chat.channel)

    async def act(self, method: str, email: str, room_id: str, **fields: Any) -> Any:
        """Call a method; an act without a reason gets one."""
        request_type: type[Message] = getattr(pb, f"{method}Request")
        if "reason" in request_type.DESCRIPTOR.fields_by_name:
            fields = {"reason": "because", **fields}
        request = request_type(room_id=room_id, **fields)
        return await call(getattr(self._stub, method), request, user(email))
