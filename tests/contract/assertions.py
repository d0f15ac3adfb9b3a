"""Checks of the responses to valid and to mutated requests."""

from __future__ import annotations

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.contract.mutations import Known, Mutation
from tests.contract.proto_comments import documented_origins, documented_reasons
from tests.contract.responses import details, reason_of, reasons, violations
from tests.contract.running_suite import responses
from tests.contract.suite import Outcome, Target

# Common reasons that a method's comment must list.
_NAMED_BY_METHODS = {"PAGE_TOKEN_MISMATCH", "CALLER_SUSPENDED", "RATE_LIMITED", "UNKNOWN_SERVICE"}
_COMMON = reasons("rpc").keys() - _NAMED_BY_METHODS - {"UNSPECIFIED"}
_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"


def known(ids: Known) -> Known:
    """Field values with which a valid request gets past validation, in addition to existing ids."""
    return dict(ids) | {
        "update_mask": [FieldMask(paths=["display_name"])],
        "UpdateArtistRequest.update_mask": [FieldMask(paths=["artist_name"])],
        "UpdateMessageRequest.update_mask": [FieldMask(paths=["text"])],
        "UpdateRoomRequest.update_mask": [FieldMask(paths=["description"])],
        "emoji": ["🎵"],
        "input": [_LINK],
        "track_url": [_LINK],
        "page_token": [""],
        "etag": [""],
        "subject": ["a listener"],
        "email": ["listener@example.org"],
    }


def named(outcome: Outcome) -> set[str]:
    """The fields that an error's BadRequest names."""
    bad: Any = details(outcome).get("BadRequest")
    return {each.field for each in bad.field_violations} if bad is not None else set()


def undocumented(target: Target, outcome: Outcome) -> list[str]:
    """The reason, if neither the method's comment nor the common reasons contain it."""
    allowed = {"OK"} | _COMMON | documented_reasons(target.method.full_name)
    return [] if reason_of(outcome) in allowed else [f"{reason_of(outcome)} is not among the method's errors"]


def general_violations(target: Target, outcome: Outcome) -> list[str]:
    """The violations of any response. Composed methods may return the errors of the services that they call."""
    alone = documented_origins(target.method.full_name) == {target.service_name}
    origin = None if target.service_name == "gateway" or not alone else target.service_name
    return [*violations(outcome, origin), *undocumented(target, outcome)]


def response_violations(target: Target, mutation: Mutation, outcome: Outcome) -> list[str]:
    """The violations in the response to a mutation, one line each."""
    found = general_violations(target, outcome)
    invalid = reason_of(outcome) == "INVALID_FIELDS"
    if mutation.refused and (not invalid or named(outcome) != {mutation.field}):
        found.append(f"{reason_of(outcome)} naming {sorted(named(outcome))}")
    if not mutation.refused and (
        reason_of(outcome) == "MALFORMED_REQUEST" or (mutation.field in named(outcome) and invalid)
    ):
        found.append(f"refused: {outcome.message}")
    return [f"{target}: {mutation.field} {mutation.what}: {violation}" for violation in found]


async def mutation_violations(target: Target, tries: list[Mutation]) -> list[str]:
    """The violations in the responses to mutated requests."""
    outcomes = await responses(target, [each.request.SerializeToString() for each in tries])
    pairs = zip(tries, outcomes, strict=True)
    return [
        violation
        for mutation, (_, outcome) in pairs
        for violation in response_violations(target, mutation, outcome)
    ]
