"""GatewayService."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateway import wire
from gateway.actions.deps import Deps
from gateway.actions.erase_me import erase_me
from gateway.actions.export_my_data import export_my_data
from gateway.actions.get_artist_page import get_artist_page
from gateway.actions.get_home import get_home
from gateway.actions.get_me import get_me
from gateway.actions.get_room_page import get_room_page
from gateway.actions.get_system_status import get_system_status
from gateway.actions.get_thread import get_thread
from gateway.actions.post_message import post_message
from gateway.actions.search_everything import search_everything
from gateway.actions.watch_rooms import watch_rooms
from seda.gateway.v1 import gateway_service_pb2 as pb
from servicekit.call import Call


class GatewayServicer:
    """RPCs composed of calls to several services."""

    descriptor = pb.DESCRIPTOR.services_by_name["GatewayService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def PostMessage(self, request: pb.PostMessageRequest, call: Call) -> pb.PostMessageResponse:
        """Post a message with a track given by its link."""
        return wire.post_message_response(await post_message(self._deps, request, call.deadline))

    async def GetMe(self, _: pb.GetMeRequest, call: Call) -> pb.GetMeResponse:
        """Return the caller."""
        return wire.get_me_response(await get_me(self._deps, call.caller.user_id, call.deadline))

    async def GetHome(self, request: pb.GetHomeRequest, call: Call) -> pb.GetHomeResponse:
        """Return a page of the caller's rooms."""
        return wire.get_home_response(await get_home(self._deps, request, call.deadline))

    async def GetRoomPage(self, request: pb.GetRoomPageRequest, call: Call) -> pb.GetRoomPageResponse:
        """Return a page of a room with the authors and tracks on it."""
        return wire.get_room_page_response(await get_room_page(self._deps, request, call.deadline))

    async def GetThread(self, request: pb.GetThreadRequest, call: Call) -> pb.GetThreadResponse:
        """Return a page of a thread."""
        return wire.get_thread_response(await get_thread(self._deps, request, call.deadline))

    async def GetArtistPage(self, request: pb.GetArtistPageRequest, call: Call) -> pb.GetArtistPageResponse:
        """Return an artist with the tracks that they posted."""
        profile_id = request.artist_profile_id
        return wire.get_artist_page_response(await get_artist_page(self._deps, profile_id, call.deadline))

    async def SearchEverything(
        self, request: pb.SearchEverythingRequest, call: Call
    ) -> pb.SearchEverythingResponse:
        """Return the artists, tracks and messages that match."""
        return wire.search_everything_response(
            await search_everything(self._deps, request.query, request.limit, call.deadline)
        )

    async def WatchRooms(
        self, request: pb.WatchRoomsRequest, _: Call
    ) -> AsyncGenerator[pb.WatchRoomsResponse, None]:
        """Stream the changes of rooms with the people and tracks in them."""
        async with aclosing(watch_rooms(self._deps, request)) as parts:
            async for part in parts:
                yield wire.watch_rooms_response(part)

    async def ExportMyData(
        self, request: pb.ExportMyDataRequest, call: Call
    ) -> AsyncGenerator[pb.ExportMyDataResponse, None]:
        """Stream what is stored about the caller."""
        export = export_my_data(self._deps, call.caller.user_id, request.resume_token)
        async with aclosing(export) as parts:
            async for part in parts:
                yield wire.export_my_data_response(part)

    async def EraseMe(self, request: pb.EraseMeRequest, call: Call) -> pb.EraseMeResponse:
        """Start the erasure of the caller."""
        email = call.email
        erasure = await erase_me(self._deps, email, request.mode, request.confirm_email)
        return pb.EraseMeResponse(erasure=erasure)

    async def GetSystemStatus(
        self, _request: pb.GetSystemStatusRequest, _: Call
    ) -> pb.GetSystemStatusResponse:
        """Return the state of all services."""
        return wire.get_system_status_response(await get_system_status(self._deps))
