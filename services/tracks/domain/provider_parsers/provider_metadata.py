"""The result of parsing a provider's response."""

from __future__ import annotations

from dataclasses import dataclass

from services.tracks.domain.metadata import TrackMetadata


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The metadata and aliases of a track; empty if the provider does not know it.

    `aliases` are other links of the track, each the `TrackReference.url` of a link that needs resolution.
    """

    metadata: TrackMetadata
    aliases: tuple[str, ...] = ()


class ParseError(Exception):
    """The response does not have the expected format. The message does not repeat its content."""
