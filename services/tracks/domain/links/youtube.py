"""YouTube: watch pages of all its hosts, shorts, streams, embedded players and youtu.be."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "youtube"
_VIDEO = re.compile(r"[0-9A-Za-z_-]{11}")
_PLAYLIST = re.compile(r"[0-9A-Za-z_-]{2,64}")
_PREFIXES = ("embed", "shorts", "live", "v", "e")
# Paths of the embedded player that look like a video's id.
_NO_VIDEOS = ("videoseries", "live_stream")


def _read(link: Link) -> TrackReference:
    if link.host == "m.youtube.com":
        link = link.routed("/")
    match link.segments:
        case [key] if link.host == "youtu.be":
            return _video(key)
        case ["watch"] if "v" in link.query:
            return _video(link.query["v"])
        case ["watch" | "playlist"] | ["embed", "videoseries"] if "list" in link.query:
            return _playlist(link.query["list"])
        case [prefix, key] if prefix in _PREFIXES and key not in _NO_VIDEOS:
            return _video(key)
        case _:
            raise UnsupportedResourceError(_NAME)


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
    hosts=frozenset(
        {
            "youtube.com",
            "www.youtube.com",
            "m.youtube.com",
            "music.youtube.com",
            "gaming.youtube.com",
            "youtube-nocookie.com",
            "www.youtube-nocookie.com",
            "youtu.be",
        }
    ),
    read=_read,
)
