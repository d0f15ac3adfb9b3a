"""The tracks service: what is behind a track's id."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from seda.tracks.v1.track_service_pb2 import LookupTracksRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.channels import ServiceClient
from servicekit.clock import Clock
from services.chat.domain.model import TrackSnapshot
from services.chat.wire import peer_responses

_FRESH_SECONDS = 30.0
_CACHE_SIZE = 5_000


class RemoteTracks:
    """Asks the tracks service, and remembers a track it was told of for 30 seconds."""

    def __init__(self, client: ServiceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._stub = TrackServiceStub(client.channel)
        self._known: OrderedDict[UUID, tuple[float, TrackSnapshot]] = OrderedDict()

    async def snapshot(self, track_id: UUID) -> TrackSnapshot | None:
        """The track as it is known now; None when there is none."""
        now = self._clock.monotonic()
        known = self._known.get(track_id)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        request = LookupTracksRequest(track_ids=[str(track_id)])
        response = await self._client.call(self._stub.LookupTracks, request)
        if not response.tracks:
            return None
        snapshot = peer_responses.track_snapshot(response.tracks[0])
        self._known[track_id] = (now, snapshot)
        if len(self._known) > _CACHE_SIZE:
            self._known.popitem(last=False)
        return snapshot
