"""A call ends with each documented reason, its code and its details."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from servicekit.errors import Code, ConflictError, OverloadedError, ServiceError
from servicekit.rpc_status import GRPC_CODES, serialize_status
from tests.architecture.project import ROOT
from tests.contract.proto_comments import documented_reasons, proto_comments
from tests.contract.responses import REQUEST_ID, reason_of, reasons, violations
from tests.contract.responses import details as details_of
from tests.contract.scenarios import SCENARIOS
from tests.contract.scenarios.context import ScenarioContext
from tests.contract.suite import Outcome, running
from tests.postgres import Database, administrator

PACKAGES = sorted(path.parts[-3] for path in (ROOT / "protos/seda").glob("*/v1/error_reason.proto"))
REASONS = [(package, name) for package in PACKAGES for name in reasons(package) if name != "UNSPECIFIED"]


@pytest.fixture(scope="module")
async def context(database: Database) -> AsyncIterator[ScenarioContext]:
    async with running(database) as suite, administrator(database.server, database.name) as admin:
        yield ScenarioContext(suite, database, admin)


def broken_promises(package: str, name: str, outcome: Outcome) -> list[str]:
    """The differences between a response and the comment of its reason."""
    promised = reasons(package)[name]
    found = []
    if (outcome.code.name, reason_of(outcome)) != (promised.code, name):
        found.append(f"ended {outcome.code.name} {reason_of(outcome)}: {outcome.message}")
        return found
    parts: dict[str, Any] = details_of(outcome)
    # INTERNAL is expected for INTERNAL_ERROR only.
    found += [
        each for each in violations(outcome) if name != "INTERNAL_ERROR" or not each.startswith("is INTERNAL")
    ]
    keys = set(_metadata_keys(proto_comments()[f"seda.{package}.v1.ErrorReason.ERROR_REASON_{name}"]))
    if set(parts["ErrorInfo"].metadata) != keys:
        found.append(f"has the metadata {sorted(parts['ErrorInfo'].metadata)}, not {sorted(keys)}")
    if ("RetryInfo" in parts) != promised.retry:
        found.append("has RetryInfo" if "RetryInfo" in parts else "has no RetryInfo")
    elif promised.retry and parts["RetryInfo"].retry_delay.ToNanoseconds() <= 0:
        found.append("has a RetryInfo of no time")
    return found


def _metadata_keys(comment: str) -> list[str]:
    return re.findall(r"`(\w+)`", comment.partition("Metadata:")[2])


def test_scenarios_are_those_of_the_contract() -> None:
    suite_fixture = [(package, name) for package, scenarios in SCENARIOS.items() for name in scenarios]
    assert sorted(suite_fixture) == sorted(REASONS)


@pytest.mark.parametrize(("package", "name"), REASONS)
async def test_reason_is_reached(context: ScenarioContext, package: str, name: str) -> None:
    scenario = SCENARIOS.get(package, {}).get(name)
    assert scenario is not None, f"no scenario leads to {name} of {package}"
    outcome = await scenario(context)
    assert broken_promises(package, name, outcome) == []
    info: Any = details_of(outcome)["ErrorInfo"]
    assert package == "rpc" or info.domain == f"{package}.seda.fm"


def test_methods_name_reasons_that_exist() -> None:
    known = {name for _, name in REASONS}
    methods = [
        name
        for name in proto_comments()
        if re.fullmatch(r"seda\.\w+(\.internal)?\.v1\.\w+Service\.\w+", name)
    ]
    assert len(methods) >= 15
    assert {name: unknown for name in methods if (unknown := documented_reasons(name) - known)} == {}


class _RoomNotFoundError(ServiceError):
    code = Code.NOT_FOUND
    reason = "ROOM_NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "error", "violation"),
    [
        ("CONFLICT", ConflictError(), None),
        ("CONFLICT", OverloadedError(1), "ended RESOURCE_EXHAUSTED OVERLOADED: concurrency limit exceeded"),
        ("OVERLOADED", OverloadedError(0), "has a RetryInfo of no time"),
        ("ROOM_NOT_FOUND", _RoomNotFoundError("no"), "has the metadata [], not ['room_id']"),
        ("ROOM_NOT_FOUND", _RoomNotFoundError("no", metadata={"room_id": "1"}), None),
        (
            "ROOM_NOT_FOUND",
            _RoomNotFoundError("no", metadata={"room_id": "1", "name": "x"}),
            "has the metadata ['name', 'room_id'], not ['room_id']",
        ),
        (
            "ROOM_NOT_FOUND",
            _RoomNotFoundError("no", metadata={"room_id": "1"}, retry_after=1),
            "has RetryInfo",
        ),
    ],
)
def test_broken_promise_is_caught(name: str, error: ServiceError, violation: str | None) -> None:
    package = "chat" if isinstance(error, _RoomNotFoundError) else "rpc"
    trailers = (("grpc-status-details-bin", serialize_status(error, "chat.seda.fm", REQUEST_ID)),)
    outcome = Outcome(None, GRPC_CODES[error.code], error.message, trailers)
    assert broken_promises(package, name, outcome) == ([violation] if violation else [])
