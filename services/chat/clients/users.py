"""The client of the users service."""

from __future__ import annotations

from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.caller import Caller
from servicekit.channels import ServiceClient
from services.chat.wire import peer_responses


class RemoteResolver:
    """Resolves callers through the users service; servicekit caches them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = IdentityServiceStub(client.retrying_channel)

    async def resolve(self, subject: str, email: str) -> Caller:
        """Resolve the user of a subject, who is created on the first call."""
        request = ResolveCallerRequest(subject=subject, email=email)
        response = await self._client.call(self._stub.ResolveCaller, request, as_service=True)
        return peer_responses.caller(response.caller)
