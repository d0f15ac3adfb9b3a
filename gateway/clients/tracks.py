"""The tracks service."""

from __future__ import annotations

import time
from collections.abc import Sequence

from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest, SearchTracksRequest, SearchTracksResponse
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.channels import ServiceClient


class TracksClient:
    """Reads tracks with the caller's token."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._tracks = TrackServiceStub(client.channel)

    async def search_tracks(self, request: SearchTracksRequest, seconds: float) -> SearchTracksResponse:
        """Return a page of the tracks that match."""
        return await self._client.call(self._tracks.SearchTracks, request, timeout=seconds)

    async def lookup_tracks(self, track_ids: Sequence[str], seconds: float) -> Sequence[Track]:
        """Return the tracks that exist, of up to 1,000 ids."""
        end = time.monotonic() + seconds
        found: list[Track] = []
        while track_ids:
            request = LookupTracksRequest(track_ids=track_ids)
            left = end - time.monotonic()
            response = await self._client.call(self._tracks.LookupTracks, request, timeout=left)
            found += response.tracks
            # remaining_ids did not fit into the response; stop if no track fits at all.
            track_ids = response.remaining_ids if response.tracks else ()
        return found
