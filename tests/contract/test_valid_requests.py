"""Random valid requests at every method of the suite; the seed is fixed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.assertions import undocumented
from tests.contract.responses import reason_of, violations
from tests.contract.running_suite import SuiteFixture, find_violations, responses
from tests.contract.suite import Outcome, Target
from tests.effort import tries

_VALID = tries(20, 60)
_TOKENS = tries(40, 150)


@pytest.mark.timeout(120)
async def test_valid_requests(suite_fixture: SuiteFixture) -> None:
    refused: list[str] = []

    def make(target: Target) -> list[bytes]:
        descriptor = target.method.request_type.DESCRIPTOR
        return [suite_fixture.requests.valid(descriptor).SerializeToString() for _ in range(_VALID)]

    def check(target: Target, outcome: Outcome) -> list[str]:
        refused.append(reason_of(outcome))
        # A request that the rules allow is never refused by validation.
        malformed = ["is malformed"] if reason_of(outcome) == "MALFORMED_REQUEST" else []
        return [*malformed, *undocumented(target, outcome)]

    found = await find_violations(suite_fixture, make, check)
    assert not found, "\n".join(found)
    # Control: a good part of the requests succeeds.
    assert refused.count("OK") > len(refused) / 3, {reason: refused.count(reason) for reason in set(refused)}


async def test_page_tokens_that_lead_elsewhere(suite_fixture: SuiteFixture) -> None:
    """A forged page token has no effect but a documented response."""
    tried = 0
    for target in suite_fixture.targets:
        method = target.method
        if "next_page_token" not in method.response_type.DESCRIPTOR.fields_by_name:
            continue
        request: Any = method.request_type(page_size=1)
        for field in method.request_type.DESCRIPTOR.fields_by_name:
            if field in suite_fixture.known and field.endswith("_id"):
                setattr(request, field, suite_fixture.requests.known(field))
        _, outcome = (await responses(target, [request.SerializeToString()]))[0]
        token = method.response_type.FromString(outcome.reply or b"").next_page_token  # type: ignore[attr-defined]  # found by name
        if not token:
            # This listing has no second page.
            continue
        pages = []
        for _ in range(_TOKENS):
            request.page_token = suite_fixture.requests.token(token)
            request.page_size = 100
            pages.append(request.SerializeToString())
        for data, outcome in await responses(target, pages):
            assert violations(outcome) == [], f"{target}: {data!r}"
        tried += 1
    assert tried >= 3
