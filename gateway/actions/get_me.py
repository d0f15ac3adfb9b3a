"""GetMe: the caller with their artist profile, and the number of the last change of their rooms."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from uuid import UUID

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, lookup_seconds, main_seconds, or_none_if_away
from seda.chat.v1.room_service_pb2 import GetMyRoomsRevResponse
from seda.users.v1.artist_service_pb2 import GetArtistResponse
from seda.users.v1.user_pb2 import User


class Me(NamedTuple):
    """The caller; `artist` is None without a profile, `rooms` if chat is away."""

    user: User
    artist: GetArtistResponse | None
    rooms: GetMyRoomsRevResponse | None
    unreachable: list[str]


async def get_me(deps: Deps, user_id: UUID, deadline: float) -> Me:
    """Return the caller, with two calls to users and one to chat, all at once.

    `deadline` is on the process's monotonic clock. Raises ServiceUnavailableError if users is away.
    """
    seconds, unreachable = main_seconds(deps, deadline), list[str]()
    user, artist, rooms = await asyncio.gather(
        from_main("users", deps.users.get_me, seconds),
        from_main("users", deps.users.get_artist_of_user, str(user_id), seconds),
        or_none_if_away(unreachable, "chat", deps.chat.get_my_rooms_rev, lookup_seconds(deps, deadline)),
    )
    return Me(user, artist, rooms, unreachable)
