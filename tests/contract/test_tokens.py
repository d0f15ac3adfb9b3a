"""Every kind of token at every method: each gets what the method's access option says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from servicekit.methods import Access
from tests.contract.answers import REQUEST_ID, faults, reason_of
from tests.contract.bearers import SERVICES, bad_headers, service_header, user_header
from tests.contract.suite import Outcome, Suite, Target, running, send
from tests.postgres import Database

_TOKEN_REASONS = frozenset(
    {"TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "ACCESS_DENIED", "UNAUTHENTICATED"}
)


@pytest.fixture(scope="module")
async def suite(database: Database) -> AsyncIterator[Suite]:
    async with running(database) as made:
        yield made


@pytest.fixture(scope="module")
async def targets(suite: Suite) -> list[Target]:
    return await suite.targets()


async def knock(target: Target, header: str | None) -> Outcome:
    """Call a method with an empty request."""
    metadata = [("x-request-id", REQUEST_ID)]
    if header is not None:
        metadata.append(("authorization", header))
    return await send(target.at.channel, target.method, b"", metadata)


async def refusals(targets: list[Target], header: str | None, reason: str, code: str) -> list[str]:
    """Where an answer was another one than this refusal by the slice itself."""
    outcomes = await asyncio.gather(*(knock(target, header) for target in targets))
    wrong = []
    for target, outcome in zip(targets, outcomes, strict=True):
        found = faults(outcome, target.slice_name)
        if (reason_of(outcome), outcome.code.name) != (reason, code):
            found.append(f"{outcome.code.name} {reason_of(outcome)}: {outcome.message}")
        wrong += [f"{target}: {fault}" for fault in found]
    return wrong


async def test_every_method_is_found(targets: list[Target]) -> None:
    accesses = {target.method.access for target in targets}
    assert accesses >= {Access.PUBLIC, Access.USER, Access.SERVICE}
    names = {(target.at.name, target.method.full_name) for target in targets}
    assert ("users", "seda.users.v1.IdentityService.ResolveCaller") in names
    assert ("gateway", "seda.users.v1.UserService.GetUser") in names
    assert ("gateway", "seda.users.v1.IdentityService.ResolveCaller") not in names


@pytest.mark.parametrize("name", bad_headers())
async def test_bad_token_is_refused_everywhere(targets: list[Target], name: str) -> None:
    header, reason = bad_headers()[name]
    guarded = [target for target in targets if target.method.access is not Access.PUBLIC]
    assert await refusals(guarded, header, reason, "UNAUTHENTICATED") == []


@pytest.mark.parametrize("name", bad_headers())
async def test_bad_token_does_no_harm_at_public_methods(targets: list[Target], name: str) -> None:
    for target in targets:
        if target.method.access is Access.PUBLIC:
            outcome = await knock(target, bad_headers()[name][0])
            assert outcome.code is grpc.StatusCode.OK, f"{target}: {outcome}"


async def test_user_s_token_opens_no_service_method(targets: list[Target]) -> None:
    guarded = [target for target in targets if target.method.access is Access.SERVICE]
    assert guarded
    assert await refusals(guarded, user_header(), "ACCESS_DENIED", "PERMISSION_DENIED") == []


async def test_user_s_token_opens_no_moderator_or_admin_method(targets: list[Target]) -> None:
    guarded = [target for target in targets if target.method.access in {Access.MODERATOR, Access.ADMIN}]
    assert await refusals(guarded, user_header(), "ACCESS_DENIED", "PERMISSION_DENIED") == []


@pytest.mark.parametrize("name", SERVICES)
async def test_service_s_token_opens_what_names_it_and_nothing_else(targets: list[Target], name: str) -> None:
    named = [target for target in targets if name in target.method.callers]
    others = [
        target for target in targets if target not in named and target.method.access is not Access.PUBLIC
    ]
    assert await refusals(others, service_header(name), "ACCESS_DENIED", "PERMISSION_DENIED") == []
    for target in named:
        assert reason_of(await knock(target, service_header(name))) not in _TOKEN_REASONS, target


async def test_good_token_is_taken_everywhere(targets: list[Target]) -> None:
    """The control of the refusals above."""
    for target in targets:
        if target.method.access is Access.USER:
            outcome = await knock(target, user_header())
            assert reason_of(outcome) not in _TOKEN_REASONS, f"{target}: {outcome}"
            assert faults(outcome, target.slice_name) == []


async def test_service_methods_are_nowhere_behind_the_gateway(suite: Suite, targets: list[Target]) -> None:
    for target in targets:
        if target.method.access is Access.SERVICE:
            metadata = [("authorization", service_header(min(target.method.callers)))]
            outcome = await send(suite.processes["gateway"].channel, target.method, b"", metadata)
            assert outcome.code is grpc.StatusCode.UNIMPLEMENTED, target
