"""What becomes of a track once its provider was asked: its state, and when to ask again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from services.tracks.domain.facts import Facts
from services.tracks.domain.metadata import State
from services.tracks.domain.provider_parsers.provider_metadata import Answer

MAX_ATTEMPTS = 7
_FIRST_DELAY = 30.0
_FACTOR = 4.0
_LONGEST_DELAY = 86_400.0
_JITTER = 0.2


@dataclass(slots=True)
class Gathered:
    """What the sources of a track have told in one attempt.

    `told`: one of them answered, if only that there is nothing. `failed`: one of them may tell more another
    time, not before `retry_after` seconds.
    """

    facts: Facts = field(default_factory=Facts)
    aliases: tuple[str, ...] = ()
    told: bool = False
    failed: bool = False
    retry_after: float = 0.0

    @property
    def is_enough(self) -> bool:
        """Whether the next source need not be asked."""
        return self.facts.title is not None and self.facts.artist is not None

    def add(self, answer: Answer) -> None:
        """Take up what a source told; earlier sources know better."""
        self.told = True
        self.facts = merged(self.facts, answer.facts)
        self.aliases = (*self.aliases, *answer.aliases)

    def fail(self, retry_after: float | None) -> None:
        """Note that a source did not tell what it may tell later."""
        self.failed = True
        self.retry_after = max(self.retry_after, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state of a track after an attempt, and the seconds until the next; None: there is none."""

    state: State
    retry_in: float | None


def merged(first: Facts, second: Facts) -> Facts:
    """All that is known, by the first where both know."""
    return replace(
        second,
        **{name: value for name in Facts.__slots__ if (value := getattr(first, name)) is not None},
    )


def settle(before: State, known: Facts, gathered: Gathered, attempts: int, luck: float) -> Settlement:
    """What an attempt has led to.

    `known` is all that is known by now, `attempts` counts this one too, and `luck` from 0 to 1 spreads the
    delays, so that what failed together does not come back together. What was complete stays so.
    """
    complete = known.title is not None and known.artist is not None and gathered.facts.title is not None
    again = gathered.failed and not complete and attempts < MAX_ATTEMPTS
    if complete or before is State.COMPLETE:
        state = State.COMPLETE
    elif known.title is not None or known.artist is not None:
        state = State.PARTIAL
    else:
        state = before if again else State.FAILED
    return Settlement(state, _delay(attempts, gathered.retry_after, luck) if again else None)


def _delay(attempts: int, retry_after: float, luck: float) -> float:
    delay = max(_FIRST_DELAY * _FACTOR ** (attempts - 1), retry_after)
    return min(delay, _LONGEST_DELAY) * (1 + _JITTER * luck)
