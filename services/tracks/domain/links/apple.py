"""Apple Music and iTunes: pages of any storefront, the players, and apple.co."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.numeric_ids import numeric_id
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "apple"
_KINDS = {
    "song": Kind.TRACK,
    "album": Kind.ALBUM,
    "playlist": Kind.PLAYLIST,
    "artist": Kind.ARTIST,
    "music-video": Kind.VIDEO,
}
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_PLAYLIST = re.compile(r"pl\.[0-9A-Za-z-]{1,64}")


def _read(link: Link) -> TrackReference:
    segments: Sequence[str] = link.segments
    country = "us"
    if segments and _COUNTRY.fullmatch(segments[0]):
        country, segments = segments[0].lower(), segments[1:]
    match segments:
        # An optional slug between the kind and the id.
        case [name, key] | [name, _, key] if name in _KINDS:
            pass
        case _:
            raise UnsupportedResourceError(_NAME)
    if name == "album" and "i" in link.query:
        # A track of an album, by the track's id.
        name, key = "song", link.query["i"]
    key = _playlist(key) if name == "playlist" else numeric_id(key.removeprefix("id"), _NAME)
    return TrackReference(_NAME, _KINDS[name], key, f"https://music.apple.com/{country}/{name}/{key}")


def _playlist(key: str) -> str:
    if not _PLAYLIST.fullmatch(key):
        raise InvalidUrlError("this is no id of a playlist at apple")
    return key


PROVIDER = Provider(
    name=_NAME,
    hosts=frozenset(
        {
            "music.apple.com",
            "geo.music.apple.com",
            "beta.music.apple.com",
            "embed.music.apple.com",
            "classical.music.apple.com",
            "itunes.apple.com",
            "geo.itunes.apple.com",
        }
    ),
    read=_read,
    short_hosts=frozenset({"apple.co"}),
)
