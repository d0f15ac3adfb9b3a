"""ArtistService."""

from __future__ import annotations

from seda.users.v1 import artist_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import SEARCH_SIZE, page_size
from services.users.actions import artist_search, artists
from services.users.actions.deps import Deps
from services.users.wire import artists as wire


class ArtistServicer:
    """Reads, searches and writes artist profiles."""

    descriptor = pb.DESCRIPTOR.services_by_name["ArtistService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateArtist(self, request: pb.CreateArtistRequest, call: Call) -> pb.CreateArtistResponse:
        """Create the caller's profile."""
        values = wire.artist_values(request.artist_profile)
        return wire.create_artist_response(await artists.create_artist(self._deps, call.caller, values))

    async def GetArtist(self, request: pb.GetArtistRequest, call: Call) -> pb.GetArtistResponse:
        """Return one profile."""
        if request.HasField("user_id"):
            view = await artists.get_artist_of_user(self._deps, call.caller, parse_id(request.user_id))
        else:
            view = await artists.get_artist(self._deps, call.caller, parse_id(request.artist_profile_id))
        return wire.get_artist_response(view)

    async def LookupArtists(self, request: pb.LookupArtistsRequest, _: Call) -> pb.LookupArtistsResponse:
        """Return the marks of up to 1,000 users."""
        found, missing = await artists.lookup_artists(self._deps, list(map(parse_id, request.user_ids)))
        return wire.lookup_artists_response(found, missing)

    async def SearchArtists(self, request: pb.SearchArtistsRequest, call: Call) -> bytes:
        """Return a page of the profiles whose name matches a query."""
        content, token = await artist_search.search_artists(
            self._deps,
            call.caller,
            request.query,
            page_size(request.page_size, SEARCH_SIZE),
            request.page_token,
            include_unverified=request.include_unverified,
        )
        return wire.search_artists_response(content, token)

    async def UpdateArtist(self, request: pb.UpdateArtistRequest, call: Call) -> pb.UpdateArtistResponse:
        """Update the caller's profile."""
        row = await artists.update_artist(self._deps, call.caller, wire.artist_update(request))
        return wire.update_artist_response(row)

    async def DeleteArtist(self, request: pb.DeleteArtistRequest, call: Call) -> pb.DeleteArtistResponse:
        """Delete the caller's profile."""
        await artists.delete_artist(self._deps, call.caller, parse_id(request.artist_profile_id))
        return pb.DeleteArtistResponse()
