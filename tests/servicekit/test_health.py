"""grpc.health.v1: Check, List and Watch over a real channel, and the health behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from servicekit.health import LIVE, NOT_SERVING, SERVICE_UNKNOWN, SERVING, HealthRegistry, HealthService
from servicekit.methods import methods_of
from servicekit.process import Process
from tests.contract.responses import details, reason_of
from tests.contract.suite import Outcome, send
from tests.probe import INTERNAL_SERVICE, METHODS, SERVICE, ProbeRequest
from tests.servicekit.probe_process import running

_HEALTH = "/grpc.health.v1.Health"
_NAMES = ("", SERVICE.full_name, INTERNAL_SERVICE.full_name)
_List: Any = health_pb2.HealthListResponse  # type: ignore[attr-defined]  # newer than the stubs


@pytest.fixture
async def served() -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    # All clients of a test have one address.
    async with running(max_watches_per_address=1000) as made:
        yield made


async def check(channel: grpc.aio.Channel, name: str) -> int:
    unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_HEALTH}/Check")
    request = health_pb2.HealthCheckRequest(service=name).SerializeToString()
    return health_pb2.HealthCheckResponse.FromString(await unary(request, timeout=10)).status


async def all_states(channel: grpc.aio.Channel) -> dict[str, int]:
    unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_HEALTH}/List")
    response = _List.FromString(await unary(b"", timeout=10))
    return {name: each.status for name, each in response.statuses.items()}


class Watching:
    """One open Watch."""

    def __init__(self, channel: grpc.aio.Channel, name: str) -> None:
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"{_HEALTH}/Watch")
        self.call = stream(health_pb2.HealthCheckRequest(service=name).SerializeToString())

    async def next(self) -> int | None:
        """The next state, None at the end."""
        data = await asyncio.wait_for(self.call.read(), 10)
        return health_pb2.HealthCheckResponse.FromString(data).status if isinstance(data, bytes) else None


async def test_check_answers_for_every_name(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    for name in (*_NAMES, LIVE):
        assert await check(channel, name) == SERVING
    process.health.set_ready(ready=False, reason="test")
    for name in _NAMES:
        assert await check(channel, name) == NOT_SERVING
    assert await check(channel, LIVE) == SERVING


@pytest.mark.parametrize("name", ["nobody", "seda.chat.v1.RoomService", "Live", " ", "x" * 255])
async def test_check_of_an_unknown_name_is_not_found(
    served: tuple[Process, grpc.aio.Channel], name: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await check(served[1], name)
    error = raised.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    found: dict[str, Any] = details_of(error)
    info = found["ErrorInfo"]
    assert (info.reason, info.metadata["service"]) == ("UNKNOWN_SERVICE", name)


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128])
@pytest.mark.parametrize("method", ["Check", "Watch"])
async def test_name_of_more_than_255_bytes_is_an_invalid_argument(
    served: tuple[Process, grpc.aio.Channel], name: str, method: str
) -> None:
    called = next(each for each in methods_of(HealthService.descriptor) if each.name == method)
    outcome = await send(
        served[1], called, health_pb2.HealthCheckRequest(service=name).SerializeToString(), ()
    )
    assert reason_of(outcome) == "INVALID_FIELDS"
    assert outcome.message == "invalid request: service: is too long"


def details_of(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    return dict(details(Outcome(None, error.code(), "", tuple(error.trailing_metadata() or ()))))


async def test_list_tells_every_name(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    assert await all_states(channel) == dict.fromkeys((*_NAMES, LIVE), SERVING)
    process.health.set_ready(ready=False)
    assert await all_states(channel) == dict.fromkeys(_NAMES, NOT_SERVING) | {LIVE: SERVING}


async def test_admin_port_answers_the_same(served: tuple[Process, grpc.aio.Channel]) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served[0].servers.admin_port}") as admin:
        assert await all_states(admin) == await all_states(served[1])


async def test_watch_tells_the_state_and_each_change(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    watching = Watching(channel, "")
    assert await watching.next() == SERVING
    for state in (False, True, False):
        process.health.set_ready(ready=state)
        assert await watching.next() == (SERVING if state else NOT_SERVING)
    watching.call.cancel()


async def test_watch_of_an_unknown_name_waits_for_it(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    watching = Watching(channel, "later")
    assert await watching.next() == SERVICE_UNKNOWN
    process.health.set({"later": SERVING})
    assert await watching.next() == SERVING
    watching.call.cancel()


async def test_watches_end_when_the_process_leaves(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    watching = Watching(channel, "")
    assert await watching.next() == SERVING
    await process.drain(0)
    assert await watching.next() == NOT_SERVING
    process.health.close()
    assert await watching.next() is None


async def test_many_watchers_and_one_that_does_not_read(served: tuple[Process, grpc.aio.Channel]) -> None:
    process, channel = served
    # A window of a few bytes, so that an unread stream is full at once.
    options = [("grpc.http2.lookahead_bytes", 1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.port}", options=options) as lazy:
        silent = [Watching(lazy, "") for _ in range(20)]
        watching = [Watching(channel, "") for _ in range(200)]
        assert [await each.next() for each in watching] == [SERVING] * 200
        started = time.monotonic()
        for _ in range(1000):
            process.health.set_ready(ready=False)
            process.health.set_ready(ready=True)
            await asyncio.sleep(0)
        process.health.set_ready(ready=False)
        assert time.monotonic() - started < 10
        for each in watching:
            last = int(SERVING)
            while last != int(NOT_SERVING):
                state = await each.next()
                assert state is not None
                last = state
            each.call.cancel()
        assert await check(channel, LIVE) == SERVING
        for each in silent:
            each.call.cancel()
    async with asyncio.timeout(10):
        while process.health._watchers:
            # The server notices one after the other that they are gone.
            await asyncio.sleep(0.02)


async def test_health_answers_while_calls_are_refused() -> None:
    async with running(max_calls=1, max_queued_calls=0) as (process, channel):
        slow = asyncio.ensure_future(
            send(channel, METHODS["Open"], ProbeRequest(text="sleep 30").SerializeToString(), (), 60)
        )
        async with asyncio.timeout(10):
            while process.metrics.registry.get_sample_value("seda_calls_in_flight") != 1:
                # The server takes the call when it comes to it.
                await asyncio.sleep(0.01)
        refused = await send(channel, METHODS["Open"], b"", (), 10)
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await check(channel, "") == SERVING
        assert await all_states(channel) == dict.fromkeys((*_NAMES, LIVE), SERVING)
        slow.cancel()


def test_everything_starts_not_serving_but_the_process_itself() -> None:
    health = HealthRegistry()
    health.register(["a.Service"])
    assert health.states == {LIVE: SERVING, "": NOT_SERVING, "a.Service": NOT_SERVING}


def test_nothing_becomes_ready_while_draining() -> None:
    health = HealthRegistry()
    health.register(["a.Service"])
    health.set_ready(ready=True)
    health.set({"behind": SERVING})
    health.drain()
    draining = {LIVE: SERVING, "": NOT_SERVING, "a.Service": NOT_SERVING, "behind": NOT_SERVING}
    assert health.states == draining
    health.set_ready(ready=True)
    health.set({"behind": SERVING})
    assert health.states == draining


def test_board_that_was_never_ready_drains_too() -> None:
    health = HealthRegistry()
    health.register([])
    health.drain()
    health.set_ready(ready=True)
    assert health.states == {LIVE: SERVING, "": NOT_SERVING}
