"""GetArtistPage: an artist's profile and the tracks that they posted in public rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, look_up_parts, lookup_seconds, main_seconds, or_none_if_away
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import SearchMessagesRequest
from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.artist_service_pb2 import GetArtistResponse

TRACK_MESSAGES = 20
"""The maximum number of messages on the page."""


class ArtistPage(NamedTuple):
    """An artist with their messages, which are none if chat is away, and the parts of the page."""

    artist: GetArtistResponse
    messages: Sequence[Message]
    parts: Parts


async def get_artist_page(deps: Deps, artist_profile_id: str, deadline: float) -> ArtistPage:
    """Return an artist's page, with one call to users, then one to chat, then the lookups of its parts.

    `deadline` is on the process's monotonic clock. Raises the errors of GetArtist, ServiceUnavailableError if users is
    away, and the RATE_LIMITED of SearchMessages.
    """
    artist = await from_main("users", deps.users.get_artist, artist_profile_id, main_seconds(deps, deadline))
    profile = artist.artist_profile
    search = SearchMessagesRequest(
        author_id=profile.user_id, has_track=True, public_only=True, page_size=TRACK_MESSAGES
    )
    unreachable: list[str] = []
    found = await or_none_if_away(
        unreachable, "chat", deps.chat.search_messages, search, lookup_seconds(deps, deadline)
    )
    messages = () if found is None else found.messages
    mark = ArtistMark(
        user_id=profile.user_id,
        artist_profile_id=profile.id,
        artist_name=profile.artist_name,
        verified=profile.verified,
    )
    known = Parts([artist.user] if artist.HasField("user") else [], [mark], [], unreachable)
    ids = ids_on_page(messages, [profile.user_id])
    return ArtistPage(artist, messages, await look_up_parts(deps, ids, deadline, known))
