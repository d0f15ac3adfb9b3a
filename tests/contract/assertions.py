"""What the answers to valid and to mutated requests must be."""

from __future__ import annotations

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.contract.mutations import Known, Mutation
from tests.contract.proto_comments import documented_reasons
from tests.contract.responses import details, faults, reason_of, reasons
from tests.contract.running_suite import answers
from tests.contract.suite import Outcome, Target

# Reasons of all services that a method's comment names where they may come.
_NAMED_BY_METHODS = {"PAGE_TOKEN_MISMATCH", "CALLER_SUSPENDED", "RATE_LIMITED", "UNKNOWN_SERVICE"}
_GENERAL = reasons("rpc").keys() - _NAMED_BY_METHODS - {"UNSPECIFIED"}
_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"


def known(ids: Known) -> Known:
    """Values that lead a valid request as far as it can come, beside ids that exist."""
    return dict(ids) | {
        "update_mask": [FieldMask(paths=["display_name"])],
        "EditMessageRequest.update_mask": [FieldMask(paths=["text"])],
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
    """The reason, when neither the method's comment nor that of all services has it."""
    allowed = {"OK"} | _GENERAL | documented_reasons(target.method.full_name)
    return [] if reason_of(outcome) in allowed else [f"{reason_of(outcome)} is not among the method's errors"]


def general(target: Target, outcome: Outcome) -> list[str]:
    """What is wrong with an answer, whatever the request was. What the gateway composes may end as its parts do."""
    answering = None if target.slice_name == "gateway" else target.slice_name
    return [*faults(outcome, answering), *undocumented(target, outcome)]


def misjudged(target: Target, mutation: Mutation, outcome: Outcome) -> list[str]:
    """What is wrong with the answer to a mutation, one line each."""
    found = general(target, outcome)
    invalid = reason_of(outcome) == "INVALID_FIELDS"
    if mutation.refused and (not invalid or named(outcome) != {mutation.field}):
        found.append(f"{reason_of(outcome)} naming {sorted(named(outcome))}")
    if not mutation.refused and (
        reason_of(outcome) == "MALFORMED_REQUEST" or (mutation.field in named(outcome) and invalid)
    ):
        found.append(f"refused: {outcome.message}")
    return [f"{target}: {mutation.field} {mutation.what}: {fault}" for fault in found]


async def judged(target: Target, tries: list[Mutation]) -> list[str]:
    """What is wrong with the answers of a method to mutated requests."""
    outcomes = await answers(target, [each.request.SerializeToString() for each in tries])
    pairs = zip(tries, outcomes, strict=True)
    return [fault for mutation, (_, outcome) in pairs for fault in misjudged(target, mutation, outcome)]
