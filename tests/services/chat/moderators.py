"""Short ways to say what moderators do in a test."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.message import Message

from seda.chat.v1 import moderation_service_pb2 as pb
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tests.services.chat.world import World, new_user
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


class Cast:
    """A room with an owner, a moderator and two members."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner, self.moderator, self.member, self.other = (new_user() for _ in range(4))
        self.room_id = ""

    async def gather(self, **fields: Any) -> Cast:
        """Make the room and bring all in."""
        self.room_id = (await self.world.room(self.owner, **fields)).id
        for email in (self.moderator, self.member, self.other):
            await self.world.join(email, self.room_id)
        await self.world.set_role(self.room_id, self.moderator, "MODERATOR")
        return self

    async def id_of(self, email: str) -> str:
        """The id of one of them."""
        return await self.world.user_id(email)

    async def log(self) -> list[tuple[Any, ...]]:
        """The moderation log: action, actor's role, as_admin, target."""
        rows = await self.world.admin.fetch(
            "SELECT action, actor_role, as_admin, target_user_id::text FROM chat.moderation_logs"
            " WHERE room_id = $1 ORDER BY rev",
            uuid.UUID(self.room_id),
        )
        return [tuple(row) for row in rows]

    async def place(self, email: str) -> tuple[str | None, bool]:
        """How somebody's membership ended, and whether it has."""
        row = await self.world.admin.fetchrow(
            "SELECT removal, left_at IS NOT NULL AS ended FROM chat.room_memberships"
            " WHERE room_id = $1 AND user_id = $2",
            uuid.UUID(self.room_id),
            uuid.UUID(await self.id_of(email)),
        )
        assert row is not None
        return row["removal"], row["ended"]
