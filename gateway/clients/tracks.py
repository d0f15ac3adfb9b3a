"""The tracks service."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.clients.batches import in_batches
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.channels import ServiceClient


class TracksClient:
    """Reads tracks with the caller's token."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._tracks = TrackServiceStub(client.channel)

    async def lookup(self, track_ids: Sequence[str], seconds: float) -> list[Track]:
        """Return the tracks that exist, within `seconds`."""
        end = time.monotonic() + seconds

        async def lookup_batch(batch: Sequence[str]) -> Sequence[Track]:
            found: list[Track] = []
            while batch:
                request = LookupTracksRequest(track_ids=batch)
                left = end - time.monotonic()
                response = await self._client.call(self._tracks.LookupTracks, request, timeout=left)
                found += response.tracks
                # remaining_ids did not fit into the response; stop if no track fits at all.
                batch = response.remaining_ids if response.tracks else ()
            return found

        return await in_batches(track_ids, lookup_batch)
