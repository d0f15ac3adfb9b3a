"""CatalogService."""

from __future__ import annotations

from seda.tracks.internal.v1 import catalog_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id, parse_optional_id
from servicekit.pagination import page_size
from services.tracks import wire
from services.tracks.actions import catalog
from services.tracks.actions.deps import Deps


class CatalogServicer:
    """Stores tracks on behalf of other services."""

    descriptor = pb.DESCRIPTOR.services_by_name["CatalogService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def UpsertTrack(self, request: pb.UpsertTrackRequest, call: Call) -> pb.UpsertTrackResponse:
        """Return the stored track of a link, filled with the caller's metadata."""
        user_id = parse_optional_id(call.on_behalf_of or "")
        return wire.upsert_track_response(
            await catalog.upsert_track(self._deps, user_id, request.input, wire.upsert_metadata(request))
        )

    async def MarkTracksListed(
        self, request: pb.MarkTracksListedRequest, _: Call
    ) -> pb.MarkTracksListedResponse:
        """Let everybody find tracks."""
        await catalog.mark_tracks_listed(self._deps, wire.parse_ids(request.track_ids))
        return pb.MarkTracksListedResponse()

    async def ExportResolver(self, request: pb.ExportResolverRequest, _: Call) -> pb.ExportResolverResponse:
        """Return a page of the tracks that a user resolved."""
        user_id, size = parse_id(request.user_id), page_size(request.page_size)
        return wire.export_resolver_response(
            await catalog.export_resolver(self._deps, user_id, size, request.page_token)
        )

    async def EraseResolver(self, request: pb.EraseResolverRequest, _: Call) -> pb.EraseResolverResponse:
        """Delete what is stored of a user."""
        count = await catalog.erase_resolver(self._deps, parse_id(request.user_id))
        return pb.EraseResolverResponse(deleted_count=count)
