"""YouTube: watch pages of all its hosts, shorts, streams, embedded players and youtu.be."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link, read_link
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "youtube"
_VIDEO = re.compile(r"[0-9A-Za-z_-]{11}")
_PLAYLIST = re.compile(r"[0-9A-Za-z_-]{2,64}")
_PREFIXES = ("embed", "shorts", "live", "v", "vi", "e", "watch")
_SHORT_HOSTS = frozenset({"youtu.be", "www.youtu.be"})
_HOSTS = _SHORT_HOSTS | {
    "youtube.com",
    "www.youtube.com",
    "m.youtube.com",
    "music.youtube.com",
    "gaming.youtube.com",
    "youtube-nocookie.com",
    "www.youtube-nocookie.com",
    "youtube.googleapis.com",
    "www.youtubekids.com",
}
# Paths of the embedded player that look like a video's id.
_NO_VIDEOS = ("videoseries", "live_stream")


def _read(link: Link) -> TrackReference:
    if link.host == "m.youtube.com":
        link = link.routed("/")
    match link.segments:
        case [key, *_] if link.host in _SHORT_HOSTS:
            return _video(_before_parameters(key))
        case [] | ["watch" | "watch_popup"] if "v" in link.query or "vi" in link.query:
            return _video(link.query.get("v", link.query.get("vi", "")))
        case ["attribution_link"] if "u" in link.query:
            return _read_page(f"https://www.youtube.com{link.query['u']}")
        case ["oembed"] if "url" in link.query:
            return _read_page(link.query["url"])
        case ["watch" | "playlist"] | ["embed", "videoseries"] if "list" in link.query:
            return _playlist(link.query["list"])
        case [prefix, key] if prefix in _PREFIXES and key not in _NO_VIDEOS:
            return _video(_before_parameters(key))
        case _:
            raise UnsupportedResourceError(_NAME)


def _read_page(url: str) -> TrackReference:
    """Return the reference of the page that a link's query names; its host must be YouTube's."""
    page = read_link(url)
    if page.host not in _HOSTS or page.segments[:1] in (("oembed",), ("attribution_link",)):
        raise UnsupportedResourceError(_NAME)
    return _read(page)


def _before_parameters(key: str) -> str:
    """Return a path's id without the parameters that old embedding code put behind it: `ID&rel=0`."""
    return key.partition("&")[0]


def _video(key: str) -> TrackReference:
    if not _VIDEO.fullmatch(key):
        raise InvalidUrlError("a YouTube id has 11 letters, digits, dashes and underscores")
    return TrackReference(_NAME, Kind.TRACK, key, f"https://www.youtube.com/watch?v={key}")


def _playlist(key: str) -> TrackReference:
    if not _PLAYLIST.fullmatch(key):
        raise InvalidUrlError("this is no id of a YouTube playlist")
    return TrackReference(_NAME, Kind.PLAYLIST, key, f"https://www.youtube.com/playlist?list={key}")


PROVIDER = Provider(
    name=_NAME,
    hosts=_HOSTS,
    read=_read,
)
