"""The client of the chat service."""

from __future__ import annotations

from uuid import UUID

from seda.chat.internal.v1.author_data_service_pb2 import EraseAuthorRequest
from seda.chat.internal.v1.author_data_service_pb2_grpc import AuthorDataServiceStub
from servicekit.channels import ServiceClient
from services.users.actions.erasure import Progress
from services.users.domain.erasure import ErasureMode
from services.users.wire.erasure import CHAT_MODES

# Chat works for half of it.
_TIMEOUT_SECONDS = 20.0


class RemoteAuthorData:
    """Implements services.users.actions.erasure.AuthorData."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = AuthorDataServiceStub(client.retrying_channel)

    async def erase(self, user_id: UUID, mode: ErasureMode) -> Progress:
        """Erase what chat stores about a user, as far as it comes in ten seconds."""
        request = EraseAuthorRequest(user_id=str(user_id), mode=CHAT_MODES[mode])
        response = await self._client.call(
            self._stub.EraseAuthor, request, as_service=True, timeout=_TIMEOUT_SECONDS
        )
        return Progress(response.done, response.changed_count)
