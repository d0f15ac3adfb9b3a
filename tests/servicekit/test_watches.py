"""Streams that are open to everybody, of health and reflection, are few, and fewer for one address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from servicekit import server
from servicekit.client_network import client_network
from servicekit.health import SERVING
from servicekit.process import Process
from servicekit.reflection import NAMES
from tests.servicekit.probe_process import running
from tests.servicekit.test_health import Watching, all_states, check, details_of
from tests.support.raw_http2 import unread_streams

_WATCH = "/grpc.health.v1.Health/Watch"
_OTHER = "127.0.0.2"


def open_watches(process: Process) -> float | None:
    return process.metrics.registry.get_sample_value("seda_watches_open")


def ended(process: Process, code: str) -> float | None:
    """How many watches have ended in a code."""
    labels = {"grpc_service": "grpc.health.v1.Health", "grpc_method": "Watch", "grpc_code": code}
    return process.metrics.registry.get_sample_value("grpc_server_handled_total", labels)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            # The server learns of closed streams by and by.
            await asyncio.sleep(0.01)


async def refusal(call: Watching) -> tuple[grpc.StatusCode, str, bool]:
    """The code and reason of a refused watch, and whether it says when to come again."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.next()
    found = details_of(raised.value)
    return raised.value.code(), found["ErrorInfo"].reason, "RetryInfo" in found


async def test_one_address_has_its_share_over_all_connections_and_check_still_answers() -> None:
    async with running(max_watches=6, max_watches_per_address=4) as (process, channel):
        async with unread_streams(process.servers.port, _WATCH, 2, "127.0.0.1"):
            await until(lambda: open_watches(process) == 2)
            watching = [Watching(channel, "") for _ in range(2)]
            assert [await each.next() for each in watching] == [SERVING] * 2
            refused = (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", True)
            for _ in range(3):
                assert await refusal(Watching(channel, "")) == refused
            assert await check(channel, "") == SERVING
            assert await all_states(channel)
        await until(lambda: open_watches(process) == 2)
        watching.append(Watching(channel, ""))
        assert await watching[-1].next() == SERVING
        for each in watching:
            each.call.cancel()
        await until(lambda: open_watches(process) == 0)


async def test_all_addresses_share_the_process() -> None:
    async with running(max_watches=6, max_watches_per_address=4) as (process, channel):
        async with unread_streams(process.servers.port, _WATCH, 9, _OTHER):
            await until(lambda: open_watches(process) == 4)
            watching = [Watching(channel, "") for _ in range(2)]
            assert [await each.next() for each in watching] == [SERVING] * 2
            refused = (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", True)
            assert await refusal(Watching(channel, "")) == refused
            assert await check(channel, "") == SERVING
        await until(lambda: open_watches(process) == 2)
        for each in watching:
            each.call.cancel()


async def test_watch_that_is_not_read_ends_with_the_age_of_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until then grpc keeps the stream and its memory whatever the handler does, so it is counted."""
    ages = {"grpc.max_connection_age_ms": 1_000, "grpc.max_connection_age_grace_ms": 1_000}
    assert {*ages} <= {name for name, _ in server._OPTIONS}
    options = tuple((name, ages.get(name, value)) for name, value in server._OPTIONS)
    monkeypatch.setattr(server, "_OPTIONS", options)
    async with (
        running(max_watches_per_address=4) as (process, channel),
        unread_streams(process.servers.port, _WATCH, 9, _OTHER),
    ):
        await until(lambda: ended(process, "RESOURCE_EXHAUSTED") == 5)
        assert await check(channel, "") == SERVING
        await until(lambda: ended(process, "CANCELLED") == 4)
        assert open_watches(process) == 0
        await until(lambda: process.health._watchers == set())


async def test_reflection_shares_the_slots() -> None:
    async with running(max_watches_per_address=2) as (process, channel):
        reflect: Any = channel.stream_stream(f"/{NAMES[0]}/ServerReflectionInfo")
        question = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        streams = [reflect() for _ in range(2)]
        for stream in streams:
            await stream.write(question)
            assert await stream.read()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await reflect().read()
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await refusal(Watching(channel, "")))[1] == "RATE_LIMITED"
        for stream in streams:
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
        await until(lambda: open_watches(process) == 0)


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:10.0.0.1:5000", "10.0.0.1"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:5000", "2001:db8:1:2::"),
        ("ipv6:[2001:db8:1:2::9]:5000", "2001:db8:1:2::"),
        ("ipv6:%5B::1%5D:5000", "::"),
        ("unix:", "unix:"),
        ("unix:/run/seda.sock", "unix:/run/seda.sock"),
    ],
)
def test_network_of_a_client(peer: str, network: str) -> None:
    assert client_network(peer) == network
