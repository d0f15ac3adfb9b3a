"""Dependencies of the actions, as protocols that app.py implements.

The gateway owns no data, so its actions work on the contract's messages directly. Every call is made with the
caller's token, within the remaining deadline, and within `seconds` where a method takes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from gateway.actions.parts import PageIds, Parts
from gateway.domain.status import ServiceStatus
from seda.chat.v1.live_service_pb2 import WatchRequest, WatchResponse
from seda.chat.v1.message_service_pb2 import (
    ListMessagesRequest,
    ListMessagesResponse,
    ListRepliesRequest,
    ListRepliesResponse,
    SearchMessagesRequest,
    SearchMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.chat.v1.room_service_pb2 import (
    GetMyRoomsRevResponse,
    GetRoomResponse,
    ListMyRoomsRequest,
    ListMyRoomsResponse,
)
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import SearchTracksRequest, SearchTracksResponse
from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.artist_service_pb2 import GetArtistResponse, SearchArtistsRequest, SearchArtistsResponse
from seda.users.v1.erasure_service_pb2 import EraseUserRequest, Erasure
from seda.users.v1.user_pb2 import User, UserSummary


class Chat(Protocol):
    """The chat service."""

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Send a message."""

    async def list_messages(self, request: ListMessagesRequest, seconds: float) -> ListMessagesResponse:
        """Return a page of a room's messages."""

    async def get_room(self, room_id: str, seconds: float) -> GetRoomResponse:
        """Return a room with the caller's membership."""

    async def list_replies(self, request: ListRepliesRequest, seconds: float) -> ListRepliesResponse:
        """Return a page of a thread."""

    async def search_messages(self, request: SearchMessagesRequest, seconds: float) -> SearchMessagesResponse:
        """Return a page of the messages that match."""

    async def list_my_rooms(self, request: ListMyRoomsRequest, seconds: float) -> ListMyRoomsResponse:
        """Return a page of the caller's rooms."""

    def watch(self, request: WatchRequest) -> AsyncGenerator[WatchResponse, None]:
        """Stream the changes of rooms."""

    async def get_my_rooms_rev(self, seconds: float) -> GetMyRoomsRevResponse:
        """Return the number of the last change of the caller's memberships."""


class Users(Protocol):
    """The users service."""

    async def get_me(self, seconds: float) -> User:
        """Return the caller."""

    async def get_artist_of_user(self, user_id: str, seconds: float) -> GetArtistResponse | None:
        """Return the artist profile of a user; None if there is none."""

    async def get_artist(self, artist_profile_id: str, seconds: float) -> GetArtistResponse:
        """Return an artist profile with its user."""

    async def search_artists(self, request: SearchArtistsRequest, seconds: float) -> SearchArtistsResponse:
        """Return a page of the artist profiles that match."""

    async def erase_caller(self, request: EraseUserRequest) -> Erasure:
        """Start the erasure of the caller."""

    async def lookup_users(self, user_ids: Sequence[str], seconds: float) -> Sequence[UserSummary]:
        """Return the summaries of the users that exist, of up to 1,000 ids."""

    async def lookup_artists(self, user_ids: Sequence[str], seconds: float) -> Sequence[ArtistMark]:
        """Return the marks of the users that have an artist profile, of up to 1,000 ids."""


class Tracks(Protocol):
    """The tracks service."""

    async def lookup_tracks(self, track_ids: Sequence[str], seconds: float) -> Sequence[Track]:
        """Return the tracks that exist, of up to 1,000 ids."""

    async def search_tracks(self, request: SearchTracksRequest, seconds: float) -> SearchTracksResponse:
        """Return a page of the tracks that match."""


class LiveParts(Protocol):
    """Looks up what streams name, for many streams at once."""

    async def find(self, ids: PageIds, seconds: float) -> Parts:
        """Return what is found within `seconds`, without stubs; `unreachable` are the services that lack something."""


class ExportPage(NamedTuple):
    """Records of one kind, each a JSON object with a line feed, and the next page's token; empty: this is the last one."""

    kind: str
    lines: Sequence[bytes]
    next_page_token: str


class ExportSource(Protocol):
    """What one service stores about a user, read with the gateway's own token."""

    service: str
    kinds: tuple[str, ...]

    async def export(self, user_id: UUID, page_token: str, seconds: float) -> ExportPage:
        """Return a page of a user's records."""


class SystemStatus(Protocol):
    """The last known state of all services."""

    def snapshot(self) -> list[ServiceStatus]:
        """Return one status per service, the gateway first."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """How long the calls of a composed read may take, in seconds: to its main service, and each other one."""

    main_seconds: float = 5.0
    lookup_seconds: float = 1.5


DEFAULT_BUDGETS = Budgets()


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py. `closed` is set when the process ends its streams."""

    chat: Chat
    users: Users
    tracks: Tracks
    exports: Sequence[ExportSource]
    system_status: SystemStatus
    live_parts: LiveParts
    closed: asyncio.Event
    budgets: Budgets
