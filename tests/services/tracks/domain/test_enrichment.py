"""States of tracks after their provider was asked, and when it is asked again."""

import pytest

from services.tracks.domain.enrichment import MAX_ATTEMPTS, Gathered, Settlement, merged, settle
from services.tracks.domain.facts import Facts
from services.tracks.domain.metadata import State
from services.tracks.domain.provider_parsers.provider_metadata import Answer

BOTH = Facts("T", "A")
TITLE = Facts("T")
NOTHING = Facts()


def told(facts: Facts) -> Gathered:
    """A provider told this."""
    return Gathered(facts, told=True)


def failed(facts: Facts = NOTHING, retry_after: float = 0) -> Gathered:
    """A provider told this, and may tell more."""
    return Gathered(facts, failed=True, retry_after=retry_after)


@pytest.mark.parametrize(
    ("before", "known", "gathered", "after", "again"),
    [
        (State.PENDING, BOTH, told(BOTH), State.COMPLETE, False),
        (State.FAILED, BOTH, told(BOTH), State.COMPLETE, False),
        (State.PENDING, TITLE, told(TITLE), State.PARTIAL, False),
        (State.PENDING, NOTHING, told(NOTHING), State.FAILED, False),
        # Somebody else knew; the provider did not.
        (State.PARTIAL, BOTH, told(NOTHING), State.PARTIAL, False),
        # The provider told the title, somebody else the artist.
        (State.PARTIAL, BOTH, told(TITLE), State.COMPLETE, False),
        (State.PENDING, NOTHING, failed(), State.PENDING, True),
        (State.FAILED, NOTHING, failed(), State.FAILED, True),
        (State.PENDING, TITLE, failed(TITLE), State.PARTIAL, True),
        (State.PARTIAL, BOTH, failed(), State.PARTIAL, True),
        (State.PENDING, BOTH, failed(BOTH), State.COMPLETE, False),
        # A refresh takes nothing away.
        (State.COMPLETE, BOTH, failed(), State.COMPLETE, True),
        (State.COMPLETE, BOTH, told(NOTHING), State.COMPLETE, False),
    ],
)
def test_settle(before: State, known: Facts, gathered: Gathered, after: State, again: bool) -> None:
    found = settle(before, known, gathered, 1, 0.0)
    assert found == Settlement(after, 30.0 if again else None)


@pytest.mark.parametrize(
    ("known", "after"), [(NOTHING, State.FAILED), (TITLE, State.PARTIAL), (BOTH, State.PARTIAL)]
)
def test_settle_gives_up_after_the_last_attempt(known: Facts, after: State) -> None:
    assert settle(State.PENDING, known, failed(), MAX_ATTEMPTS - 1, 0.0).retry_in is not None
    assert settle(State.PENDING, known, failed(), MAX_ATTEMPTS, 0.0) == Settlement(after, None)


@pytest.mark.parametrize(
    ("attempts", "retry_after", "luck", "seconds"),
    [
        (1, 0, 0.0, 30),
        (1, 0, 1.0, 36),
        (2, 0, 0.0, 120),
        (6, 0, 0.0, 30_720),
        (1, 600, 0.0, 600),
        (1, 600, 0.5, 660),
        (3, 60, 0.0, 480),
        (1, 1e9, 0.0, 86_400),
    ],
)
def test_settle_waits_longer_each_time_and_as_long_as_it_is_told(
    attempts: int, retry_after: float, luck: float, seconds: float
) -> None:
    found = settle(State.PENDING, NOTHING, failed(retry_after=retry_after), attempts, luck)
    assert found.retry_in == pytest.approx(seconds)


def test_gathered_takes_the_first_of_each_fact_and_all_aliases() -> None:
    gathered = Gathered()
    gathered.add(Answer(Facts("T", None, None, 5), ("https://a.example/1",)))
    before = gathered.is_enough
    gathered.add(
        Answer(Facts("Other", "A", "https://img.example/a", 6, "GBAYE9200070"), ("https://a.example/2",))
    )
    assert gathered.facts == Facts("T", "A", "https://img.example/a", 5, "GBAYE9200070")
    assert gathered.aliases == ("https://a.example/1", "https://a.example/2")
    assert (before, gathered.is_enough) == (False, True)
    gathered.fail(None)
    gathered.fail(7)
    gathered.fail(3)
    assert (gathered.failed, gathered.retry_after) == (True, 7)


def test_merged_prefers_the_first() -> None:
    assert merged(Facts("T", None), Facts("X", "A", None, 9)) == Facts("T", "A", None, 9)
    assert merged(NOTHING, NOTHING) == NOTHING
