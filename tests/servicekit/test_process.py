"""The end of a real process: by signals, and by the end of its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from servicekit import reflection, server
from servicekit.health import LIVE, NOT_SERVING, SERVING
from servicekit.methods import ContractError
from servicekit.process import App, Process
from tests.architecture.project import ROOT
from tests.contract.suite import Outcome, send
from tests.postgres import free_port
from tests.probe import METHODS, ProbeRequest, ProbeResponse
from tests.servicekit.probe_process import build, settings
from tests.servicekit.probe_process import running as serving_here
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, as_user
from tests.servicekit.test_health import Watching, check


@dataclass
class Started:
    """A process that listens, and a channel to it."""

    process: asyncio.subprocess.Process
    channel: grpc.aio.Channel
    address: str
    admin_address: str

    async def ended(self, within: float = 10) -> int:
        """The exit code."""
        return await asyncio.wait_for(self.process.wait(), within)

    async def call(self, text: str = "") -> Outcome:
        """Call a method of the contract."""
        data = ProbeRequest(text=text).SerializeToString()
        return await send(self.channel, METHODS["Ask"], data, as_user())


@asynccontextmanager
async def started(*, pass_fds: tuple[int, ...] = (), **environ: str) -> AsyncIterator[Started]:
    port, admin_port = (int(environ.get(name) or free_port()) for name in ("SEDA_PORT", "SEDA_ADMIN_PORT"))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEDA_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.servicekit.probe_process",
        cwd=ROOT,
        pass_fds=pass_fds,
        env=inherited
        | {
            "SEDA_PORT": str(port),
            "SEDA_ADMIN_PORT": str(admin_port),
            "SEDA_JWT_SECRET": JWT_SECRET.decode(),
            "SEDA_SERVICE_SECRET": SERVICE_SECRET.decode(),
            "SEDA_LOG_LEVEL": "error",
        }
        | environ,
    )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await asyncio.wait_for(channel.channel_ready(), 20)
            yield Started(process, channel, f"127.0.0.1:{port}", f"127.0.0.1:{admin_port}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_sigterm_drains_then_ends_with_0() -> None:
    async with started(SEDA_DRAIN_SECONDS="1.5") as running:
        watching = Watching(running.channel, "")
        assert await watching.next() == SERVING
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert await watching.next() == NOT_SERVING
        assert await check(running.channel, LIVE) == SERVING
        # For as long as it waits it goes on serving.
        assert (await running.call()).code is grpc.StatusCode.OK
        assert await watching.next() is None
        assert time.monotonic() - began >= 1.5
        assert await running.ended() == 0
        assert time.monotonic() - began < 6


async def test_running_call_is_finished_first() -> None:
    async with started(SEDA_DRAIN_SECONDS="0") as running:
        await running.call()
        calling = asyncio.ensure_future(running.call("sleep 1"))
        # Until the call has arrived; nothing tells so from outside.
        await asyncio.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        assert (await calling).code is grpc.StatusCode.OK
        assert await running.ended() == 0


async def test_collections_pass_over_what_the_start_made() -> None:
    async with started() as running:
        reply = (await running.call("objects")).reply
        assert reply is not None
        frozen, collected = map(int, ProbeResponse.FromString(reply).text.split())
        assert frozen > 10 * collected


async def test_open_health_watches_hold_nothing_up() -> None:
    async with started() as running:
        watching = [Watching(running.channel, "") for _ in range(5)]
        assert {await each.next() for each in watching} == {SERVING}
        began = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert await running.ended() == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("port", ["main", "admin"])
async def test_open_reflection_stream_holds_nothing_up(port: str) -> None:
    async with started() as running:
        address = running.address if port == "main" else running.admin_address
        async with grpc.aio.insecure_channel(address) as channel:
            paths = [f"/{name}/ServerReflectionInfo" for name in reflection.NAMES]
            streams: list[Any] = [channel.stream_stream(path)() for path in paths]
            for stream in streams:
                # Answered, so it is open; the client goes on listening and asks nothing more.
                await stream.write(ServerReflectionRequest(list_services="").SerializeToString())
                assert await stream.read()
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert {await stream.read() for stream in streams} == {grpc.aio.EOF}
            assert {await stream.code() for stream in streams} == {grpc.StatusCode.OK}
            assert await running.ended() == 0
        assert time.monotonic() - began < 5


async def test_servers_stop_side_by_side() -> None:
    async with serving_here() as (process, channel):
        ports = process.servers
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.admin_port}") as admin:
            watching = [Watching(each, "") for each in (channel, admin)]
            assert {await each.next() for each in watching} == {SERVING}
            began = time.monotonic()
            # The health is not closed, so that both watches use up the grace.
            await ports.stop(grace=1)
            assert time.monotonic() - began < 1.8


async def test_streams_that_end_one_after_another_are_all_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STREAM_GRACE", 0.5)
    async with serving_here() as (process, channel):
        watching = [Watching(channel, "") for _ in range(4)]
        assert {await each.next() for each in watching} == {SERVING}
        # The health is not closed, so that the watches end only by their clients.
        stopping = asyncio.create_task(process.servers.stop(grace=15))
        for each in watching:
            # Longer than the grace in all.
            await asyncio.sleep(0.3)
            assert not each.call.done()
            each.call.cancel()
        await stopping


async def test_call_has_its_grace_when_streams_have_used_up_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STREAM_GRACE", 0.05)
    async with serving_here() as (process, channel):
        ports = process.servers
        watching = Watching(channel, "")
        assert await watching.next() == SERVING
        data = ProbeRequest(text="sleep 0.6").SerializeToString()
        calling = asyncio.ensure_future(send(channel, METHODS["Ask"], data, as_user()))
        while not process.metrics.registry.get_sample_value("seda_calls_in_flight"):
            # Until the call has arrived.
            await asyncio.sleep(0.01)
        began = time.monotonic()
        # The health is not closed, so that the watch does not end.
        await ports.stop(grace=15)
        assert time.monotonic() - began < 10
        assert (await calling).code is grpc.StatusCode.OK


class _OneStop:
    """A server that notes whether one stop begins before another one has ended, which crashes grpc at times."""

    def __init__(self, real: grpc.aio.Server) -> None:
        self._real, self._stopping, self.overlapped = real, 0, False

    async def stop(self, grace: float | None) -> None:
        self._stopping += 1
        self.overlapped |= self._stopping > 1
        try:
            await self._real.stop(grace)
        finally:
            self._stopping -= 1


@pytest.mark.parametrize("grace", [0, 0.2])
async def test_no_server_is_stopped_twice_at_once(monkeypatch: pytest.MonkeyPatch, grace: float) -> None:
    monkeypatch.setattr(server, "STREAM_GRACE", 0.05)
    async with serving_here() as (process, channel):
        ports = process.servers
        assert await Watching(channel, "").next() == SERVING
        noted = [_OneStop(each) for each in ports._running]
        ports._running[:] = noted  # type: ignore[assignment]  # what Servers.stop calls
        # The health is not closed, so that the watch does not end.
        await ports.stop(grace=grace)
        assert [each.overlapped for each in noted] == [False, False]


async def test_second_sigterm_ends_at_once() -> None:
    async with started(SEDA_DRAIN_SECONDS="60") as running:
        running.process.send_signal(signal.SIGTERM)
        while await check(running.channel, "") == SERVING:
            # Until the first signal has been taken in.
            await asyncio.sleep(0.02)
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended(5) == 1


async def test_end_of_the_parent_is_the_end_without_a_wait() -> None:
    reading, writing = os.pipe()
    try:
        async with started(
            pass_fds=(reading,), SEDA_PARENT_FD=str(reading), SEDA_DRAIN_SECONDS="60"
        ) as running:
            os.close(reading)
            assert (await running.call()).code is grpc.StatusCode.OK
            os.close(writing)
            writing = -1
            assert await running.ended(5) == 0
    finally:
        if writing >= 0:
            os.close(writing)


@pytest.mark.slow
async def test_a_successor_shares_the_ports_and_tells_when_it_serves() -> None:
    reading, writing = os.pipe()
    ports = {"SEDA_METRICS_PORT": str(free_port()), "SEDA_REUSE_PORT": "1"}
    try:
        async with started(pass_fds=(), **ports) as first:
            ports |= {"SEDA_PORT": first.address.rpartition(":")[2], "SEDA_READY_FD": str(writing)}
            ports["SEDA_ADMIN_PORT"] = first.admin_address.rpartition(":")[2]
            async with started(pass_fds=(writing,), **ports) as second:
                os.close(writing)
                assert await asyncio.to_thread(os.read, reading, 2) == b"+"
                assert await asyncio.to_thread(os.read, reading, 1) == b""
                first.process.send_signal(signal.SIGTERM)
                assert await first.ended() == 0
                assert (await second.call()).code is grpc.StatusCode.OK
    finally:
        os.close(reading)


async def ran(**environ: str) -> tuple[int, str]:
    """The exit code and the standard error of a process that does not come to serve."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEDA_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.servicekit.probe_process",
        cwd=ROOT,
        env=inherited | environ,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, errors.decode()


async def test_faulty_settings_are_all_told() -> None:
    code, errors = await ran(SEDA_PORT="x", SEDA_CALLER_TTL_SECONDS="0", SEDA_JWT_SECRET="hush")
    assert code == 2
    assert {line.split(":")[0] for line in errors.splitlines()} >= {
        "SEDA_PORT", "SEDA_CALLER_TTL_SECONDS", "SEDA_JWT_SECRET"
    }  # fmt: skip
    assert "hush" not in errors
    assert "Traceback" not in errors


async def test_taken_port_is_named() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code, errors = await ran(
        SEDA_PORT=str(port),
        SEDA_JWT_SECRET=JWT_SECRET.decode(),
        SEDA_SERVICE_SECRET=SERVICE_SECRET.decode(),
    )
    server.close()
    assert code == 1
    assert f"127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


def test_servicer_that_lacks_a_method_stops_the_start() -> None:
    class Lacking:
        descriptor = METHODS["Serve"].request_type.DESCRIPTOR.file.services_by_name["ProbeInternalService"]

    def lacking(context: Any) -> App:
        return App([Lacking()], build(context).resolver)

    with pytest.raises(ContractError, match=r"Lacking lacks probe\.v1\.ProbeInternalService\.Serve"):
        Process(settings(), lacking)


async def test_what_was_started_is_stopped_in_reverse() -> None:
    told: list[str] = []

    class Worker:
        def __init__(self, name: str) -> None:
            self._name = name

        async def start(self) -> None:
            told.append(f"start {self._name}")

        async def stop(self) -> None:
            told.append(f"stop {self._name}")

    def with_workers(context: Any) -> App:
        app = build(context)
        return App(app.servicers, app.resolver, workers=[Worker("a"), Worker("b")])

    process = Process(settings(), with_workers)
    await process.start()
    await process.stop(0)
    assert told == ["start a", "start b", "stop b", "stop a"]
