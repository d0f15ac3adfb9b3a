"""States and retries after an enrichment attempt."""

import pytest

from services.tracks.domain.enrichment import MAX_ATTEMPTS, EnrichmentResult, NextAttempt, merge, next_attempt
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.provider_parsers.provider_metadata import ProviderMetadata

BOTH = TrackMetadata("T", "A")
TITLE = TrackMetadata("T")
NOTHING = TrackMetadata()


def responded(metadata: TrackMetadata) -> EnrichmentResult:
    """The result of a response with this metadata."""
    return EnrichmentResult(metadata, responded=True)


def failed(metadata: TrackMetadata = NOTHING, retry_after: float = 0) -> EnrichmentResult:
    """The result of a response with this metadata and a transient failure."""
    return EnrichmentResult(metadata, failed=True, retry_after=retry_after)


@pytest.mark.parametrize(
    ("before", "known", "result", "after", "again"),
    [
        (MetadataState.PENDING, BOTH, responded(BOTH), MetadataState.COMPLETE, False),
        (MetadataState.FAILED, BOTH, responded(BOTH), MetadataState.COMPLETE, False),
        (MetadataState.PENDING, TITLE, responded(TITLE), MetadataState.PARTIAL, False),
        (MetadataState.PENDING, NOTHING, responded(NOTHING), MetadataState.FAILED, False),
        # Known before; not in the provider's response.
        (MetadataState.PARTIAL, BOTH, responded(NOTHING), MetadataState.PARTIAL, False),
        # The title is the provider's, the artist a caller's.
        (MetadataState.PARTIAL, BOTH, responded(TITLE), MetadataState.COMPLETE, False),
        (MetadataState.PENDING, NOTHING, failed(), MetadataState.PENDING, True),
        (MetadataState.FAILED, NOTHING, failed(), MetadataState.FAILED, True),
        (MetadataState.PENDING, TITLE, failed(TITLE), MetadataState.PARTIAL, True),
        (MetadataState.PARTIAL, BOTH, failed(), MetadataState.PARTIAL, True),
        (MetadataState.PENDING, BOTH, failed(BOTH), MetadataState.COMPLETE, False),
        # A refresh does not lower the state.
        (MetadataState.COMPLETE, BOTH, failed(), MetadataState.COMPLETE, True),
        (MetadataState.COMPLETE, BOTH, responded(NOTHING), MetadataState.COMPLETE, False),
    ],
)
def test_next_attempt(
    before: MetadataState, known: TrackMetadata, result: EnrichmentResult, after: MetadataState, again: bool
) -> None:
    found = next_attempt(before, known, result, 1, 0.0)
    assert found == NextAttempt(after, 30.0 if again else None)


@pytest.mark.parametrize(
    ("known", "after"),
    [(NOTHING, MetadataState.FAILED), (TITLE, MetadataState.PARTIAL), (BOTH, MetadataState.PARTIAL)],
)
def test_next_attempt_ends_after_the_last(known: TrackMetadata, after: MetadataState) -> None:
    assert next_attempt(MetadataState.PENDING, known, failed(), MAX_ATTEMPTS - 1, 0.0).retry_in is not None
    assert next_attempt(MetadataState.PENDING, known, failed(), MAX_ATTEMPTS, 0.0) == NextAttempt(after, None)


@pytest.mark.parametrize(
    ("attempts", "retry_after", "jitter", "seconds"),
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
def test_next_attempt_backs_off_and_respects_retry_after(
    attempts: int, retry_after: float, jitter: float, seconds: float
) -> None:
    found = next_attempt(MetadataState.PENDING, NOTHING, failed(retry_after=retry_after), attempts, jitter)
    assert found.retry_in == pytest.approx(seconds)


def test_enrichment_result_keeps_the_first_of_each_field_and_all_aliases() -> None:
    result = EnrichmentResult()
    result.add(ProviderMetadata(TrackMetadata("T", None, None, 5), ("https://a.example/1",)))
    before = result.is_sufficient
    result.add(
        ProviderMetadata(
            TrackMetadata("Other", "A", "https://img.example/a", 6, "GBAYE9200070"), ("https://a.example/2",)
        )
    )
    assert result.metadata == TrackMetadata("T", "A", "https://img.example/a", 5, "GBAYE9200070")
    assert result.aliases == ("https://a.example/1", "https://a.example/2")
    assert (before, result.is_sufficient) == (False, True)
    result.fail(None)
    result.fail(7)
    result.fail(3)
    assert (result.failed, result.retry_after) == (True, 7)


def test_merge_prefers_the_first() -> None:
    assert merge(TrackMetadata("T", None), TrackMetadata("X", "A", None, 9)) == TrackMetadata(
        "T", "A", None, 9
    )
    assert merge(NOTHING, NOTHING) == NOTHING
