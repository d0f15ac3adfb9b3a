"""Random requests that the contract allows, at every method of the suite; the seed is fixed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.assertions import undocumented
from tests.contract.responses import faults, reason_of
from tests.contract.running_suite import Played, answers, wrong
from tests.contract.suite import Outcome, Target

_VALID = 60
_TOKENS = 150


@pytest.mark.timeout(120)
async def test_valid_requests(played: Played) -> None:
    refused: list[str] = []

    def make(target: Target) -> list[bytes]:
        descriptor = target.method.request_type.DESCRIPTOR
        return [played.requests.valid(descriptor).SerializeToString() for _ in range(_VALID)]

    def judge(target: Target, outcome: Outcome) -> list[str]:
        refused.append(reason_of(outcome))
        # What the rules allow is never refused by them.
        malformed = ["is malformed"] if reason_of(outcome) == "MALFORMED_REQUEST" else []
        return [*malformed, *undocumented(target, outcome)]

    found = await wrong(played, make, judge)
    assert not found, "\n".join(found)
    # The control: most of what was sent was looked at, and went through.
    assert refused.count("OK") > len(refused) / 3, {reason: refused.count(reason) for reason in set(refused)}


async def test_page_tokens_that_lead_elsewhere(played: Played) -> None:
    """A token carries no authority and no trust: whatever place it names, the answer is documented."""
    tried = 0
    for target in played.targets:
        method = target.method
        if "next_page_token" not in method.response_type.DESCRIPTOR.fields_by_name:
            continue
        request: Any = method.request_type(page_size=1)
        for field in method.request_type.DESCRIPTOR.fields_by_name:
            if field in played.known and field.endswith("_id"):
                setattr(request, field, played.requests.known(field))
        _, outcome = (await answers(target, [request.SerializeToString()]))[0]
        token = method.response_type.FromString(outcome.reply or b"").next_page_token  # type: ignore[attr-defined]  # found by name
        if not token:
            # There is no second page to be had from this one.
            continue
        pages = []
        for _ in range(_TOKENS):
            request.page_token = played.requests.token(token)
            request.page_size = 100
            pages.append(request.SerializeToString())
        for data, outcome in await answers(target, pages):
            assert faults(outcome) == [], f"{target}: {data!r}"
        tried += 1
    assert tried >= 3
