"""The client of the tracks service."""

from __future__ import annotations

from uuid import UUID

from seda.tracks.internal.v1.catalog_service_pb2 import EraseResolverRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from servicekit.channels import ServiceClient


class RemoteResolverData:
    """Implements services.users.actions.erasure.ResolverData."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = CatalogServiceStub(client.retrying_channel)

    async def erase(self, user_id: UUID) -> int:
        """Erase what tracks stores about a user."""
        request = EraseResolverRequest(user_id=str(user_id))
        response = await self._client.call(self._stub.EraseResolver, request, as_service=True)
        return response.deleted_count
