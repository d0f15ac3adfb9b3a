"""The result of an enrichment attempt: the state of the track and the time of the next attempt."""

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
    """The combined responses of a track's sources in one attempt.

    `responded`: a source responded, even with no metadata. `failed`: a source failed transiently; it may be retried
    after `retry_after` seconds.
    """

    metadata: TrackMetadata = field(default_factory=TrackMetadata)
    aliases: tuple[str, ...] = ()
    responded: bool = False
    failed: bool = False
    retry_after: float = 0.0

    @property
    def is_sufficient(self) -> bool:
        """Return True if the remaining sources need not be queried."""
        return self.metadata.title is not None and self.metadata.artist is not None

    def add(self, answer: ProviderMetadata) -> None:
        """Add the metadata of a source; that of earlier sources takes precedence."""
        self.responded = True
        self.metadata = merge(self.metadata, answer.metadata)
        self.aliases = (*self.aliases, *answer.aliases)

    def fail(self, retry_after: float | None) -> None:
        """Record the transient failure of a source."""
        self.failed = True
        self.retry_after = max(self.retry_after, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """The state of a track after an attempt, and the seconds until the next; None for no further attempt."""

    state: MetadataState
    retry_in: float | None


def merge(first: TrackMetadata, second: TrackMetadata) -> TrackMetadata:
    """Merge two sets of metadata; the first takes precedence."""
    return replace(
        second,
        **{name: value for name in TrackMetadata.__slots__ if (value := getattr(first, name)) is not None},
    )


def next_attempt(
    before: MetadataState, known: TrackMetadata, result: EnrichmentResult, attempts: int, jitter: float
) -> NextAttempt:
    """Decide the state and the next attempt of a track. A complete track stays complete.

    `known` is the merged metadata, `attempts` includes this one, and `jitter` from 0 to 1 spreads retries in time.
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
