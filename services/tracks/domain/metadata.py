"""What is known of a track, and how the answers of providers and callers add to it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from search_text import normalize_text
from servicekit.errors import FieldViolation, InvalidFieldsError

_LONGEST_TITLE = 400
_LONGEST_TEXT = 640
"""Characters; of up to four bytes each they fit into an index entry of PostgreSQL, which bounds its length."""


class MetadataState(enum.StrEnum):
    """How much is known of a track."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class TrackMetadata:
    """What a caller or a provider knows of a track; None where they know nothing."""

    title: str | None = None
    artist: str | None = None
    artwork_url: str | None = None
    duration_seconds: int | None = None
    isrc: str | None = None


def metadata_from_values(title: str, artist: str, artwork_url: str, duration_seconds: int) -> TrackMetadata:
    """TrackMetadata of plain values, empty or zero where nothing is known.

    White space around a text says nothing. Raises InvalidFieldsError for artwork that is not on https: a page
    that shows it would otherwise mix secure and insecure content.
    """
    if artwork_url and not artwork_url.startswith("https://"):
        raise InvalidFieldsError(FieldViolation("artwork_url", "must begin with https://"))
    return TrackMetadata(
        title.strip() or None, artist.strip() or None, artwork_url or None, duration_seconds or None
    )


def search_text(title: str | None, artist: str | None) -> str | None:
    """What a search looks into: title and artist folded, in this order; None when there are none.

    Of a title that is long when folded only the start is searched, so that the artist has room. Where folding
    leaves nothing the text is a space, which no query finds: it says that there is nothing left to fold.
    """
    if title is None and artist is None:
        return None
    parts = (normalize_text(title or "")[:_LONGEST_TITLE].rstrip(), normalize_text(artist or ""))
    return " ".join(part for part in parts if part)[:_LONGEST_TEXT].rstrip() or " "
