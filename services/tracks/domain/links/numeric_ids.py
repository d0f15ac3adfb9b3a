"""Links of a kind and a numeric id, such as `/track/2`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind

# No leading zeros, so that every id has one spelling.
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def last_pair(segments: Sequence[str], kinds: Mapping[str, Kind], provider: str) -> tuple[Kind, str]:
    """Return the last kind of a path and the segment after it: track 2 of `/album/1/track/2`.

    Raises UnsupportedResourceError if the path has no kind.
    """
    for index in range(len(segments) - 2, -1, -1):
        kind = kinds.get(segments[index])
        if kind is not None:
            return kind, segments[index + 1]
    raise UnsupportedResourceError(provider)


def numeric_id(text: str, provider: str) -> str:
    """Return the text if it is a numeric id. Raises InvalidUrlError."""
    if not _NUMBER.fullmatch(text):
        raise InvalidUrlError(f"not a numeric {provider} id")
    return text
