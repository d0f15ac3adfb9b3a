"""Tidal: pages of tidal.com, its players, and older links with the path in the fragment."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.numeric_ids import last_pair, numeric_id
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "tidal"
# The embedded player uses the plural.
_KINDS = {
    "track": Kind.TRACK,
    "tracks": Kind.TRACK,
    "album": Kind.ALBUM,
    "albums": Kind.ALBUM,
    "playlist": Kind.PLAYLIST,
    "playlists": Kind.PLAYLIST,
    "artist": Kind.ARTIST,
    "video": Kind.VIDEO,
    "videos": Kind.VIDEO,
}
_PLAYLIST = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _read(link: Link) -> TrackReference:
    kind, key = last_pair(link.routed("!/").segments, _KINDS, _NAME)
    key = _playlist(key) if kind is Kind.PLAYLIST else numeric_id(key, _NAME)
    return TrackReference(_NAME, kind, key, f"https://tidal.com/{kind.lower()}/{key}")


def _playlist(key: str) -> str:
    key = key.lower()
    if not _PLAYLIST.fullmatch(key):
        raise InvalidUrlError("the id of a Tidal playlist is a UUID")
    return key


PROVIDER = Provider(
    name=_NAME,
    hosts=frozenset(
        {
            "tidal.com",
            "www.tidal.com",
            "listen.tidal.com",
            "desktop.tidal.com",
            "desktop.stage.tidal.com",
            "stage.tidal.com",
            "store.tidal.com",
            "embed.tidal.com",
        }
    ),
    read=_read,
)
