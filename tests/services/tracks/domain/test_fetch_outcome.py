"""Classes of fetches."""

import pytest

from servicekit.clock import Micros
from services.tracks.domain.fetch_outcome import FetchOutcome, classify
from services.tracks.domain.web.fetch_response import CachedResponse, Failure

_LATER = {
    Failure.DNS_FAILED,
    Failure.DNS_TIMEOUT,
    Failure.CONNECT_FAILED,
    Failure.CONNECT_TIMEOUT,
    Failure.TLS_FAILED,
    Failure.ANSWER_TIMEOUT,
    Failure.TOTAL_TIMEOUT,
    Failure.CONNECTION_LOST,
    Failure.PROTOCOL_ERROR,
}


def fetched(status: int | None, failure: Failure | None = None) -> CachedResponse:
    """The result of a fetch."""
    return CachedResponse(
        "https://a.example/", None, status, "", b"", failure, Micros(0), None, from_cache=False
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, FetchOutcome.SUCCESS),
        (204, FetchOutcome.SUCCESS),
        (304, FetchOutcome.PERMANENT_FAILURE),
        (400, FetchOutcome.PERMANENT_FAILURE),
        (401, FetchOutcome.PERMANENT_FAILURE),
        (403, FetchOutcome.PERMANENT_FAILURE),
        (404, FetchOutcome.NOT_FOUND),
        (410, FetchOutcome.NOT_FOUND),
        (408, FetchOutcome.TRANSIENT_FAILURE),
        (425, FetchOutcome.TRANSIENT_FAILURE),
        (429, FetchOutcome.TRANSIENT_FAILURE),
        (500, FetchOutcome.TRANSIENT_FAILURE),
        (503, FetchOutcome.TRANSIENT_FAILURE),
        (599, FetchOutcome.TRANSIENT_FAILURE),
        (None, FetchOutcome.TRANSIENT_FAILURE),
    ],
)
def test_classify_status(status: int | None, expected: FetchOutcome) -> None:
    assert classify(fetched(status)) is expected


@pytest.mark.parametrize("failure", Failure)
def test_classify_failure(failure: Failure) -> None:
    expected = FetchOutcome.TRANSIENT_FAILURE if failure in _LATER else FetchOutcome.PERMANENT_FAILURE
    assert classify(fetched(None, failure)) is expected
    # The status before a failure, such as that of a body that is too large, does not count.
    assert classify(fetched(200, failure)) is expected
