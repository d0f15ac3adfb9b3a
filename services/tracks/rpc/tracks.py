"""TrackService."""

from __future__ import annotations

from seda.tracks.v1 import track_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import SEARCH_SIZE, page_size
from services.tracks import wire
from services.tracks.actions import search, tracks
from services.tracks.actions.deps import Deps


class TrackServicer:
    """Resolves links to tracks and reads tracks."""

    descriptor = pb.DESCRIPTOR.services_by_name["TrackService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ParseTrackUrl(self, request: pb.ParseTrackUrlRequest, _: Call) -> pb.ParseTrackUrlResponse:
        """Parse a link."""
        return wire.parse_track_url_response(await tracks.parse_track_url(request.input))

    async def ResolveTrack(self, request: pb.ResolveTrackRequest, call: Call) -> pb.ResolveTrackResponse:
        """Return the stored track of a link."""
        track = await tracks.resolve_track(self._deps, call.caller, request.input, call.deadline)
        return wire.resolve_track_response(track)

    async def GetTrack(self, request: pb.GetTrackRequest, _: Call) -> pb.GetTrackResponse:
        """Return one track."""
        return wire.get_track_response(await tracks.get_track(self._deps, parse_id(request.track_id)))

    async def LookupTracks(self, request: pb.LookupTracksRequest, _: Call) -> pb.LookupTracksResponse:
        """Return up to 1,000 tracks by id."""
        found, missing = await tracks.lookup_tracks(self._deps, wire.parse_ids(request.track_ids))
        return wire.lookup_tracks_response(found, missing)

    async def ListTracks(self, request: pb.ListTracksRequest, call: Call) -> pb.ListTracksResponse:
        """Return a page of tracks, newest first."""
        size, wanted = page_size(request.page_size), wire.track_filter(request)
        page = await tracks.list_tracks(self._deps, call.caller, wanted, size, request.page_token)
        return wire.list_tracks_response(page)

    async def SearchTracks(self, request: pb.SearchTracksRequest, call: Call) -> pb.SearchTracksResponse:
        """Return a page of the tracks that match a query."""
        size = page_size(request.page_size, SEARCH_SIZE)
        page = await search.search_tracks(self._deps, call.caller, request.query, size, request.page_token)
        return wire.search_tracks_response(page)

    async def RefreshTrack(self, request: pb.RefreshTrackRequest, call: Call) -> pb.RefreshTrackResponse:
        """Schedule a refresh of a track's metadata and return the track."""
        return wire.refresh_track_response(
            await tracks.refresh_track(self._deps, call.caller, parse_id(request.track_id))
        )
