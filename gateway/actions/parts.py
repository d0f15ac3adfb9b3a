"""The parts that every composed read has: the people, artist marks and tracks of its messages.

Both functions are pure: the lookups between them are in `lookups`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.user_pb2 import UserSummary


class PageIds(NamedTuple):
    """The ids on a page, each once, in order of appearance: of users, and of tracks with their snapshots."""

    user_ids: list[str]
    tracks: dict[str, TrackSnapshot]


class Parts(NamedTuple):
    """The parts of a response; the names are the contract's."""

    authors: list[UserSummary]
    artists: list[ArtistMark]
    tracks: list[Track]
    unreachable: list[str]


NO_PARTS = Parts([], [], [], [])
_SERVICES = ("users", "tracks", "chat")


def ids_on_page(messages: Iterable[Message], user_ids: Iterable[str] = ()) -> PageIds:
    """Return the ids that messages and their replies name, after the given users: authors first, then mentioned users."""
    shown = list(_with_replies(messages))
    authors = (message.author_id for message in shown)
    mentioned = (user_id for message in shown for user_id in message.mention_user_ids)
    # Messages of erased users have no author.
    users = dict.fromkeys(each for ids in (user_ids, authors, mentioned) for each in ids if each)
    tracks: dict[str, TrackSnapshot] = {}
    for message in shown:
        if message.HasField("track"):
            tracks.setdefault(message.track.track_id, message.track)
    return PageIds(list(users), tracks)


def join_parts(ids: PageIds, found: Parts) -> Parts:
    """Join the ids on a page with what was found: each once, in the page's order, and what is not found as a stub.

    A user's stub is the id, a track's is its snapshot in the message. A user without an artist profile has no mark.
    """
    user_by_id = {user.id: user for user in found.authors}
    mark_by_user = {mark.user_id: mark for mark in found.artists}
    track_by_id = {track.id: track for track in found.tracks}
    return Parts(
        [user_by_id.get(each) or UserSummary(id=each) for each in ids.user_ids],
        [mark_by_user[each] for each in ids.user_ids if each in mark_by_user],
        [
            track_by_id.get(track_id) or track_from_snapshot(snapshot)
            for track_id, snapshot in ids.tracks.items()
        ],
        [each for each in _SERVICES if each in found.unreachable],
    )


def track_from_snapshot(snapshot: TrackSnapshot) -> Track:
    """Return a track as its message has it."""
    return Track(
        id=snapshot.track_id,
        provider=snapshot.provider,
        provider_id=snapshot.provider_id,
        url=snapshot.url,
        title=snapshot.title,
        artist=snapshot.artist,
        artwork_url=snapshot.artwork_url,
        duration=snapshot.duration if snapshot.HasField("duration") else None,
    )


def _with_replies(messages: Iterable[Message]) -> Iterator[Message]:
    for message in messages:
        yield message
        yield from message.replies
