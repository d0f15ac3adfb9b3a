"""TrackService."""

from __future__ import annotations

from seda.tracks.v1 import track_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.tracks import wire
from services.tracks.actions import search, tracks
from services.tracks.actions.deps import Deps
from services.tracks.domain.search import page_size


class TrackServicer:
    """Turns links into tracks and reads them."""

    descriptor = pb.DESCRIPTOR.services_by_name["TrackService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ParseTrackUrl(self, request: pb.ParseTrackUrlRequest, _: Call) -> pb.ParseTrackUrlResponse:
        """What a link points to."""
        return wire.parse_track_url_response(await tracks.parse_track_url(request.input))

    async def ResolveTrack(self, request: pb.ResolveTrackRequest, call: Call) -> pb.ResolveTrackResponse:
        """The stored track that a link points to."""
        track = await tracks.resolve_track(self._deps, call.caller, request.input, call.deadline)
        return wire.resolve_track_response(track)

    async def GetTrack(self, request: pb.GetTrackRequest, _: Call) -> pb.GetTrackResponse:
        """One track by id."""
        return wire.get_track_response(await tracks.get_track(self._deps, parse_id(request.track_id)))

    async def LookupTracks(self, request: pb.LookupTracksRequest, _: Call) -> pb.LookupTracksResponse:
        """Up to 1,000 tracks by id."""
        found, missing = await tracks.lookup_tracks(self._deps, wire.parse_ids(request.track_ids))
        return wire.lookup_tracks_response(found, missing)

    async def ListTracks(self, request: pb.ListTracksRequest, call: Call) -> pb.ListTracksResponse:
        """A page of tracks, the newest first."""
        return wire.list_tracks_response(
            await search.list_tracks(self._deps, call.caller, wire.listing(request))
        )

    async def SearchTracks(self, request: pb.SearchTracksRequest, call: Call) -> pb.SearchTracksResponse:
        """A page of what a query finds."""
        size = page_size(request.page_size)
        page = await search.search_tracks(self._deps, call.caller, request.query, size, request.page_token)
        return wire.search_tracks_response(page)

    async def RefreshTrack(self, request: pb.RefreshTrackRequest, call: Call) -> pb.RefreshTrackResponse:
        """The track, which will be asked for anew."""
        return wire.refresh_track_response(
            await tracks.refresh_track(self._deps, call.caller, parse_id(request.track_id))
        )
