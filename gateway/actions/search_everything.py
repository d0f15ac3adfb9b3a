"""SearchEverything: artists, tracks and messages that match a query."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import look_up_parts, lookup_seconds, or_none_if_away
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.message_service_pb2 import SearchMessagesRequest, SearchMessagesResponse
from seda.tracks.v1.track_service_pb2 import SearchTracksRequest, SearchTracksResponse
from seda.users.v1.artist_service_pb2 import SearchArtistsRequest, SearchArtistsResponse

DEFAULT_LIMIT = 10
"""The number of results of each kind if the request names none."""


class Everything(NamedTuple):
    """A page of each kind, None if its service is away, and the parts of all results."""

    artists: SearchArtistsResponse | None
    tracks: SearchTracksResponse | None
    messages: SearchMessagesResponse | None
    parts: Parts


async def search_everything(deps: Deps, query: str, limit: int, deadline: float) -> Everything:
    """Return the first results of each kind, with a search in each service at once, then the lookups of their parts.

    `deadline` is on the process's monotonic clock. Raises the RATE_LIMITED of the searches.
    """
    size, seconds, away = limit or DEFAULT_LIMIT, lookup_seconds(deps, deadline), list[str]()
    by_artist = SearchArtistsRequest(query=query, page_size=size)
    by_track = SearchTracksRequest(query=query, page_size=size)
    by_text = SearchMessagesRequest(query=query, page_size=size)
    artists, tracks, messages = await asyncio.gather(
        or_none_if_away(away, "users", deps.users.search_artists, by_artist, seconds),
        or_none_if_away(away, "tracks", deps.tracks.search_tracks, by_track, seconds),
        or_none_if_away(away, "chat", deps.chat.search_messages, by_text, seconds),
    )
    ids = ids_on_page(
        () if messages is None else messages.messages,
        () if artists is None else (match.artist_profile.user_id for match in artists.matches),
    )
    known = Parts([], [], [] if tracks is None else list(tracks.tracks), away)
    return Everything(artists, tracks, messages, await look_up_parts(deps, ids, deadline, known))
