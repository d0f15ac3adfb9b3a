"""The client of the tracks service."""

from __future__ import annotations

from uuid import UUID

from seda.tracks.v1.track_service_pb2 import LookupTracksRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.cache import Cache
from servicekit.channels import ServiceClient
from servicekit.clock import Clock
from services.chat.domain.model import TrackSnapshot
from services.chat.wire import peer_responses

_FRESH_SECONDS = 30.0
_CACHE_SIZE = 5_000


class RemoteTracks:
    """Fetches tracks from the tracks service and caches each for 30 seconds."""

    def __init__(self, client: ServiceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._stub = TrackServiceStub(client.channel)
        self._cache: Cache[UUID, TrackSnapshot] = Cache(_CACHE_SIZE)

    async def snapshot(self, track_id: UUID) -> TrackSnapshot | None:
        """Return the current metadata of a track; None when there is no such track."""
        now = self._clock.monotonic()
        cached = self._cache.get(track_id, now)
        if cached is not None:
            return cached
        request = LookupTracksRequest(track_ids=[str(track_id)])
        response = await self._client.call(self._stub.LookupTracks, request)
        if not response.tracks:
            return None
        snapshot = peer_responses.track_snapshot(response.tracks[0])
        self._cache.put(track_id, snapshot, now + _FRESH_SECONDS)
        return snapshot
