"""Links in which a kind and a number follow one another, as some providers build them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind

# A leading zero would be a second way to write the same number.
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def last_pair(segments: Sequence[str], kinds: Mapping[str, Kind], provider: str) -> tuple[Kind, str]:
    """The last kind of a path with what stands behind it: `/album/1/track/2` is about track 2.

    Raises UnsupportedResourceError when the path names no kind.
    """
    for place in range(len(segments) - 2, -1, -1):
        kind = kinds.get(segments[place])
        if kind is not None:
            return kind, segments[place + 1]
    raise UnsupportedResourceError(provider)


def numeric_id(text: str, provider: str) -> str:
    """The text, which must be a provider's number. Raises InvalidUrlError."""
    if not _NUMBER.fullmatch(text):
        raise InvalidUrlError(f"this is no number of something at {provider}")
    return text
