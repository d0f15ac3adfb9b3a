"""Damaged and hostile bytes at every method of the suite; the seed is fixed."""

from __future__ import annotations

import pytest

from servicekit.health import HealthService
from servicekit.methods import methods_of
from tests.contract.requests import deep, text_paths, with_text
from tests.contract.responses import REQUEST_ID, reason_of, violations
from tests.contract.running_suite import SuiteFixture, find_violations
from tests.contract.suite import Outcome, Target, send
from tests.effort import tries

# Per method, at its service and again at the gateway.
_NOISE = tries(12, 80)
_DAMAGED = tries(16, 80)
_DEEP = 20_000


def is_malformed(_: Target, outcome: Outcome) -> list[str]:
    """Expect MALFORMED_REQUEST."""
    if reason_of(outcome) == "MALFORMED_REQUEST" and outcome.message == "malformed request":
        return []
    return [f"is {reason_of(outcome)}, not MALFORMED_REQUEST"]


@pytest.mark.timeout(120)
async def test_random_bytes(suite_fixture: SuiteFixture) -> None:
    assert (
        await find_violations(
            suite_fixture, lambda _: [suite_fixture.requests.noise() for _ in range(_NOISE)]
        )
        == []
    )


@pytest.mark.timeout(120)
async def test_damaged_requests(suite_fixture: SuiteFixture) -> None:
    def make(target: Target) -> list[bytes]:
        descriptor = target.method.request_type.DESCRIPTOR
        valid = [suite_fixture.requests.valid(descriptor).SerializeToString() for _ in range(_DAMAGED)]
        return [suite_fixture.requests.damaged(data) for data in valid]

    assert await find_violations(suite_fixture, make) == []


async def test_text_that_is_not_utf_8(suite_fixture: SuiteFixture) -> None:
    def make(target: Target) -> list[bytes]:
        paths = text_paths(target.method.request_type.DESCRIPTOR)
        # A lone surrogate, an invalid byte, an overlong NUL, a truncated sequence.
        texts = (b"\xed\xa0\x80", b"\xff", b"\xc0\x80", b"a\xe2\x82")
        return [with_text(fields, text) for _, fields in paths for text in texts]

    assert await find_violations(suite_fixture, make, is_malformed) == []


async def test_nesting_deeper_than_any_message(suite_fixture: SuiteFixture) -> None:
    assert (
        await find_violations(suite_fixture, lambda _: [deep(_DEEP), deep(_DEEP)[:_DEEP]], is_malformed) == []
    )


async def test_unknown_fields_are_ignored(suite_fixture: SuiteFixture) -> None:
    def check(_: Target, outcome: Outcome) -> list[str]:
        return ["an unknown field was refused"] if reason_of(outcome) == "MALFORMED_REQUEST" else []

    assert await find_violations(suite_fixture, lambda _: [deep(3)], check) == []


@pytest.mark.parametrize("port", ["main", "admin"])
async def test_random_bytes_at_health(suite_fixture: SuiteFixture, port: str) -> None:
    found = []
    methods = {method.name for method in HealthService.descriptor.methods}
    assert methods == {"Check", "List", "Watch"}
    for served in suite_fixture.suite.processes.values():
        channel = served.channel if port == "main" else served.admin
        for method in methods_of(HealthService.descriptor):
            for data in [
                b"",
                b"\x0a\x01\xff",
                deep(_DEEP),
                *(suite_fixture.requests.noise() for _ in range(tries(10, 60))),
            ]:
                outcome = await send(channel, method, data, (("x-request-id", REQUEST_ID),))
                found += [
                    f"{served.name} {method.name}: {violation}"
                    for violation in violations(outcome, served.name)
                ]
    assert found == []
