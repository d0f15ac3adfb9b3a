"""What the end of a fetch means."""

import pytest

from servicekit.clock import Micros
from services.tracks.domain.fetch_outcome import Outcome, outcome
from services.tracks.domain.web.fetch_response import Failure, Fetched

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


def fetched(status: int | None, failure: Failure | None = None) -> Fetched:
    """The end of a fetch."""
    return Fetched("https://a.example/", None, status, "", b"", failure, Micros(0), None, from_cache=False)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Outcome.TOLD),
        (204, Outcome.TOLD),
        (304, Outcome.REFUSED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (404, Outcome.GONE),
        (410, Outcome.GONE),
        (408, Outcome.LATER),
        (425, Outcome.LATER),
        (429, Outcome.LATER),
        (500, Outcome.LATER),
        (503, Outcome.LATER),
        (599, Outcome.LATER),
        (None, Outcome.LATER),
    ],
)
def test_outcome_of_a_status(status: int | None, expected: Outcome) -> None:
    assert outcome(fetched(status)) is expected


@pytest.mark.parametrize("failure", Failure)
def test_outcome_of_a_failure(failure: Failure) -> None:
    expected = Outcome.LATER if failure in _LATER else Outcome.REFUSED
    assert outcome(fetched(None, failure)) is expected
    # What came before the failure, such as the status of a body that was too large, does not count.
    assert outcome(fetched(200, failure)) is expected
