"""The result of parsing a link."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.StrEnum):
    """The kind of resource that a link points to."""

    TRACK = "TRACK"
    ALBUM = "ALBUM"
    PLAYLIST = "PLAYLIST"
    ARTIST = "ARTIST"
    VIDEO = "VIDEO"
    EPISODE = "EPISODE"


class TrackReference(NamedTuple):
    """A resource at a provider, by the provider's id and canonical URL.

    Before a link is resolved `kind` is None, `provider_id` empty and `url` the URL to follow. Parsing `url` returns an
    equal reference. `provider_id` has up to 401 characters and `url` up to 500, all ASCII.
    """

    provider: str
    kind: Kind | None
    provider_id: str
    url: str

    @property
    def needs_resolution(self) -> bool:
        """Return True if the link must be followed."""
        return self.kind is None
