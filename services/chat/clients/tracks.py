"""The client of the tracks service."""

from __future__ import annotations

from uuid import UUID

from seda.tracks.internal.v1.catalog_service_pb2 import MarkTracksListedRequest, UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.cache import Cache
from servicekit.channels import ServiceClient
from servicekit.clock import Clock
from servicekit.handlers import DEFAULT_DEADLINE
from servicekit.rpc_status import UpstreamError
from services.chat.domain.model import TrackSnapshot
from services.chat.wire import peer_responses

_FRESH_SECONDS = 30.0
_CACHE_SIZE = 5_000


class RemoteTracks:
    """Reads tracks from the tracks service and caches each for 30 seconds; stores tracks on the caller's behalf."""

    def __init__(self, client: ServiceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._stub = TrackServiceStub(client.channel)
        self._catalog = CatalogServiceStub(client.retrying_channel)
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

    async def store(self, url: str) -> TrackSnapshot:
        """Return the current metadata of the track of a link, stored if it is new. Raises the errors of UpsertTrack."""
        try:
            # Bounded only by the caller's deadline: a write that is given up may still have happened.
            response = await self._client.call(
                self._catalog.UpsertTrack,
                UpsertTrackRequest(input=url),
                as_service=True,
                timeout=DEFAULT_DEADLINE,
            )
        except UpstreamError as error:
            error.violations = tuple(
                each._replace(field="track_url") if each.field == "input" else each
                for each in error.violations
            )
            raise
        return peer_responses.track_snapshot(response.track)

    async def mark_listed(self, track_ids: list[UUID]) -> None:
        """Let everybody find up to 100 tracks."""
        request = MarkTracksListedRequest(track_ids=map(str, track_ids))
        await self._client.call(self._catalog.MarkTracksListed, request, as_service=True)
