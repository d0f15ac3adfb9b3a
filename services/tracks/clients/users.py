"""Client of the users service."""

from __future__ import annotations

from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.caller import Caller
from servicekit.channels import ServiceClient
from services.tracks import wire


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
