"""The client of the tracks service."""

from __future__ import annotations

from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from seda.tracks.internal.v1 import crawler_service_pb2 as pb
from seda.tracks.internal.v1.catalog_service_pb2 import EraseResolverRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.internal.v1.crawler_service_pb2_grpc import CrawlerServiceStub
from servicekit.channels import ServiceClient
from services.users.domain.verification_check import Fetched
from services.users.wire.crawler import fetched_page

# Tracks spends ten seconds on the network, after a wait for its turn at the host. Two fetches fit into the lease of a check.
_FETCH_SECONDS = 20.0


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


class RemoteCrawler:
    """Implements services.users.actions.deps.Crawler."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = CrawlerServiceStub(client.retrying_channel)

    async def fetch(self, url: str, user_id: UUID) -> Fetched:
        """Fetch a page now, on behalf of a user; redirects stay on its site. Raises ServiceError."""
        request = pb.FetchRequest(
            url=url, redirect_policy=pb.REDIRECT_POLICY_SAME_SITE, max_age=Duration(seconds=0)
        )
        response = await self._client.call(
            self._stub.Fetch, request, as_service=True, on_behalf_of=user_id, timeout=_FETCH_SECONDS
        )
        return fetched_page(response)
