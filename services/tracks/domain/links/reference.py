"""The answer of the parser."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.StrEnum):
    """What a link points to."""

    TRACK = "TRACK"
    ALBUM = "ALBUM"
    PLAYLIST = "PLAYLIST"
    ARTIST = "ARTIST"
    VIDEO = "VIDEO"
    EPISODE = "EPISODE"


class TrackReference(NamedTuple):
    """Something at a provider, by the provider's own id and canonical address.

    A link that has to be followed has neither kind nor id before: `kind` is None, `provider_id` empty and
    `url` the address to follow. Reading `url` again gives an equal reference. `provider_id` has up to 401
    characters and `url` up to 500, all of them ASCII.
    """

    provider: str
    kind: Kind | None
    provider_id: str
    url: str

    @property
    def needs_resolution(self) -> bool:
        """Whether only following the link tells where it leads."""
        return self.kind is None
