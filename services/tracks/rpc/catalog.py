"""CatalogService."""

from __future__ import annotations

from seda.tracks.internal.v1 import catalog_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_optional_id
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
