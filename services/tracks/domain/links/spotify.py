"""Spotify: open.spotify.com pages, the embedded player, `spotify:` URIs and two short hosts."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "spotify"
_SCHEME = "spotify"
_KINDS = {
    "track": Kind.TRACK,
    "album": Kind.ALBUM,
    "playlist": Kind.PLAYLIST,
    "artist": Kind.ARTIST,
    "episode": Kind.EPISODE,
}
_ID = re.compile(r"[0-9A-Za-z]{22}")
_LANGUAGE = re.compile(r"intl-[A-Za-z0-9-]{2,10}")
_EMBEDDED = ("embed", "embed-podcast")


def _read(link: Link) -> TrackReference:
    segments = list(link.segments)
    if segments and _LANGUAGE.fullmatch(segments[0]):
        del segments[0]
    if segments and segments[0] in _EMBEDDED:
        del segments[0]
    if not segments and "uri" in link.query:
        return _read_address(link.query["uri"])
    return _reference(segments)


def _read_address(address: str) -> TrackReference:
    scheme, *parts = address.partition("?")[0].split(":")
    if scheme.lower() != _SCHEME:
        raise InvalidUrlError("not a spotify: URI")
    return _reference(parts)


def _reference(parts: list[str]) -> TrackReference:
    """Return the reference of `track, ID`, of an album's track, or of the older form `user, NAME, playlist, ID`."""
    match parts:
        case ["user", _, "playlist", key]:
            name = "playlist"
        case ["album" as name, key, highlighted] if _ID.fullmatch(highlighted):
            pass
        case [name, key] if name in _KINDS:
            pass
        case _:
            raise UnsupportedResourceError(_NAME)
    if not _ID.fullmatch(key):
        raise InvalidUrlError("a Spotify id has 22 letters and digits")
    return TrackReference(_NAME, _KINDS[name], key, f"https://open.spotify.com/{name}/{key}")


PROVIDER = Provider(
    name=_NAME,
    hosts=frozenset({"open.spotify.com", "www.open.spotify.com", "play.spotify.com", "embed.spotify.com"}),
    read=_read,
    short_hosts=frozenset({"spotify.link", "spoti.fi"}),
    address_scheme=_SCHEME,
    read_address=_read_address,
)
