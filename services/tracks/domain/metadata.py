"""Metadata of a track: its values, its state, and the text that searches match."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from search_text import normalize_text
from servicekit.errors import FieldViolation, InvalidFieldsError

_LONGEST_TITLE = 400
_LONGEST_TEXT = 640
"""Characters: of up to four bytes each they fit into one index entry of PostgreSQL."""


class MetadataState(enum.StrEnum):
    """How complete the metadata of a track is."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class TrackMetadata:
    """Metadata of a track from a caller or a provider; None for unknown values."""

    title: str | None = None
    artist: str | None = None
    artwork_url: str | None = None
    duration_seconds: int | None = None
    isrc: str | None = None


def metadata_from_values(title: str, artist: str, artwork_url: str, duration_seconds: int) -> TrackMetadata:
    """Build TrackMetadata from a request's values; empty or zero means unknown.

    Raises InvalidFieldsError for artwork that is not on https: a page that shows it would mix secure and insecure
    content.
    """
    if artwork_url and not artwork_url.startswith("https://"):
        raise InvalidFieldsError(FieldViolation("artwork_url", "must begin with https://"))
    return TrackMetadata(title or None, artist or None, artwork_url or None, duration_seconds or None)


def search_text(title: str | None, artist: str | None) -> str | None:
    """Return the text that searches match: normalized title and artist; None if both are None.

    A long title is cut so that the artist fits. Texts that normalize to nothing give a space, which no query matches
    and which marks the row as computed.
    """
    if title is None and artist is None:
        return None
    parts = (normalize_text(title or "")[:_LONGEST_TITLE].rstrip(), normalize_text(artist or ""))
    return " ".join(part for part in parts if part)[:_LONGEST_TEXT].rstrip() or " "
