"""While users is away, whatever asks for a platform role is unavailable, and the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import grpc
import pytest

from seda.users.v1.erasure_service_pb2 import EraseUserRequest
from seda.users.v1.user_service_pb2 import UpdateUserRequest
from servicekit.caller import Caller, Role
from servicekit.errors import ServiceUnavailableError
from servicekit.methods import Access
from tests.contract.auth_headers import EMAILS, user_header
from tests.contract.responses import REQUEST_ID, details, reason_of
from tests.contract.running_suite import SuiteFixture
from tests.contract.suite import Outcome, Target, send

# Users do these to themselves, administrators to others as well.
_OF_OTHERS = {"UpdateUser", "EraseUser"}
_ROLES = (Role.MODERATOR, Role.ADMIN)


class AwayResolver:
    """The users service when it can't be reached."""

    service = "users"

    async def resolve(self, _subject: str, _email: str) -> Caller:
        raise ServiceUnavailableError("users")


def asks_for_a_role(target: Target) -> bool:
    """Whether the method can be called by a platform role alone."""
    method = target.method
    return (
        method.access in {Access.MODERATOR, Access.ADMIN}
        or method.name.startswith("Inspect")
        or "as_admin" in method.request_type.DESCRIPTOR.fields_by_name
        or method.name in _OF_OTHERS
    )


def request(suite_fixture: SuiteFixture, target: Target, *, as_admin: bool) -> bytes:
    """A valid request, which asks for a platform role if it can."""
    made: Any = suite_fixture.requests.valid(target.method.request_type.DESCRIPTOR)
    if "as_admin" in made.DESCRIPTOR.fields_by_name:
        made.as_admin = as_admin
    if isinstance(made, UpdateUserRequest):
        made.user.display_name = "Somebody else"
        made.update_mask.paths[:] = ["display_name"]
    if isinstance(made, EraseUserRequest):
        made.user_id = suite_fixture.known["EraseUserRequest.user_id"][0]
        made.reason = "They asked for it"
    data: bytes = made.SerializeToString()
    return data


async def accepted(suite_fixture: SuiteFixture, target: Target, role: Role, *, as_admin: bool) -> Outcome:
    """The outcome of the first request that isn't refused for its fields: not all rules stand in the contract."""
    while True:
        outcome = await call(target, request(suite_fixture, target, as_admin=as_admin), role)
        if outcome.code is not grpc.StatusCode.INVALID_ARGUMENT:
            return outcome


async def call(target: Target, data: bytes, role: Role) -> Outcome:
    metadata = [("x-request-id", REQUEST_ID), ("authorization", user_header(EMAILS[role]))]
    return await send(target.at.channel, target.method, data, metadata)


def names_users_away(outcome: Outcome) -> bool:
    """Whether a call is to be repeated when users is back."""
    if (outcome.code.name, reason_of(outcome)) != ("UNAVAILABLE", "SERVICE_UNAVAILABLE"):
        return False
    parts: dict[str, Any] = details(outcome)
    return "RetryInfo" in parts and parts["ErrorInfo"].metadata["service"] == "users"


@contextmanager
def users_away(suite_fixture: SuiteFixture) -> Iterator[None]:
    """Every process finds its callers out of date and can't resolve them."""
    patches = [
        patch.multiple(served.process.authenticator, _ttl=0.0, _resolver=AwayResolver())
        for served in suite_fixture.suite.processes.values()
    ]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


async def meet(suite_fixture: SuiteFixture) -> list[Target]:
    """Let every process resolve the callers of all roles; returns the targets of users."""
    targets = [
        each for each in suite_fixture.targets if each.method.access not in {Access.PUBLIC, Access.SERVICE}
    ]
    # The gateway resolves the callers of its own methods alone.
    own = [each for each in targets if each.at.name == each.service_name]
    first = {each.at.name: each for each in own if each.method.access is Access.USER}
    assert first.keys() == suite_fixture.suite.processes.keys()
    await asyncio.gather(*(call(each, b"", role) for each in first.values() for role in EMAILS))
    return targets


@pytest.mark.timeout(120)
async def test_platform_role_must_be_fresh(suite_fixture: SuiteFixture) -> None:
    asking = [each for each in await meet(suite_fixture) if asks_for_a_role(each)]
    assert {each.method.name for each in asking} >= {
        "DeleteMessage",
        "InspectMessage",
        "UpdateUser",
        "EraseUser",
        "Moderate",
    }
    calls = [(each, role) for each in asking for role in _ROLES]
    with users_away(suite_fixture):
        outcomes = [await accepted(suite_fixture, *each, as_admin=True) for each in calls]
    wrong = [
        f"{target} as {role}: {outcome.code.name} {reason_of(outcome)}"
        for (target, role), outcome in zip(calls, outcomes, strict=True)
        if not names_users_away(outcome)
    ]
    assert not wrong, "\n".join(wrong)
    # Control: to a fresh role the same calls are never unavailable, and are not all refused.
    reasons = [reason_of(await accepted(suite_fixture, *each, as_admin=True)) for each in calls]
    assert "SERVICE_UNAVAILABLE" not in reasons
    assert reasons.count("OK") >= len(reasons) / 4, reasons


@pytest.mark.timeout(120)
async def test_what_any_user_may_do_goes_on(suite_fixture: SuiteFixture) -> None:
    targets = [
        each
        for each in await meet(suite_fixture)
        if each.method.access is Access.USER
        and not each.method.name.startswith("Inspect")
        and each.method.name not in _OF_OTHERS
    ]
    with users_away(suite_fixture):
        wrong = [
            f"{target} as {role}"
            for target in targets
            for role in EMAILS
            if names_users_away(await accepted(suite_fixture, target, role, as_admin=False))
        ]
    assert not wrong, "\n".join(wrong)
