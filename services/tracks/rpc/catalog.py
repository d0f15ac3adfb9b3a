"""CatalogService."""

from __future__ import annotations

from seda.tracks.internal.v1 import catalog_service_pb2 as pb
from servicekit.call import Call
from services.tracks import wire
from services.tracks.actions import catalog
from services.tracks.actions.deps import Deps


class CatalogServicer:
    """Stores tracks on behalf of other services."""

    descriptor = pb.DESCRIPTOR.services_by_name["CatalogService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def UpsertTrack(self, request: pb.UpsertTrackRequest, _: Call) -> pb.UpsertTrackResponse:
        """Return the stored track of a link, filled with the caller's metadata."""
        return wire.upsert_track_response(
            await catalog.upsert_track(self._deps, request.input, wire.upsert_metadata(request))
        )
