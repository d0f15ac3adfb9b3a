"""What is known of a track, and how the answers of providers and callers add to it."""

from __future__ import annotations

import enum

from search_text import normalize_text

_LONGEST_TITLE = 400
_LONGEST_TEXT = 640
"""Characters; of up to four bytes each they fit into an index entry of PostgreSQL, which bounds its length."""


class State(enum.StrEnum):
    """How much is known of a track."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


def search_text(title: str | None, artist: str | None) -> str | None:
    """What a search looks into: title and artist folded, in this order; None when there are none.

    Of a title that is long when folded only the start is searched, so that the artist has room. Where folding
    leaves nothing the text is a space, which no query finds: it says that there is nothing left to fold.
    """
    if title is None and artist is None:
        return None
    parts = (normalize_text(title or "")[:_LONGEST_TITLE].rstrip(), normalize_text(artist or ""))
    return " ".join(part for part in parts if part)[:_LONGEST_TEXT].rstrip() or " "
