"""Real processes: the probes of the manifests by a real prober with the manifests' own arguments, and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import Cluster
from ops.topology import CHAT, GATEWAY, TRACKS, USERS, Ports
from seda.chat.v1 import live_service_pb2 as pb
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.deploy.manifests import build, of_kind
from tests.deploy.promql import queries, selected
from tests.deploy.test_manifests import overlay
from tests.migrations.test_commands import seda
from tests.postgres import new_cluster, new_folder
from tests.services.running import user
from tests.system.support.health import becomes, open_health
from tests.system.support.processes import SECOND_CHAT, RealProcess, RealSuite, real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STREAMS = 600
_STREAMS_PER_USER = 5
_STREAMS_PER_CONNECTION = 100
_SECONDS = 30.0
# What the program's exit codes mean.
OK, NO_CONNECTION, NO_ANSWER, NOT_SERVING = 0, 2, 3, 4


def manifest(process: RealProcess) -> dict[str, Any]:
    """The pod of a process in production."""
    found: dict[str, Any] = of_kind(build(overlay("production")), "Deployment")[process.process.name]
    return dict(found["spec"]["template"]["spec"])


async def probe(process: RealProcess, kind: str) -> int:
    """Run one of the probes of the process's manifest once, as the kubelet would: on the admin port, in plain text."""
    program = shutil.which("grpc-health-probe")
    if program is None:
        pytest.skip("go install github.com/grpc-ecosystem/grpc-health-probe@v0.4.62")
    given = manifest(process)["containers"][0][f"{kind}Probe"]
    timeout = f"{given['timeoutSeconds']}s"
    limits = ("-connect-timeout", timeout, "-rpc-timeout", timeout)
    running = await asyncio.create_subprocess_exec(
        *(program, "-addr", process.admin_address, "-service", given["grpc"]["service"], *limits),
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await running.wait()


@dataclass
class World:
    """The four processes and a PostgreSQL of their own."""

    cluster: Cluster
    processes: dict[str, RealProcess]
    suite: RealSuite

    async def probed(self, kind: str) -> dict[str, int]:
        """What a probe says of each process."""
        return {name: await probe(each, kind) for name, each in self.processes.items()}


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = new_folder()
    cluster = new_cluster(folder, keep=True)
    try:
        cluster.ensure()
        cluster.start()
        connection = await asyncpg.connect(cluster.dsn())
        await connection.execute("CREATE DATABASE seda")
        await connection.close()
        await init_database(cluster.dsn("seda"))
        await deploy(cluster.dsn("seda"))
        environ = {"DATABASE_URL": cluster.dsn("seda"), "SEDA_DRAIN_SECONDS": "5"}
        with real_suite(tmp_path_factory.mktemp("probes"), environ) as suite:
            processes = {each.name: suite.add(each) for each in (USERS, CHAT, TRACKS, GATEWAY)}
            await asyncio.gather(*(each.serving() for each in processes.values()))
            yield World(cluster, processes, suite)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


async def test_without_postgresql_processes_are_alive_and_not_ready(world: World) -> None:
    everybody = dict.fromkeys(world.processes, OK)
    assert [await world.probed(kind) for kind in ("startup", "liveness", "readiness")] == [everybody] * 3
    world.cluster.stop(immediately=True)
    try:
        for name in ("users", "chat", "tracks"):
            async with open_health(world.processes[name].admin_address) as health:
                assert await becomes(health, "NOT_SERVING", within=_SECONDS)
        assert await world.probed("liveness") == everybody
        assert await value(world.processes["users"], "seda_ready") == 0
        assert await world.probed("readiness") == {**dict.fromkeys(everybody, NOT_SERVING), "gateway": OK}
    finally:
        world.cluster.start()
    for each in world.processes.values():
        async with open_health(each.admin_address) as health:
            assert await becomes(health, "SERVING", within=_SECONDS)
    assert await world.probed("readiness") == everybody
    assert await value(world.processes["users"], "seda_ready") == 1


async def value(process: RealProcess, name: str) -> float:
    """One metric of a process, which has no labels."""
    (sample,) = [sample for sample in await scrape(process) if sample.name == name]
    return sample.value


async def scrape(process: RealProcess) -> list[Sample]:
    """What a process exports."""
    url = f"http://127.0.0.1:{Ports(process.base).metrics(process.process)}/metrics"
    with await asyncio.to_thread(urllib.request.urlopen, url, timeout=_SECONDS) as response:
        return samples(response.read().decode())


def samples(text: str) -> list[Sample]:
    """The samples in a text that Prometheus reads."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


async def test_every_metric_of_dashboards_rules_and_alerts_is_produced(world: World, tmp_path: Path) -> None:
    """With the labels by which it is selected; Prometheus itself adds `up`, `job` and `instance`."""
    # Its streams reach their age within the test.
    chat = await world.suite.add(SECOND_CHAT, SEDA_WATCH_MAX_AGE_SECONDS="1").serving()
    who = user("metrics@example.org")
    async with grpc.aio.insecure_channel(chat.address) as channel:
        create = CreateRoomRequest(room=Room(name="A room"))
        created = await RoomServiceStub(channel).CreateRoom(create, metadata=who, timeout=_SECONDS)
        send = SendMessageRequest(room_id=created.room.id, text="hello")
        await MessageServiceStub(channel).SendMessage(send, metadata=who, timeout=_SECONDS)
        stream = LiveServiceStub(channel).Watch(pb.WatchRequest(all_my_rooms=True), metadata=who)
        assert await closing_reason(stream, asyncio.Semaphore(0)) == pb.CLOSING_REASON_MAX_AGE
    textfile = tmp_path / "seda.prom"
    dsn = world.cluster.dsn("seda")
    await seda(None, tmp_path, "db", "doctor", "--metrics", str(textfile), DATABASE_URL=dsn)
    found = samples(textfile.read_text())
    for each in (chat, *world.processes.values()):
        found += await scrape(each)
    exported = {"up": set[str]()}
    for sample in found:
        exported.setdefault(sample.name, set()).update(sample.labels)

    asked = [
        (name, labels) for query in queries() for name, labels in selected(query).items() if ":" not in name
    ]
    assert {name for name, _ in asked} - exported.keys() == set()
    assert [each for each in asked if each[1] - exported[each[0]] - {"job", "instance"}] == []


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process hang."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_process_that_hangs_is_not_alive(world: World) -> None:
    tracks = world.processes["tracks"]
    with stopped(tracks.pid):
        assert await probe(tracks, "liveness") in {NO_CONNECTION, NO_ANSWER}
    assert await probe(tracks, "liveness") == OK


async def closing_reason(stream: AsyncIterable[pb.WatchResponse], opened: asyncio.Semaphore) -> int | None:
    """Read a stream to its end and return the reason that its last frame gives."""
    closing = None
    # The connection may be closed before the client has read the status that follows the last frame.
    with contextlib.suppress(grpc.aio.AioRpcError):
        async for response in stream:
            for frame in response.frames:
                if frame.HasField("caught_up"):
                    opened.release()
                if frame.HasField("closing"):
                    closing = frame.closing.reason
    return closing


async def test_termination_with_600_streams_ends_in_time_and_tells_each(world: World) -> None:
    chat = world.processes["chat"]
    grace = manifest(chat)["terminationGracePeriodSeconds"]
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(chat.address, options=[("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(STREAMS // _STREAMS_PER_CONNECTION)
        ]
        opened = asyncio.Semaphore(0)
        readers = []
        for number in range(STREAMS):
            watch = LiveServiceStub(connections[number % len(connections)]).Watch
            who = user(f"watcher{number // _STREAMS_PER_USER}@example.org")
            stream = watch(pb.WatchRequest(all_my_rooms=True), metadata=who)
            readers.append(asyncio.create_task(closing_reason(stream, opened)))
        async with asyncio.timeout(_SECONDS * 2):
            for _ in range(STREAMS):
                await opened.acquire()

        began = time.monotonic()
        chat.terminate()
        async with open_health(chat.admin_address) as health:
            assert await becomes(health, "NOT_SERVING", within=_SECONDS)
        assert (await probe(chat, "readiness"), await probe(chat, "liveness")) == (NOT_SERVING, OK)
        reasons = await asyncio.gather(*readers)
        assert await chat.ended() == 0
        seconds = time.monotonic() - began
    assert Counter(reasons) == {pb.CLOSING_REASON_SHUTDOWN: STREAMS}
    assert seconds < grace, seconds
