"""The answer of the parser."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What a link points to."""

    TRACK = "TRACK"
    ALBUM = "ALBUM"
    PLAYLIST = "PLAYLIST"
    ARTIST = "ARTIST"
    VIDEO = "VIDEO"
    EPISODE = "EPISODE"


@dataclass(frozen=True, slots=True)
class Reference:
    """Something at a provider, by the provider's own id and canonical address.

    A short link has neither kind nor id before it is followed: `kind` is None, `provider_id` empty and
    `url` the cleaned link itself. Reading `url` again gives an equal reference.
    """

    provider: str
    kind: Kind | None
    provider_id: str
    url: str

    @property
    def needs_resolution(self) -> bool:
        """Whether only following the link tells where it leads."""
        return self.kind is None
