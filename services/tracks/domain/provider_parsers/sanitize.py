"""Sanitizes providers' values for the columns of a track."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from urllib.parse import quote, urljoin, urlsplit

from services.tracks.domain.metadata import TrackMetadata

_TEXT = 500
_ADDRESS = 2048
_DAY = 86_400
# Control characters except white space, lone surrogates, and bidirectional controls.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ARTWORK = re.compile(r"https://[0-9A-Za-z][0-9A-Za-z.-]*(?::443)?(?:[/?#][!#-;=?-\[\]_a-z~]*)?")
# All that a URL may have, and the percent sign of what is escaped already.
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def sanitize_metadata(
    title: object = None,
    artist: object = None,
    artwork_url: object = None,
    seconds: object = None,
    isrc: object = None,
) -> TrackMetadata:
    """Build TrackMetadata from untrusted values; None for invalid ones.

    Texts are in NFC, without controls, with single spaces and of up to 500 characters; artwork is on https
    and has up to 2,048 bytes; the duration is rounded to whole seconds, 1 to 86,400.
    """
    return TrackMetadata(
        title=sanitize_text(title),
        artist=sanitize_text(artist),
        artwork_url=_artwork(artwork_url),
        duration_seconds=_duration(seconds),
        isrc=_isrc(isrc),
    )


def sanitize_text(value: object) -> str | None:
    """Return a text on one line; None for an empty text or another type."""
    if not isinstance(value, str):
        return None
    text = " ".join(_DROPPED.sub("", value[: _TEXT * 20]).split())
    # At most four characters become one; more would be normalized for nothing, and marks take quadratic time.
    return unicodedata.normalize("NFC", text[: _TEXT * 4])[:_TEXT].rstrip() or None


def unescape(value: object) -> str | None:
    """Return a text with its HTML entities decoded; None for another type."""
    if not isinstance(value, str):
        return None
    try:
        return html.unescape(value)
    except ValueError:
        # A character reference of thousands of digits.
        return value


def resolve_image(base_url: str, value: object) -> str | None:
    """Return the absolute URL of a page's image, with spaces and letters beyond ASCII escaped; None for no URL."""
    if not isinstance(value, str) or not value.strip() or len(value) > _ADDRESS:
        return None
    try:
        return quote(urlsplit(urljoin(base_url, value.strip())).geturl(), safe=_URL_CHARACTERS)
    except ValueError:
        return None


def _artwork(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _ADDRESS or not _ARTWORK.fullmatch(value):
        return None
    return value


def _duration(value: object) -> int | None:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)
    # Compared before any arithmetic: the value may be infinite, NaN, or an integer of a thousand digits.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _DAY:
        return None
    return math.floor(value + 0.5) or None


def _isrc(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    code = value.strip().upper().replace("-", "")
    return code if _ISRC.fullmatch(code) else None
