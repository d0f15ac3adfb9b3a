"""The acts of the model as calls of the service: one coroutine for each."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from seda.chat.v1 import (
    membership_service_pb2,
    message_service_pb2,
    moderation_service_pb2,
    reaction_service_pb2,
    room_pb2,
    room_service_pb2,
)
from seda.chat.v1.membership_service_pb2_grpc import MembershipServiceStub
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from seda.chat.v1.reaction_service_pb2_grpc import ReactionServiceStub
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.services.running import Running, call, user

SLOW = Duration(seconds=21_600)
"""Longer than any test: in slow mode a member's second message is always too soon."""


class Client:
    """Calls any method of chat by its name. `emails` are those of the model's users, by their ids."""

    def __init__(self, chat: Running) -> None:
        self._stubs: list[tuple[Any, Any]] = [
            (room_service_pb2, RoomServiceStub(chat.channel)),
            (membership_service_pb2, MembershipServiceStub(chat.channel)),
            (message_service_pb2, MessageServiceStub(chat.channel)),
            (reaction_service_pb2, ReactionServiceStub(chat.channel)),
            (moderation_service_pb2, ModerationServiceStub(chat.channel)),
        ]
        self.emails: dict[str, str] = {}

    async def __call__(self, method: str, user_id: str, /, **fields: Any) -> Any:
        """Call a method as one of the users; an act that wants a reason gets one."""
        for module, stub in self._stubs:
            request_type = getattr(module, f"{method}Request", None)
            if request_type is not None:
                if "reason" in request_type.DESCRIPTOR.fields_by_name:
                    fields["reason"] = "because"
                return await call(getattr(stub, method), request_type(**fields), user(self.emails[user_id]))
        raise AssertionError(method)

    async def update(self, user_id: str, room_id: str, name: str, *, announcement: bool, slow: bool) -> Any:
        """Change a room's own fields."""
        room = room_pb2.Room(
            id=room_id, name=name, announcement=announcement, slow_mode_interval=SLOW if slow else Duration()
        )
        mask = FieldMask(paths=["name", "announcement", "slow_mode_interval"])
        return await self("UpdateRoom", user_id, room=room, update_mask=mask)
