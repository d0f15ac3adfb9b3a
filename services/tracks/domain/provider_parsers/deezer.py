"""Parser of a track of Deezer's API."""

from __future__ import annotations

from services.tracks.domain.metadata import TrackMetadata
from services.tracks.domain.provider_parsers.json_document import member, parse_object
from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import sanitize_metadata

_NO_SUCH_TRACK = 800
_COVERS = ("cover_xl", "cover_big", "cover_medium")


def parse_deezer(content: bytes, content_type: str) -> ProviderMetadata:
    """Parse a track. Deezer returns errors with status 200: that of an unknown track means no metadata."""
    track = parse_object(content, content_type)
    if "error" in track:
        if member(track, "error", "code") == _NO_SUCH_TRACK:
            return ProviderMetadata(TrackMetadata())
        raise ParseError("Deezer returned an error")
    if not isinstance(track.get("title"), str):
        raise ParseError("a track of Deezer without a title")
    covers = (member(track, "album", name) for name in _COVERS)
    return ProviderMetadata(
        sanitize_metadata(
            track["title"],
            member(track, "artist", "name"),
            next((cover for cover in covers if cover), None),
            track.get("duration"),
            track.get("isrc"),
        )
    )
