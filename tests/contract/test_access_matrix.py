"""Every method with every kind of caller: the method's access option decides."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from ops.dev_tokens import development_subject
from seda.rpc.v1 import annotations_pb2, caller_pb2
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.caller import Role
from servicekit.methods import Access, Method, methods_of
from tests.contract.auth_headers import (
    EMAIL,
    EMAILS,
    SERVICES,
    delegation_header,
    jwt,
    service_claims,
    service_header,
    user_claims,
    user_header,
)
from tests.contract.probe_service import probe_service
from tests.contract.responses import REQUEST_ID, details, reason_of, violations
from tests.contract.running_suite import SuiteFixture
from tests.contract.suite import DELEGATE, Outcome, Target, send
from tests.probe import METHODS
from tests.servicekit.probe_server import USER_ID
from tests.services.running import SERVICE_SECRET

_LONG_AGO = int(time.time()) - 3600
# Callers without a valid token, each with the expected reason.
_UNAUTHENTICATED = {
    "nobody": (None, "TOKEN_MISSING"),
    "an expired user": (f"Bearer {jwt(user_claims(exp=_LONG_AGO))}", "TOKEN_EXPIRED"),
    "an expired service": (f"Bearer {jwt(service_claims(exp=_LONG_AGO), SERVICE_SECRET)}", "TOKEN_EXPIRED"),
    # It is made at import, and used at any time of the run.
    "a user of another audience": (
        f"Bearer {jwt(user_claims(aud='anybody', exp=_LONG_AGO + 12 * 3600))}",
        "TOKEN_INVALID",
    ),
}
_MISDIRECTED = "a service with a token for another one"
_USERS = {str(role): user_header(email) for role, email in EMAILS.items()}
_SERVICES = {f"service {name}": name for name in SERVICES}
# Services that act for an administrator: what one may and another must not.
_DELEGATE = "a delegate"
_STRANGERS = {"a service that is no delegate": "scraper", "a service of the suite": "chat"}
_ONE_PROCESS = "a delegate with a token for one process"
# A user can't say for whom they call.
_PRETENDER = "a user who names an administrator"
CALLERS = (
    *_UNAUTHENTICATED,
    _MISDIRECTED,
    *_USERS,
    *_SERVICES,
    _DELEGATE,
    *_STRANGERS,
    _ONE_PROCESS,
    _PRETENDER,
)
# The user roles that each access level admits.
_OPEN_TO: dict[int, set[str]] = {
    annotations_pb2.ACCESS_USER: {Role.USER, Role.MODERATOR, Role.ADMIN},
    annotations_pb2.ACCESS_MODERATOR: {Role.MODERATOR, Role.ADMIN},
    annotations_pb2.ACCESS_ADMIN: {Role.ADMIN},
    annotations_pb2.ACCESS_SERVICE: set(),
}
_REFUSALS = {"TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "ACCESS_DENIED"}


def options_of(target: Target) -> tuple[annotations_pb2.Access.ValueType, set[str]]:
    """The options `access` and `callers` of a method, straight from its descriptor."""
    service = descriptor_pool.Default().FindServiceByName(target.method.service)
    options = service.methods_by_name[target.method.name].GetOptions()
    return options.Extensions[annotations_pb2.access], set(options.Extensions[annotations_pb2.callers])


def expected_reason(target: Target, caller: str) -> str | None:
    """The reason a caller must be refused for; None if the method admits the caller."""
    access, callers = options_of(target)
    if access == annotations_pb2.ACCESS_PUBLIC:
        return None
    if caller == _MISDIRECTED:
        return "TOKEN_INVALID"
    if caller in _UNAUTHENTICATED:
        return _UNAUTHENTICATED[caller][1]
    allowed = {*_OPEN_TO[access], *(f"service {name}" for name in callers)}
    if access == annotations_pb2.ACCESS_USER:
        allowed |= {_DELEGATE, _PRETENDER}
    return None if caller in allowed else "ACCESS_DENIED"


def response_violations(target: Target, caller: str, outcome: Outcome) -> list[str]:
    """The violations in the response to a caller, one line each."""
    reason, expected = reason_of(outcome), expected_reason(target, caller)
    found = violations(outcome, target.service_name)
    if (reason if reason in _REFUSALS else None) != expected:
        found.append(f"{outcome.code.name} {reason}, not {expected or 'let in'}")
    elif expected == "ACCESS_DENIED":
        info: Any = details(outcome)["ErrorInfo"]
        if f"ACCESS_{info.metadata['access']}" != annotations_pb2.Access.Name(options_of(target)[0]):
            found.append(f"names the access {info.metadata['access']}")
    return [f"{caller}: {target}: {violation}" for violation in found]


def _header(caller: str, target: Target, user_id: str) -> str | None:
    if caller in {_DELEGATE, *_STRANGERS}:
        return delegation_header(_STRANGERS.get(caller, DELEGATE), user_id)
    if caller == _ONE_PROCESS:
        claims = service_claims(aud=target.service_name, sub=DELEGATE, on_behalf_of=user_id)
        return f"Bearer {jwt(claims, SERVICE_SECRET)}"
    if caller == _PRETENDER:
        return f"Bearer {jwt(user_claims(sub=development_subject(EMAIL), on_behalf_of=user_id))}"
    if caller in _SERVICES:
        return service_header(_SERVICES[caller], target.service_name)
    if caller == _MISDIRECTED:
        others = [name for name in SERVICES if name != target.service_name]
        return service_header(min(target.method.callers or SERVICES), others[0])
    return _USERS[caller] if caller in _USERS else _UNAUTHENTICATED[caller][0]


async def find_violations(targets: list[Target], caller: str, user_id: str = str(USER_ID)) -> list[str]:
    """The violations in the responses to a caller; `user_id` is whom services act for."""

    async def ask(target: Target) -> Outcome:
        header = _header(caller, target, user_id)
        metadata = [("x-request-id", REQUEST_ID), *([("authorization", header)] if header else [])]
        if caller == _PRETENDER:
            metadata.append(("on-behalf-of", user_id))
        # An empty request changes nothing: an admitted caller gets a validation error.
        return await send(target.at.channel, target.method, b"", metadata)

    outcomes = await asyncio.gather(*map(ask, targets))
    pairs = zip(targets, outcomes, strict=True)
    return [
        violation for target, outcome in pairs for violation in response_violations(target, caller, outcome)
    ]


@pytest.mark.parametrize("caller", CALLERS)
async def test_caller_gets_what_the_contract_says(suite_fixture: SuiteFixture, caller: str) -> None:
    administrator = suite_fixture.known["EraseAuthorRequest.user_id"][-1]
    found = await find_violations(suite_fixture.targets, caller, administrator)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("role", EMAILS)
async def test_roles_are_those_of_the_table(suite_fixture: SuiteFixture, role: Role) -> None:
    """Control: the moderator and admin callers have these roles."""
    for name in ("users", "gateway"):
        stub = UserServiceStub(suite_fixture.suite.processes[name].channel)
        metadata = (("authorization", _USERS[role]),)
        response = await stub.GetUser(GetUserRequest(), metadata=metadata, timeout=10)
        assert response.user.role == caller_pb2.Role.Value(f"ROLE_{role}")


async def test_every_access_is_tried(suite_fixture: SuiteFixture) -> None:
    accesses = {options_of(target)[0] for target in suite_fixture.targets}
    assert accesses == set(annotations_pb2.Access.values()) - {annotations_pb2.ACCESS_UNSPECIFIED}
    names = {(target.at.name, target.method.full_name) for target in suite_fixture.targets}
    assert names >= {
        ("users", "seda.users.internal.v1.IdentityService.ResolveCaller"),
        ("gateway", "seda.users.v1.UserService.GetUser"),
        ("probe", "probe.v1.ProbeService.Administer"),
    }
    assert ("gateway", "seda.users.internal.v1.IdentityService.ResolveCaller") not in names


@pytest.mark.parametrize(
    ("name", "change", "caught"),
    [
        ("Ask", {"access": Access.PUBLIC}, {*_UNAUTHENTICATED, *_SERVICES, *_STRANGERS, _ONE_PROCESS}),
        ("Watch", {"access": Access.PUBLIC}, {*_UNAUTHENTICATED, *_SERVICES}),
        ("Moderate", {"access": Access.USER}, {"USER", _DELEGATE, _PRETENDER}),
        ("Administer", {"access": Access.MODERATOR}, {"USER", "MODERATOR"}),
        ("Administer", {"access": Access.USER}, {"USER", "MODERATOR"}),
        ("Moderate", {"access": Access.ADMIN}, {"MODERATOR"}),
        ("Open", {"access": Access.USER}, {*_UNAUTHENTICATED, *_SERVICES}),
        ("Serve", {"callers": frozenset({"chat", "gateway", "tracks"})}, {"service tracks"}),
        ("Serve", {"callers": frozenset({"chat"})}, {"service gateway"}),
        ("Serve", {"access": Access.USER}, set(_USERS)),
        ("Empty", {"callers": frozenset({"chat"})}, {"service chat"}),
    ],
)
async def test_method_that_is_open_to_others_than_it_says_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, change: dict[str, Any], caught: set[str]
) -> None:
    def changed(service: ServiceDescriptor) -> list[Method]:
        return [
            dataclasses.replace(method, **(change if method.name == name else {}))
            for method in methods_of(service)
        ]

    monkeypatch.setattr("servicekit.server.methods_of", changed)
    async with probe_service() as probe:
        targets = [Target(probe, method, "probe") for method in METHODS.values()]
        found = {caller: await find_violations(targets, caller) for caller in CALLERS}
    assert {caller for caller, each in found.items() if each} >= caught
    assert [
        violation for each in found.values() for violation in each if f"Service.{name} at" not in violation
    ] == []
