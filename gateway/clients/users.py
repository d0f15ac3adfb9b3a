"""The users service."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import wire
from gateway.clients.batches import in_batches
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from seda.users.v1.user_pb2 import UserSummary
from seda.users.v1.user_service_pb2 import LookupUsersRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.caller import Caller
from servicekit.channels import ServiceClient


class RemoteResolver:
    """Resolves a token's subject to a caller; servicekit caches the result."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = IdentityServiceStub(client.retrying_channel)

    async def resolve(self, subject: str, email: str) -> Caller:
        """Return the user of the subject, created on first sign-in."""
        request = ResolveCallerRequest(subject=subject, email=email)
        response = await self._client.call(self._stub.ResolveCaller, request, as_service=True)
        return wire.caller(response.caller)


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
