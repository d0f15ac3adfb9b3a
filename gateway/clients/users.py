"""The users service."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clients.batches import in_batches
from seda.users.v1.user_pb2 import UserSummary
from seda.users.v1.user_service_pb2 import LookupUsersRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.channels import ServiceClient


class UsersClient:
    """Reads users with the caller's token."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = UserServiceStub(client.channel)

    async def lookup(self, user_ids: Sequence[str], seconds: float) -> list[UserSummary]:
        """Return the summaries of the users that exist, within `seconds`."""

        async def lookup_batch(batch: Sequence[str]) -> Sequence[UserSummary]:
            request = LookupUsersRequest(user_ids=batch)
            return (await self._client.call(self._stub.LookupUsers, request, timeout=seconds)).users

        return await in_batches(user_ids, lookup_batch)
