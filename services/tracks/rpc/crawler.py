"""CrawlerService."""

from __future__ import annotations

from seda.tracks.internal.v1 import crawler_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_optional_id
from services.tracks import wire
from services.tracks.actions import crawler
from services.tracks.actions.deps import Deps


class CrawlerServicer:
    """Fetches web pages on behalf of other services."""

    descriptor = pb.DESCRIPTOR.services_by_name["CrawlerService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def Fetch(self, request: pb.FetchRequest, call: Call) -> pb.FetchResponse:
        """Fetch a URL."""
        policy, max_age = wire.fetch_policy(request), wire.fetch_max_age(request)
        user_id = parse_optional_id(call.on_behalf_of or "")
        return wire.fetch_response(
            await crawler.fetch(self._deps, user_id, request.url, policy, max_age, call.deadline)
        )

    async def PurgeCache(self, request: pb.PurgeCacheRequest, _: Call) -> pb.PurgeCacheResponse:
        """Delete cached responses."""
        if request.HasField("url"):
            count = await crawler.purge_address(self._deps, request.url)
        else:
            count = await crawler.purge_older(self._deps, wire.seconds(request.older_than))
        return pb.PurgeCacheResponse(purged_count=count)
