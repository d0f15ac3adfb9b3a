"""What a failed check tells its owner."""

from enum import StrEnum
from typing import Any

import pytest

from seda.tracks.internal.v1 import crawler_service_pb2 as crawler_pb
from seda.tracks.internal.v1.crawler_service_pb2 import FetchFailure
from seda.users.v1 import verification_pb2 as pb
from services.users.domain.verification_check import (
    UNAVAILABLE,
    Cause,
    Failure,
    Fetched,
    Outcome,
    ProofKind,
    Stage,
    fetch_problem,
)
from services.users.domain.verification_target import TargetKind, parse_target
from services.users.wire.crawler import fetched_page

TARGET = parse_target("https://ada.example.com/")
AT = TARGET.url
# The documented stage and failure of each failure of the crawler.
EXPECTED = {
    "BLOCKED_URL": ("DNS", "BLOCKED_TARGET"),
    "BLOCKED_HOST": ("DNS", "BLOCKED_TARGET"),
    "BLOCKED_ADDRESS": ("DNS", "BLOCKED_TARGET"),
    "NOT_UPGRADED": ("HTTP", "REDIRECT_NOT_ALLOWED"),
    "REDIRECT_REFUSED": ("HTTP", "REDIRECT_NOT_ALLOWED"),
    "REDIRECT_LOOP": ("HTTP", "REDIRECT_NOT_ALLOWED"),
    "TOO_MANY_REDIRECTS": ("HTTP", "REDIRECT_NOT_ALLOWED"),
    "DNS_FAILED": ("DNS", "HOST_NOT_FOUND"),
    "DNS_TIMEOUT": ("DNS", "TIMEOUT"),
    "CONNECT_FAILED": ("CONNECT", "CONNECTION_FAILED"),
    "CONNECT_TIMEOUT": ("CONNECT", "TIMEOUT"),
    "TLS_FAILED": ("TLS", "TLS_FAILED"),
    "ANSWER_TIMEOUT": ("HTTP", "TIMEOUT"),
    "TOTAL_TIMEOUT": ("BODY", "TIMEOUT"),
    "CONNECTION_LOST": ("BODY", "CONNECTION_FAILED"),
    "PROTOCOL_ERROR": ("HTTP", "INVALID_RESPONSE"),
    "CONTENT_TYPE_REFUSED": ("BODY", "CONTENT_TYPE"),
    "ENCODING_REFUSED": ("BODY", "INVALID_RESPONSE"),
    "TOO_LARGE": ("BODY", "TOO_LARGE"),
}


def test_every_failure_of_the_crawler_has_a_stage_and_a_reason() -> None:
    names = [each.removeprefix("FETCH_FAILURE_") for each in FetchFailure.keys()[1:]]
    found = {}
    for name in names:
        response = crawler_pb.FetchResponse(final_url=AT, failure=FetchFailure.Value(f"FETCH_FAILURE_{name}"))
        problem = fetch_problem(TARGET, fetched_page(response))
        assert problem is not None
        found[name] = (problem.stage, problem.failure)
    assert found == EXPECTED


def test_a_failure_that_is_newer_than_this_code_is_an_invalid_response() -> None:
    response = crawler_pb.FetchResponse(final_url=AT)
    response.ParseFromString(response.SerializeToString() + b"\x28\x63")
    problem = fetch_problem(TARGET, fetched_page(response))
    assert problem == Outcome(Stage.HTTP, Failure.INVALID_RESPONSE)


@pytest.mark.parametrize(
    ("fetched", "expected"),
    [
        (Fetched(AT, 200), None),
        (Fetched(f"{AT}de/", 200), None),
        (Fetched(AT, 404), Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=404)),
        (
            Fetched("https://other.example.com/", 200),
            Outcome(Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED, status_code=200),
        ),
        (Fetched("", 200), Outcome(Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED, status_code=200)),
    ],
)
def test_a_response_counts_if_it_is_a_success_of_the_claimed_host(
    fetched: Fetched, expected: Outcome | None
) -> None:
    assert fetch_problem(TARGET, fetched) == expected


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome(Stage.MATCH, proof=ProofKind.META_TAG), False),
        (Outcome(Stage.MATCH, Failure.CODE_NOT_FOUND, status_code=200), True),
        (Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=404), True),
        (Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=429), False),
        (Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=500), False),
        (Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=599), False),
        (Outcome(Stage.DNS, Failure.TIMEOUT), False),
        (Outcome(Stage.DNS, Failure.HOST_NOT_FOUND), True),
        (UNAVAILABLE, False),
    ],
)
def test_what_may_pass_by_itself_does_not_count(outcome: Outcome, counts: bool) -> None:
    assert outcome.counts is counts


@pytest.mark.parametrize(
    ("enum", "prefix", "names"),
    [
        (pb.CheckFailure, "CHECK_FAILURE", Failure),
        (pb.CheckStage, "CHECK_STAGE", Stage),
        (pb.CheckCause, "CHECK_CAUSE", Cause),
        (pb.ProofKind, "PROOF_KIND", ProofKind),
        (pb.TargetKind, "TARGET_KIND", TargetKind),
    ],
)
def test_names_are_those_of_the_contract(enum: Any, prefix: str, names: type[StrEnum]) -> None:
    assert [f"{prefix}_{each}" for each in ("UNSPECIFIED", *names)] == list(enum.keys())
