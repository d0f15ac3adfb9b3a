"""Deezer: pages in any language, the player, the URLs of the API, and three short hosts."""

from __future__ import annotations

from services.tracks.domain.links.link import Link
from services.tracks.domain.links.numeric_ids import last_pair, numeric_id
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "deezer"
_KINDS = {
    "track": Kind.TRACK,
    "album": Kind.ALBUM,
    "playlist": Kind.PLAYLIST,
    "artist": Kind.ARTIST,
    "episode": Kind.EPISODE,
}


def _read(link: Link) -> TrackReference:
    kind, key = last_pair(link.segments, _KINDS, _NAME)
    key = numeric_id(key, _NAME)
    return TrackReference(_NAME, kind, key, f"https://www.deezer.com/{kind.lower()}/{key}")


PROVIDER = Provider(
    name=_NAME,
    hosts=frozenset({"deezer.com", "www.deezer.com", "widget.deezer.com", "api.deezer.com"}),
    read=_read,
    short_hosts=frozenset({"deezer.page.link", "dzr.page.link", "link.deezer.com"}),
)
