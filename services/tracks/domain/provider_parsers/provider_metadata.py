"""What a provider's answer comes to."""

from __future__ import annotations

from dataclasses import dataclass

from services.tracks.domain.metadata import TrackMetadata


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider tells of a track; no fact at all when it knows no such track.

    `aliases` are other links of the same track, in the form of `TrackReference.url` of a link that needs
    resolution.
    """

    metadata: TrackMetadata
    aliases: tuple[str, ...] = ()


class ParseError(Exception):
    """The answer is not of the format it should be. The text says why, and repeats nothing of it."""
