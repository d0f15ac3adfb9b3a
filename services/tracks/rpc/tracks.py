"""TrackService."""

from __future__ import annotations

from seda.tracks.v1 import track_service_pb2 as pb
from servicekit.call import Call
from services.tracks import wire
from services.tracks.actions import tracks
from services.tracks.actions.deps import Deps


class TrackServicer:
    """Turns links into tracks and reads them."""

    descriptor = pb.DESCRIPTOR.services_by_name["TrackService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ParseTrackUrl(self, request: pb.ParseTrackUrlRequest, _: Call) -> pb.ParseTrackUrlResponse:
        """What a link points to."""
        return wire.parsed(await tracks.parse_track_url(request.input))

    async def ResolveTrack(self, request: pb.ResolveTrackRequest, call: Call) -> pb.ResolveTrackResponse:
        """The stored track that a link points to."""
        return wire.resolved(await tracks.resolve_track(self._deps, call.caller, request.input))

    async def LookupTracks(self, request: pb.LookupTracksRequest, _: Call) -> pb.LookupTracksResponse:
        """Up to 1,000 tracks by id."""
        found, missing = await tracks.lookup_tracks(self._deps, wire.ids(request.track_ids))
        return wire.looked_up(found, missing)
