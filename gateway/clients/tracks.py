"""The tracks service."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.clients.batches import in_batches
from seda.tracks.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.channels import ServiceClient
from servicekit.handlers import DEFAULT_DEADLINE


class TracksClient:
    """Reads tracks as the caller, stores them on the caller's behalf."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._tracks = TrackServiceStub(client.channel)
        self._catalog = CatalogServiceStub(client.channel)

    async def upsert(self, link: str) -> Track:
        """The stored track that a link points to."""
        request = UpsertTrackRequest(input=link)
        # As long as our own caller waits: a write that was given up may have happened.
        response = await self._client.call(
            self._catalog.UpsertTrack, request, as_service=True, timeout=DEFAULT_DEADLINE
        )
        return response.track

    async def lookup(self, track_ids: Sequence[str], seconds: float) -> list[Track]:
        """Those that exist, within `seconds`."""
        end = time.monotonic() + seconds

        async def ask(batch: Sequence[str]) -> Sequence[Track]:
            found: list[Track] = []
            while batch:
                request = LookupTracksRequest(track_ids=batch)
                left = end - time.monotonic()
                response = await self._client.call(self._tracks.LookupTracks, request, timeout=left)
                found += response.tracks
                # What did not fit into one answer; an answer of nothing would never fit.
                batch = response.remaining_ids if response.tracks else ()
            return found

        return await in_batches(track_ids, ask)
