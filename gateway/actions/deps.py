"""Dependencies of the actions, as protocols that app.py implements.

The gateway owns no data, so its actions work on the contract's messages directly.
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
    """The chat service, called with the caller's token."""

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Send a message."""

    async def list_messages(self, request: ListMessagesRequest) -> ListMessagesResponse:
        """Return a page of a room's messages."""


class Users(Protocol):
    """The users service."""

    async def lookup(self, user_ids: Sequence[str], seconds: float) -> list[UserSummary]:
        """Return the summaries of the users that exist, within `seconds`."""


class Tracks(Protocol):
    """The tracks service."""

    async def lookup(self, track_ids: Sequence[str], seconds: float) -> list[Track]:
        """Return the tracks that exist, within `seconds`."""


class SystemStatus(Protocol):
    """The last known state of all services."""

    def snapshot(self) -> list[ServiceStatus]:
        """Return one status per service, the gateway first."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py."""

    chat: Chat
    users: Users
    tracks: Tracks
    system_status: SystemStatus
