"""What becomes of a track once its provider was asked: its state, and when to ask again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.provider_parsers.provider_metadata import ProviderMetadata

MAX_ATTEMPTS = 7
_FIRST_DELAY = 30.0
_FACTOR = 4.0
_LONGEST_DELAY = 86_400.0
_JITTER = 0.2


@dataclass(slots=True)
class EnrichmentResult:
    """What the sources of a track have responded in one attempt.

    `responded`: one of them answered, if only that there is nothing. `failed`: one of them may tell more another
    time, not before `retry_after` seconds.
    """

    metadata: TrackMetadata = field(default_factory=TrackMetadata)
    aliases: tuple[str, ...] = ()
    responded: bool = False
    failed: bool = False
    retry_after: float = 0.0

    @property
    def is_sufficient(self) -> bool:
        """Whether the next source need not be asked."""
        return self.metadata.title is not None and self.metadata.artist is not None

    def add(self, answer: ProviderMetadata) -> None:
        """Take up what a source responded; earlier sources know better."""
        self.responded = True
        self.metadata = merge(self.metadata, answer.metadata)
        self.aliases = (*self.aliases, *answer.aliases)

    def fail(self, retry_after: float | None) -> None:
        """Note that a source did not tell what it may tell later."""
        self.failed = True
        self.retry_after = max(self.retry_after, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """The state of a track after an attempt, and the seconds until the next; None: there is none."""

    state: MetadataState
    retry_in: float | None


def merge(first: TrackMetadata, second: TrackMetadata) -> TrackMetadata:
    """All that is known, by the first where both know."""
    return replace(
        second,
        **{name: value for name in TrackMetadata.__slots__ if (value := getattr(first, name)) is not None},
    )


def next_attempt(
    before: MetadataState, known: TrackMetadata, result: EnrichmentResult, attempts: int, jitter: float
) -> NextAttempt:
    """What an attempt has led to.

    `known` is all that is known by now, `attempts` counts this one too, and `jitter` from 0 to 1 spreads the
    delays, so that what failed together does not come back together. What was complete stays so.
    """
    complete = known.title is not None and known.artist is not None and result.metadata.title is not None
    again = result.failed and not complete and attempts < MAX_ATTEMPTS
    if complete or before is MetadataState.COMPLETE:
        state = MetadataState.COMPLETE
    elif known.title is not None or known.artist is not None:
        state = MetadataState.PARTIAL
    else:
        state = before if again else MetadataState.FAILED
    return NextAttempt(state, _delay(attempts, result.retry_after, jitter) if again else None)


def _delay(attempts: int, retry_after: float, jitter: float) -> float:
    delay = max(_FIRST_DELAY * _FACTOR ** (attempts - 1), retry_after)
    return min(delay, _LONGEST_DELAY) * (1 + _JITTER * jitter)
