"""Every kind of call to every service, directly and through the gateway, and how each ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Self

import grpc
from google.protobuf.message import Message

from seda.chat.v1 import message_service_pb2_grpc, room_service_pb2_grpc
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest, GetSystemStatusRequest, PostMessageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1.track_service_pb2 import ParseTrackUrlRequest, ResolveTrackRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.rpc_status import from_rpc_error
from tests.services.running import user

_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_SECONDS = 8.0
_PAUSE_SECONDS = 0.1
WITHOUT_DATABASE = ("tracks ParseTrackUrl", "gateway GetSystemStatus")
"""Calls that need no database; their caller is known from before."""


class End(NamedTuple):
    """How a call ended: its code and, for an error, the reason that the server gave."""

    code: str
    reason: str


OK = End("OK", "")
UNAVAILABLE = {End("UNAVAILABLE", "DATABASE_UNAVAILABLE"), End("UNAVAILABLE", "SERVICE_UNAVAILABLE")}
BUSY = End("RESOURCE_EXHAUSTED", "DATABASE_BUSY")


def is_documented(name: str, end: End) -> bool:
    """Whether a call may end so while the database goes and comes."""
    if end.code == "DEADLINE_EXCEEDED":
        # A send is tried again until its deadline when its commit was cut off; no other call waits so long.
        return name.endswith(("SendMessage", "PostMessage"))
    return end in UNAVAILABLE | {OK, BUSY}


class Callers:
    """Makes each call. `addresses` are those of users, chat, tracks and gateway, `connect` opens a channel to one."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        connect: Callable[[str], grpc.aio.Channel] = grpc.aio.insecure_channel,
    ) -> None:
        self._addresses = addresses
        self._connect = connect
        self._stack = AsyncExitStack()
        self._calls: dict[str, tuple[Any, Message]] = {}

    async def __aenter__(self) -> Self:
        channels = {
            name: await self._stack.enter_async_context(self._connect(address))
            for name, address in self._addresses.items()
        }
        rooms = room_service_pb2_grpc.RoomServiceStub(channels["chat"])
        created = await rooms.CreateRoom(
            CreateRoomRequest(room=Room(name="A room")), metadata=user("caller@example.org"), timeout=_SECONDS
        )
        for name in ("users", "chat", "tracks"):
            for where in (name, "gateway"):
                self._calls |= _calls_of(name, where, channels[where], created.room)
        gateway = GatewayServiceStub(channels["gateway"])
        room_id = created.room.id
        self._calls |= {
            "gateway PostMessage": (
                gateway.PostMessage,
                PostMessageRequest(room_id=room_id, text="x", track_url=_LINK),
            ),
            "gateway GetRoomPage": (gateway.GetRoomPage, GetRoomPageRequest(room_id=room_id)),
            "gateway GetSystemStatus": (gateway.GetSystemStatus, GetSystemStatusRequest()),
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def round(self, chosen: Callable[[str], bool] = lambda _: True) -> dict[str, End]:
        """Make each call, or each chosen one, once; return how each ended."""
        names = [name for name in self._calls if chosen(name)]
        ends = await asyncio.gather(*(self._one(name) for name in names))
        return dict(zip(names, ends, strict=True))

    @asynccontextmanager
    async def calling_all_the_time(self) -> AsyncIterator[Counter[tuple[str, End]]]:
        """Make each call again and again until the end of the block; collect how they end."""
        seen: Counter[tuple[str, End]] = Counter()
        ending = asyncio.Event()

        async def repeat(name: str) -> None:
            while not ending.is_set():
                seen[name, await self._one(name)] += 1
                # The pause is the rate.
                await asyncio.sleep(_PAUSE_SECONDS)

        async with asyncio.TaskGroup() as group:
            for name in self._calls:
                group.create_task(repeat(name))
            try:
                yield seen
            finally:
                ending.set()

    async def _one(self, name: str) -> End:
        method, request = self._calls[name]
        try:
            await method(request, metadata=user("caller@example.org"), timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error)
            return End(error.code().name, told.reason if told else f"none: {error.details()}")
        return OK


def _calls_of(
    service: str, where: str, channel: grpc.aio.Channel, room: Room
) -> dict[str, tuple[Any, Message]]:
    """A read and a write of one service, on its own channel or on the gateway's."""
    messages = message_service_pb2_grpc.MessageServiceStub(channel)
    rooms = room_service_pb2_grpc.RoomServiceStub(channel)
    users, tracks = UserServiceStub(channel), TrackServiceStub(channel)
    room_id = room.id
    renamed = UpdateUserRequest()
    renamed.user.id = room.creator_id
    renamed.user.display_name = "Caller"
    renamed.update_mask.paths.append("display_name")
    calls: dict[str, dict[str, tuple[Any, Message]]] = {
        "users": {
            "GetUser": (users.GetUser, GetUserRequest()),
            "UpdateUser": (users.UpdateUser, renamed),
        },
        "chat": {
            "GetRoom": (rooms.GetRoom, GetRoomRequest(room_id=room_id)),
            "ListMessages": (messages.ListMessages, ListMessagesRequest(room_id=room_id)),
            "SendMessage": (messages.SendMessage, SendMessageRequest(room_id=room_id, text="x")),
        },
        "tracks": {
            "ParseTrackUrl": (tracks.ParseTrackUrl, ParseTrackUrlRequest(input=_LINK)),
            "ResolveTrack": (tracks.ResolveTrack, ResolveTrackRequest(input=_LINK)),
        },
    }
    return {f"{where} {name}": call for name, call in calls[service].items()}
