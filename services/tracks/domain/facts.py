"""What somebody else knows of a track."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit.errors import FieldViolation, InvalidFieldsError


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caller or a provider knows of a track; None where they know nothing."""

    title: str | None = None
    artist: str | None = None
    artwork_url: str | None = None
    duration_seconds: int | None = None
    isrc: str | None = None


def facts(title: str, artist: str, artwork_url: str, duration_seconds: int) -> Facts:
    """Facts of plain values, empty or zero where nothing is known.

    White space around a text says nothing. Raises InvalidFieldsError for artwork that is not on https: a page
    that shows it would otherwise mix secure and insecure content.
    """
    if artwork_url and not artwork_url.startswith("https://"):
        raise InvalidFieldsError(FieldViolation("artwork_url", "must begin with https://"))
    return Facts(title.strip() or None, artist.strip() or None, artwork_url or None, duration_seconds or None)
