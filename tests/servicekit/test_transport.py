"""The transports of the main port: what each can't do is refused, and what differs is known."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest

from gateway.app import UpstreamService
from sedaclient.channels import open_channel
from servicekit.health import LIVE, SERVING
from servicekit.process import Process
from servicekit.transport import why_not
from tests.contract.suite import REFLECT, listed, send
from tests.gateway.gateway_fixture import running_gateway
from tests.postgres import free_port
from tests.probe import METHODS, SERVICE, ProbeRequest
from tests.servicekit.probe_process import Settings, running
from tests.servicekit.probe_server import as_user
from tests.servicekit.test_health import check
from tests.servicekit.test_settings import GOOD, errors
from tests.support import raw_http2
from tests.support.raw_http2 import message, unread_streams

TRANSPORTS = ("grpc", "native")
_ASK = METHODS["Ask"]
_SLOW = 100
_HANDLED = {"grpc_service": SERVICE.full_name, "grpc_method": "Ask", "grpc_code": "INTERNAL"}
_SECONDS = 10.0


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"SEDA_TLS_CERTIFICATE_FILE": __file__, "SEDA_TLS_KEY_FILE": __file__}, "TLS"),
        ({"SEDA_HOST": "127.0.0.1,127.0.0.2"}, "one address"),
    ],
    ids=["TLS", "two addresses"],
)
def test_what_the_native_server_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str], word: str
) -> None:
    given = {**GOOD, **environ}
    assert word in errors(monkeypatch, Settings, **given, SEDA_TRANSPORT="native")["SEDA_TRANSPORT"]


def test_the_native_server_without_its_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not("native", tls=False, addresses=["127.0.0.1"]) is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "seda-backend[native]" in (why_not("native", tls=False, addresses=["127.0.0.1"]) or "")
    assert why_not("grpc", tls=True, addresses=["127.0.0.1", "127.0.0.2"]) is None


async def test_the_native_server_reflects_on_the_admin_port_alone() -> None:
    async with running(transport="native") as (process, channel):
        # As a unary call: a client's stream may learn that its write failed before it learns why.
        reflect: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(REFLECT)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await reflect(b"")
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.admin_port}") as admin:
            assert SERVICE.full_name in await listed(admin)
            assert await check(admin, LIVE) == SERVING


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_streams_that_nobody_reads_hold_nothing_up(transport: str) -> None:
    """Neither other calls and streams nor the threads of the process."""
    path, token = METHODS["Watch"].path, dict(as_user())["authorization"]
    body = message(ProbeRequest(number=10, text="large 200000").SerializeToString())
    limits = {"max_streams": 2 * _SLOW, "max_streams_per_user": 2 * _SLOW}
    async with running(transport=transport, **limits) as (process, channel):
        port = process.servers.port
        async with unread_streams(port, path, _SLOW, "127.0.0.1", body, authorization=token):
            async with asyncio.timeout(_SECONDS):
                while process.metrics.registry.get_sample_value("seda_streams_open") != _SLOW:
                    # The server accepts them by and by.
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(int)
            for _ in range(10):
                for name in ("Ask", "Watch"):
                    outcome = await send(channel, METHODS[name], b"", as_user(), _SECONDS)
                    assert outcome.code is grpc.StatusCode.OK


class Replicas:
    """Two processes at fixed ports."""

    def __init__(self, transport: str) -> None:
        self._transport = transport
        self._ports = [free_port(), free_port()]
        self._stacks = [AsyncExitStack(), AsyncExitStack()]
        self._processes: dict[int, Process] = {}

    @property
    def target(self) -> str:
        """The addresses of both."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def answered(self) -> list[float]:
        """How many calls each has answered."""
        labels = {"grpc_service": SERVICE.full_name, "grpc_method": "Ask", "grpc_code": "OK"}
        registries = [self._processes[each].metrics.registry for each in range(2)]
        return [each.get_sample_value("grpc_server_handled_total", labels) or 0.0 for each in registries]

    async def start(self, number: int) -> None:
        """Start one."""
        made = running(transport=self._transport, port=self._ports[number])
        self._processes[number], _ = await self._stacks[number].enter_async_context(made)

    async def stop(self, number: int) -> None:
        """Stop one."""
        await self._stacks[number].aclose()


@asynccontextmanager
async def replicas(transport: str) -> AsyncIterator[Replicas]:
    """Run two replicas."""
    made = Replicas(transport)
    for number in range(2):
        await made.start(number)
    try:
        yield made
    finally:
        for number in range(2):
            await made.stop(number)


async def _shared(channel: grpc.aio.Channel, both: Replicas) -> bool:
    """Whether a client's calls go to both replicas alike, at the latest after a while; none may fail."""
    async with asyncio.timeout(_SECONDS):
        while True:
            before = both.answered()
            for _ in range(20):
                assert (await send(channel, _ASK, b"", as_user())).code is grpc.StatusCode.OK
            counts = [after - each for after, each in zip(both.answered(), before, strict=True)]
            if min(counts) >= 8:
                return True
            # The channel connects again by and by.
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("through_gateway", [False, True], ids=["client", "gateway"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_calls_spread_again_after_a_rolling_restart(transport: str, *, through_gateway: bool) -> None:
    """Even though the native server never asks a client to connect again."""
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(replicas(transport))
        channel: Any
        if through_gateway:
            upstream = UpstreamService("probe", [SERVICE], both.target)
            gateway = await stack.enter_async_context(running_gateway(also=[upstream], transport=transport))
            channel = gateway.channel
        else:
            channel = await stack.enter_async_context(open_channel(both.target))
        assert await _shared(channel, both)
        for number in range(2):
            await both.stop(number)
            for _ in range(10):
                assert (await send(channel, _ASK, b"", as_user())).code is grpc.StatusCode.OK
            await both.start(number)
            assert await _shared(channel, both)


async def test_a_stream_that_nobody_reads_ends_on_the_native_server_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There it has a limit of its own, in place of the connection's age."""
    monkeypatch.setattr("servicekit.native_server.LONGEST_WAIT", 0.2)
    path, token = METHODS["Watch"].path, dict(as_user())["authorization"]
    body = message(ProbeRequest(number=10, text="large 200000").SerializeToString())
    labels = {"grpc_service": SERVICE.full_name, "grpc_method": "Watch", "grpc_code": "CANCELLED"}
    async with running(transport="native") as (process, _):
        value = process.metrics.registry.get_sample_value
        async with (
            unread_streams(process.servers.port, path, 3, "127.0.0.1", body, authorization=token),
            asyncio.timeout(_SECONDS),
        ):
            while value("grpc_server_handled_total", labels) != 3:
                # No event tells of it.
                await asyncio.sleep(0.02)
            assert value("seda_streams_open") == 0


@pytest.mark.parametrize("body", [None, b"", b"\0\0\0\0", b"\0\0\0\0\5ab"])
async def test_a_call_without_a_whole_message_is_internal_on_the_native_server(body: bytes | None) -> None:
    """It ends before a handler sees it: no reason, no count. On grpcio it is MALFORMED_REQUEST."""
    async with running(transport="native") as (process, _), asyncio.timeout(_SECONDS):
        assert await raw_http2.call(process.servers.port, _ASK.path, body=body) == "13"
        assert process.metrics.registry.get_sample_value("grpc_server_handled_total", _HANDLED) is None


async def test_a_call_that_never_brings_a_message_waits_on_the_native_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On grpcio it ends with the default deadline. It holds no slot; its own deadline ends it on both."""
    monkeypatch.setattr("servicekit.handlers.DEFAULT_DEADLINE", 0.05)
    async with running(transport="native") as (process, channel), asyncio.timeout(_SECONDS):
        port, path = process.servers.port, _ASK.path
        waiting = asyncio.create_task(raw_http2.call(port, path, body=None, half_close=False))
        # The default deadline passes.
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert (await send(channel, _ASK, b"", as_user())).code is grpc.StatusCode.OK
        waiting.cancel()
        headers = {"grpc-timeout": "100m"}
        with contextlib.suppress(asyncio.IncompleteReadError):
            assert await raw_http2.call(port, path, body=None, half_close=False, **headers) == "4"


async def test_the_native_server_limits_neither_pings_nor_metadata_of_8_kib() -> None:
    padding = ("x-padding", "x" * (12 << 10))
    async with running(transport="native") as (process, channel):
        for _ in range(20):
            outcome = await send(channel, _ASK, b"", (*as_user(), padding))
            assert outcome.code is grpc.StatusCode.OK
        kinds = await raw_http2.ping(process.servers.port, "/grpc.health.v1.Health/Watch", 10, 0.02)
        assert raw_http2.GOAWAY not in kinds
