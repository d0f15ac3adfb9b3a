"""The users service: who is calling."""

from __future__ import annotations

from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.caller import Caller
from servicekit.channels import ServiceClient
from services.tracks import wire


class RemoteResolver:
    """Asks the users service who is behind a token; servicekit caches the answers."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = IdentityServiceStub(client.retrying_channel)

    async def resolve(self, subject: str, email: str) -> Caller:
        """The user behind the subject, created on first sight."""
        request = ResolveCallerRequest(subject=subject, email=email)
        response = await self._client.call(self._stub.ResolveCaller, request, as_service=True)
        return wire.caller(response.caller)
