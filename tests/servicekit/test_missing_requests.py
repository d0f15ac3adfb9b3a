"""Calls that never bring a whole message, which no gRPC library makes: how they end, and what they hold."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from tests.probe import METHODS
from tests.servicekit.probe_server import Running, serving
from tests.support import raw_http2

_TIMEOUT = 60


def _port(probe: Running) -> int:
    return int(probe.address.rpartition(":")[2])


@pytest.mark.parametrize("body", [None, b"", b"\0\0\0\0", b"\0\0\0\0\5ab"])
@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_a_call_that_ends_without_a_whole_message_is_malformed(
    probe: Running, method: str, body: bytes | None
) -> None:
    async with asyncio.timeout(_TIMEOUT):
        assert await raw_http2.call(_port(probe), METHODS[method].path, body=body) == "3"
    assert probe.probe.calls == []
    labels = {"grpc_method": method, "grpc_code": "INVALID_ARGUMENT", "grpc_service": METHODS[method].service}
    assert probe.sample("grpc_server_handled_total", **labels) == 1


@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_a_call_without_a_message_ends_with_the_default_deadline(
    probe: Running, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.handlers.DEFAULT_DEADLINE", 0.2)
    async with asyncio.timeout(_TIMEOUT):
        assert await raw_http2.call(_port(probe), METHODS[method].path, body=None, half_close=False) == "4"


async def test_a_call_without_a_message_holds_no_slot() -> None:
    async with serving(limit=1, queue=0) as probe:
        waiting = asyncio.create_task(
            raw_http2.call(_port(probe), METHODS["Ask"].path, body=None, half_close=False)
        )
        # Some of these come after it, though it has another connection.
        for _ in range(20):
            assert (await probe.call("Ask")).code is grpc.StatusCode.OK
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize("headers", [{}, {"grpc-timeout": "200m"}], ids=["given up", "deadline"])
@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_a_call_that_ends_before_its_message_is_cancelled(
    probe: Running, caplog: pytest.LogCaptureFixture, method: str, headers: dict[str, str]
) -> None:
    path = METHODS[method].path
    waiting = asyncio.create_task(raw_http2.call(_port(probe), path, body=None, half_close=False, **headers))
    for _ in range(20):
        assert (await probe.call("Ask")).code is grpc.StatusCode.OK
    if not headers:
        waiting.cancel()
    labels = {"grpc_method": method, "grpc_service": METHODS[method].service}
    async with asyncio.timeout(_TIMEOUT):
        while not probe.sample("grpc_server_handled_total", grpc_code="CANCELLED", **labels):
            assert (await probe.call("Ask")).code is grpc.StatusCode.OK
    waiting.cancel()
    assert probe.sample("grpc_server_handled_total", grpc_code="INVALID_ARGUMENT", **labels) == 0
    assert caplog.records == []
