"""No request occupies a process: every method parses and checks the most expensive ones within milliseconds."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory

from servicekit import reflection, text, validation
from servicekit.errors import ServiceError
from servicekit.field_limits import FieldLimit, field_limits
from servicekit.health import LIVE, SERVING, HealthService
from servicekit.methods import methods_of
from servicekit.rpc_status import serialize_status
from tests.contract.hostile import SIZE, Hostile, hostile_requests, methods
from tests.contract.running_suite import SuiteFixture, header
from tests.contract.suite import Served, send
from tests.servicekit.test_health import check

_METHODS = methods()
_REFLECT = "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo"
_BOUND = 0.020
_CHECK_SECONDS = 0.050
_TRIES = 5
# Half of the metadata that clients accept.
_MAX_ERROR = 4 << 10


def cpu_seconds(request_type: Any, hostile: Hostile) -> float:
    """The CPU time of parsing, checking and refusing a request."""
    started = time.thread_time()
    try:
        validation.parse_request(request_type, hostile.data)
    except ServiceError as error:
        status = serialize_status(error, "seda.fm", "a request")
        assert len(status) <= _MAX_ERROR, hostile.what
    return time.thread_time() - started


def slowest(descriptor: Any, size: int = SIZE, tries: int = _TRIES) -> tuple[float, Hostile]:
    """The greatest CPU time and its request, each time the least of several tries: page faults count too."""
    request_type = message_factory.GetMessageClass(descriptor)
    return max(
        (min(cpu_seconds(request_type, each) for _ in range(tries)), each)
        for each in hostile_requests(descriptor, size)
    )


@functools.cache
def _slowest(name: str) -> tuple[float, Hostile]:
    return slowest(_METHODS[name].input_type)


@pytest.mark.serial
@pytest.mark.parametrize("name", _METHODS)
def test_request_of_every_method_is_bounded(name: str) -> None:
    seconds, hostile = _slowest(name)
    assert seconds < _BOUND, hostile.what


@pytest.mark.serial
@pytest.mark.timeout(120)
async def test_health_check_is_prompt_beside_every_method(suite_fixture: SuiteFixture) -> None:
    found, tried = [], set()
    for target in suite_fixture.selected:
        if target.at.name == "probe":
            continue
        data = _slowest(target.method.full_name)[1].data
        metadata = (("authorization", header(target)),)
        found += await _late(
            target.at, str(target), partial(send, target.at.channel, target.method, data, metadata)
        )
        tried.add(target.method.full_name)
    for served in suite_fixture.suite.processes.values():
        for method in methods_of(HealthService.descriptor):
            data = _slowest(method.full_name)[1].data
            what = f"{method.full_name} at {served.name}"
            found += await _late(served, what, partial(send, served.channel, method, data, ()))
            tried.add(method.full_name)
        for name in reflection.NAMES:
            what = f"{name} at {served.name}"
            found += await _late(served, what, partial(_reflect, served, name, _slowest(_REFLECT)[1].data))
    assert found == []
    assert tried | {_REFLECT} == set(_METHODS)


async def _late(served: Served, what: str, call: Callable[[], Awaitable[object]]) -> list[str]:
    """`what`, if health checks beside the call take too long at each of several tries: the machine may be busy."""
    longest = 0.0
    for _ in range(_TRIES):
        longest = await _longest_check(served, call)
        if longest < _CHECK_SECONDS:
            return []
    return [f"{what}: {longest:.3f} s"]


async def _longest_check(served: Served, call: Callable[[], Awaitable[object]]) -> float:
    calling = asyncio.ensure_future(call())
    longest = 0.0
    while not calling.done():
        started = time.perf_counter()
        assert await check(served.channel, LIVE) == SERVING
        longest = max(longest, time.perf_counter() - started)
    await calling
    return longest


async def _reflect(served: Served, name: str, data: bytes) -> None:
    stream: Any = served.reflecting.stream_stream(f"/{name}/ServerReflectionInfo")
    with suppress(grpc.aio.AioRpcError):
        await stream(iter([data]), timeout=10).read()


def test_text_without_its_bound_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # A shorter text takes the square of its length, too.
    descriptor = _METHODS["grpc.health.v1.Health.Check"].input_type
    monkeypatch.setattr(FieldLimit, "is_too_long", lambda *_: False)
    monkeypatch.setattr(text, "has_long_run", lambda _: False)
    assert slowest(descriptor, SIZE // 8, tries=1)[0] > _BOUND


def test_run_without_its_bound_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = _METHODS["seda.chat.v1.MessageService.SendMessage"].input_type
    monkeypatch.setattr(text, "has_long_run", lambda _: False)
    seconds, hostile = slowest(descriptor, SIZE // 8, tries=1)
    assert seconds > _BOUND
    assert "marks" in hostile.what


def test_items_without_their_bound_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = _METHODS["seda.users.v1.UserService.LookupUsers"].input_type
    bounded = slowest(descriptor)[0]
    limits = {number: replace(limit, max_items=SIZE) for number, limit in field_limits(descriptor).items()}
    monkeypatch.setattr(validation, "field_limits", lambda _: limits)
    # Not the bound itself, which a fast machine keeps.
    assert slowest(descriptor, tries=1)[0] > 5 * bounded
