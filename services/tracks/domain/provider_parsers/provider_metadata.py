"""What a provider's answer comes to."""

from __future__ import annotations

from dataclasses import dataclass

from services.tracks.domain.facts import Facts


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider tells of a track; no fact at all when it knows no such track.

    `aliases` are other links of the same track, in the form of `Reference.url` of a link that needs
    resolution.
    """

    facts: Facts
    aliases: tuple[str, ...] = ()


class UnreadableAnswerError(Exception):
    """The answer is not of the format it should be. The text says why, and repeats nothing of it."""
