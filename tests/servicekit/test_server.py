"""What the servers of a process are made with: the numbers of the contract."""

from __future__ import annotations

from typing import Any, ClassVar

import grpc
import pytest

from gateway.config import Settings as GatewaySettings
from servicekit.process import Process
from tests.contract.suite import send
from tests.probe import METHODS, ProbeRequest
from tests.servicekit import probe_process
from tests.servicekit.probe_process import build, running
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, as_user
from tests.support import raw_http2

_KIB, _MIB, _SECOND = 1024, 1024 * 1024, 1000
_AGREED = {
    "grpc.so_reuseport": 0,
    "grpc.max_receive_message_length": 256 * _KIB,
    "grpc.max_send_message_length": 4 * _MIB,
    "grpc.max_metadata_size": 8 * _KIB,
    "grpc.max_connection_age_ms": 120 * _SECOND,
    "grpc.max_connection_age_grace_ms": 150 * _SECOND,
    "grpc.max_connection_idle_ms": 300 * _SECOND,
    "grpc.keepalive_time_ms": 60 * _SECOND,
    "grpc.keepalive_timeout_ms": 10 * _SECOND,
    "grpc.http2.min_ping_interval_without_data_ms": 9 * _SECOND,
    "grpc.keepalive_permit_without_calls": 1,
}


class _AtTheEdge(probe_process.Settings):
    max_connection_streams: ClassVar[int] = GatewaySettings.max_connection_streams


@pytest.mark.parametrize(
    ("kind", "streams"), [(_AtTheEdge, 256), (probe_process.Settings, 10_000)], ids=["edge", "behind"]
)
async def test_servers_have_the_agreed_limits(
    monkeypatch: pytest.MonkeyPatch, kind: type[probe_process.Settings], streams: int
) -> None:
    given: list[dict[str, int]] = []
    make: Any = grpc.aio.server

    def server(*args: Any, options: list[tuple[str, int]], **others: Any) -> Any:
        given.append(dict(options))
        return make(*args, options=options, **others)

    monkeypatch.setattr(grpc.aio, "server", server)
    secrets: dict[str, Any] = {"jwt_secret": JWT_SECRET.decode(), "service_secret": SERVICE_SECRET.decode()}
    process = Process(kind(**secrets), build)
    await process.start()
    await process.stop(grace=0)
    agreed = _AGREED | {"grpc.max_concurrent_streams": streams}
    # One for the contract's port, one for the admin port.
    assert len(given) == 2
    for options in given:
        assert {name: options.get(name) for name in agreed} == agreed


async def test_request_of_more_than_256_kib_is_refused() -> None:
    async with running() as (_, channel):
        for kib, code in ((255, "INVALID_ARGUMENT"), (257, "RESOURCE_EXHAUSTED")):
            data = ProbeRequest(text="x" * kib * _KIB).SerializeToString()
            assert (await send(channel, METHODS["Ask"], data, as_user())).code.name == code


@pytest.mark.slow
@pytest.mark.timeout(250)
@pytest.mark.parametrize(("seconds", "kept"), [(10, True), (4, False)])
async def test_pings_of_the_shortest_keepalive_of_go_clients_are_welcome(
    seconds: float, *, kept: bool
) -> None:
    """Beside an open stream without data; more frequent ones end the connection."""
    async with running() as (process, _):
        kinds = await raw_http2.ping(process.servers.port, "/grpc.health.v1.Health/Watch", 5, seconds)
    assert (raw_http2.GOAWAY not in kinds) == kept
