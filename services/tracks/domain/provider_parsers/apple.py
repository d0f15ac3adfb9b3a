"""Parser of the lookup of Apple's iTunes Search API."""

from __future__ import annotations

import re

from services.tracks.domain.metadata import TrackMetadata
from services.tracks.domain.provider_parsers.json_document import member, parse_object
from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import sanitize_metadata

# The size is part of the artwork's URL; Apple serves any size.
_SIZE = re.compile(r"/100x100(bb)?\.(?=[a-z]{3,4}\Z)")


def parse_apple(content: bytes, content_type: str) -> ProviderMetadata:
    """Parse a track; no metadata for an id that is unknown in the storefront."""
    results = parse_object(content, content_type).get("results")
    if not isinstance(results, list):
        raise ParseError("a lookup without results")
    if not results:
        return ProviderMetadata(TrackMetadata())
    artwork = member(results[0], "artworkUrl100")
    millis = member(results[0], "trackTimeMillis")
    return ProviderMetadata(
        sanitize_metadata(
            member(results[0], "trackName"),
            member(results[0], "artistName"),
            _SIZE.sub("/600x600bb.", artwork) if isinstance(artwork, str) else None,
            (millis + 500) // 1000 if isinstance(millis, int | float) else None,
        )
    )
