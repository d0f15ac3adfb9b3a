"""What the actions need of the services. app.py passes in who provides it.

The messages of the contract are all the data the gateway has, so the actions work on them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.status import ServiceStatus
from seda.chat.v1.message_service_pb2 import (
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.user_pb2 import UserSummary


class Chat(Protocol):
    """The chat service, request with the caller's own token."""

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Write a message."""

    async def list_messages(self, request: ListMessagesRequest) -> ListMessagesResponse:
        """A page of a room's messages."""


class Users(Protocol):
    """The users service."""

    async def lookup(self, user_ids: Sequence[str], seconds: float) -> list[UserSummary]:
        """The summaries of those that exist, within `seconds`."""


class Tracks(Protocol):
    """The tracks service."""

    async def upsert(self, link: str) -> Track:
        """The stored track that a link points to, on behalf of the caller."""

    async def lookup(self, track_ids: Sequence[str], seconds: float) -> list[Track]:
        """Those that exist, within `seconds`."""


class SystemStatus(Protocol):
    """What is known of the state of all services."""

    def snapshot(self) -> list[ServiceStatus]:
        """One for each service, the gateway first."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once per process by app.py."""

    chat: Chat
    users: Users
    tracks: Tracks
    system_status: SystemStatus
