"""Parsers of the oEmbed of YouTube, Spotify and SoundCloud."""

from __future__ import annotations

import re
from collections.abc import Mapping

from servicekit.errors import ServiceError
from services.tracks.domain.links.registry import parse
from services.tracks.domain.provider_parsers.json_document import parse_object
from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import sanitize_metadata, sanitize_text, unescape

_FRAME = re.compile(r"""<iframe\b[^>]{0,500}?\ssrc=["']([^"']{1,2000})["']""")
_FRAME_LENGTH = 4000
# Channels that YouTube generates for artists.
_TOPIC = " - Topic"


def parse_youtube(content: bytes, content_type: str) -> ProviderMetadata:
    """Parse a video; the channel is the artist."""
    oembed = _oembed(content, content_type)
    channel = sanitize_text(oembed.get("author_name"))
    artist = channel.removesuffix(_TOPIC) if channel else None
    return ProviderMetadata(sanitize_metadata(oembed.get("title"), artist, oembed.get("thumbnail_url")))


def parse_spotify(content: bytes, content_type: str) -> ProviderMetadata:
    """Parse a track: title and artwork; Spotify's oEmbed has no artist."""
    oembed = _oembed(content, content_type)
    return ProviderMetadata(sanitize_metadata(oembed.get("title"), None, oembed.get("thumbnail_url")))


def parse_soundcloud(content: bytes, content_type: str) -> ProviderMetadata:
    """Parse a track: the title ends in its author, the embedded player's URL is an alias."""
    oembed = _oembed(content, content_type)
    title, artist = sanitize_text(oembed.get("title")), sanitize_text(oembed.get("author_name"))
    if title and artist:
        title = title.removesuffix(f" by {artist}")
    return ProviderMetadata(
        sanitize_metadata(title, artist, oembed.get("thumbnail_url")), _embedded_link(oembed.get("html"))
    )


def _oembed(content: bytes, content_type: str) -> Mapping[str, object]:
    oembed = parse_object(content, content_type)
    if not isinstance(oembed.get("title"), str):
        raise ParseError("oEmbed without a title")
    return oembed


def _embedded_link(html: object) -> tuple[str, ...]:
    """Return the link in an embedded player, if it is a numeric one."""
    frame = _FRAME.search(html[:_FRAME_LENGTH]) if isinstance(html, str) else None
    if frame is None:
        return ()
    try:
        reference = parse(unescape(frame[1]) or "")
    except ServiceError:
        return ()
    return (reference.url,) if reference.provider == "soundcloud" and reference.needs_resolution else ()
