"""Every kind of invalid token at every method; test_access_matrix.py covers valid ones."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from servicekit.methods import Access
from tests.contract.auth_headers import bad_headers, service_header
from tests.contract.responses import REQUEST_ID, reason_of, violations
from tests.contract.running_suite import SuiteFixture
from tests.contract.suite import Outcome, Target, send
from tests.effort import EXHAUSTIVE


@pytest.fixture(scope="module")
def targets(suite_fixture: SuiteFixture) -> list[Target]:
    """In `make test` one method per access level and process; test_access_matrix.py calls every method."""
    if EXHAUSTIVE:
        return suite_fixture.targets
    return list({(each.at.name, each.method.access): each for each in suite_fixture.targets}.values())


async def send_empty(target: Target, header: str | None) -> Outcome:
    """Call a method with an empty request."""
    metadata = [("x-request-id", REQUEST_ID)]
    if header is not None:
        metadata.append(("authorization", header))
    return await send(target.at.channel, target.method, b"", metadata)


async def refusals(targets: list[Target], header: str | None, reason: str, code: str) -> list[str]:
    """The responses that are not this refusal by the service itself."""
    outcomes = await asyncio.gather(*(send_empty(target, header) for target in targets))
    wrong = []
    for target, outcome in zip(targets, outcomes, strict=True):
        found = violations(outcome, target.service_name)
        if (reason_of(outcome), outcome.code.name) != (reason, code):
            found.append(f"{outcome.code.name} {reason_of(outcome)}: {outcome.message}")
        wrong += [f"{target}: {violation}" for violation in found]
    return wrong


@pytest.mark.parametrize("name", bad_headers())
async def test_bad_token_is_refused_everywhere(targets: list[Target], name: str) -> None:
    header, reason = bad_headers()[name]
    guarded = [target for target in targets if target.method.access is not Access.PUBLIC]
    assert await refusals(guarded, header, reason, "UNAUTHENTICATED") == []


@pytest.mark.parametrize("name", bad_headers())
async def test_bad_token_does_no_harm_at_public_methods(targets: list[Target], name: str) -> None:
    for target in targets:
        if target.method.access is Access.PUBLIC:
            outcome, without = [await send_empty(target, each) for each in (bad_headers()[name][0], None)]
            assert reason_of(outcome) in {"OK", "INVALID_FIELDS"}, f"{target}: {outcome}"
            assert reason_of(outcome) == reason_of(without)


async def test_service_methods_are_nowhere_behind_the_gateway(suite_fixture: SuiteFixture) -> None:
    for target in suite_fixture.targets:
        if target.method.access is Access.SERVICE:
            metadata = [("authorization", service_header(min(target.method.callers), target.service_name))]
            outcome = await send(
                suite_fixture.suite.processes["gateway"].channel, target.method, b"", metadata
            )
            assert outcome.code is grpc.StatusCode.UNIMPLEMENTED, target
