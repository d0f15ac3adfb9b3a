"""Health names, readiness and GetSystemStatus of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import grpc
import pytest
from grpc_health.v1 import health_pb2

from gateway.domain.status import ServiceState, ServiceStatus, aggregate
from gateway.rpc.service_descriptors import public_services, services_of
from gateway.workers.upstream_health import Upstream, UpstreamHealth
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from servicekit.clock import Micros
from servicekit.health import HealthRegistry
from servicekit.process import Process
from tests.gateway.fake_server import fake_server
from tests.gateway.gateway_fixture import (
    SECONDS,
    GatewayFixture,
    running_gateway,
    settings,
    start_gateway,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
GATEWAY = "seda.gateway.v1.GatewayService"
CHAT = "seda.chat.v1.MessageService"
USERS = "seda.users.v1.UserService"
# No server listens on port 1.
NOWHERE = "127.0.0.1:1"


@dataclass
class MovableClock:
    """A manual clock."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Micros:
        return Micros(int(self.seconds * 1_000_000))


async def check(channel: grpc.aio.Channel, name: str) -> int:
    """The health status of a name."""
    ask = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await ask(health_pb2.HealthCheckRequest(service=name), timeout=SECONDS)
    return int(answer.status)


async def until(channel: grpc.aio.Channel, name: str, state: int) -> None:
    """Watch a name until it has a status."""
    watch = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    call = watch(health_pb2.HealthCheckRequest(service=name), timeout=10)
    async for answer in call:
        if answer.status == state:
            call.cancel()
            return
    raise AssertionError


async def until_true(config: Callable[[], bool]) -> None:
    """Poll until a condition holds."""
    async with asyncio.timeout(10):
        while not config():
            # Polled: no event announces it.
            await asyncio.sleep(0.01)


async def status(channel: grpc.aio.Channel) -> dict[str, pb.ServiceStatus]:
    """Call GetSystemStatus without a token."""
    answer = await GatewayServiceStub(channel).GetSystemStatus(pb.GetSystemStatusRequest(), timeout=SECONDS)
    return {service.name: service for service in answer.services}


async def test_upstream_health_sets_its_names_but_not_the_gateways(
    gateway: GatewayFixture,
) -> None:
    channel = gateway.channel
    await until(channel, "", SERVING)
    await until(channel, CHAT, SERVING)
    gateway.chat.set_health(serving=False)
    await until(channel, CHAT, NOT_SERVING)
    gateway.chat.set_health(serving=True)
    await until(channel, CHAT, SERVING)
    await gateway.chat.stop()
    await until(channel, CHAT, NOT_SERVING)
    assert [await check(channel, name) for name in ("", GATEWAY, "live", USERS)] == [SERVING] * 4
    await gateway.chat.start()
    await until(channel, CHAT, SERVING)


async def test_every_public_service_has_a_health_name_and_no_other(gateway: GatewayFixture) -> None:
    names = {service.full_name for name in ("users", "chat", "tracks") for service in services_of(name)}
    shown = {
        service.full_name
        for name in ("users", "chat", "tracks")
        for service in public_services(services_of(name))
    }
    assert set(gateway.process.health.states) == {"", "live", GATEWAY} | shown
    for name in names - shown:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await check(gateway.channel, name)
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_ready_once_each_upstream_has_responded() -> None:
    clock = MovableClock()
    async with running_gateway(clock=clock) as gateway:
        gateway.chat.set_health(serving=False)
        await until(gateway.channel, "", SERVING)
        assert await check(gateway.channel, GATEWAY) == SERVING


async def test_not_ready_before_each_upstream_responded_or_ten_seconds_passed() -> None:
    clock = MovableClock()
    async with fake_server() as users, fake_server() as chat:
        config = settings(users.target, chat.target, NOWHERE)
        async with start_gateway(config, clock=clock) as (process, channel):
            await until(channel, USERS, SERVING)
            await until_true(lambda: state_of(process, "tracks") is ServiceState.UNREACHABLE)
            clock.seconds += 9.9
            # Long enough for the gateway to poll the clock.
            await asyncio.sleep(0.3)
            assert [await check(channel, name) for name in ("", GATEWAY)] == [NOT_SERVING] * 2
            assert await check(channel, "live") == SERVING
            clock.seconds += 0.2
            await until(channel, "", SERVING)
            assert await check(channel, GATEWAY) == SERVING
            assert await check(channel, "seda.tracks.v1.TrackService") == NOT_SERVING


async def test_ready_when_the_last_upstream_responds() -> None:
    clock = MovableClock()
    async with running_gateway(clock=clock) as gateway:
        await until(gateway.channel, "", SERVING)
        late = gateway.tracks
        await late.stop()
        config = settings(gateway.users.target, gateway.chat.target, late.target)
        async with start_gateway(config, clock=clock) as (process, channel):
            await until_true(lambda: state_of(process, "tracks") is ServiceState.UNREACHABLE)
            assert await check(channel, "") == NOT_SERVING
            await late.start()
            await until(channel, "", SERVING)


async def test_draining_turns_off_every_name_except_live(gateway: GatewayFixture) -> None:
    await until(gateway.channel, "", SERVING)
    await until(gateway.channel, CHAT, SERVING)
    await gateway.process.drain(0)
    states = gateway.process.health.states
    assert {name for name, state in states.items() if state == SERVING} == {"live"}
    gateway.chat.set_health(serving=False)
    await until_true(lambda: state_of(gateway.process, "chat") is ServiceState.NOT_SERVING)
    gateway.chat.set_health(serving=True)
    await until_true(lambda: state_of(gateway.process, "chat") is ServiceState.SERVING)
    assert {name for name, state in states.items() if state == SERVING} == {"live"}
    assert (await status(gateway.channel))["gateway"].state == pb.SERVICE_STATE_NOT_SERVING


async def test_get_system_status_returns_states_and_times() -> None:
    clock = MovableClock(seconds=1000)
    async with running_gateway(clock=clock) as gateway:
        for name in ("", USERS, CHAT):
            await until(gateway.channel, name, SERVING)
        clock.seconds = 1005
        gateway.chat.set_health(serving=False)
        await until(gateway.channel, CHAT, NOT_SERVING)
        clock.seconds = 1006
        await gateway.tracks.stop()
        await until_true(lambda: state_of(gateway.process, "tracks") is ServiceState.UNREACHABLE)
        found = await status(gateway.channel)
    assert [(name, service.state, service.since_time.seconds) for name, service in found.items()] == [
        ("gateway", pb.SERVICE_STATE_SERVING, 1000),
        ("users", pb.SERVICE_STATE_SERVING, 1000),
        ("chat", pb.SERVICE_STATE_NOT_SERVING, 1005),
        ("tracks", pb.SERVICE_STATE_UNREACHABLE, 1006),
    ]


class Short:
    """A watch that closes after each response, and finally fails to open."""

    def __init__(self, handlers: int) -> None:
        self.begun = 0
        self._answers = handlers

    async def serving(self) -> AsyncIterator[bool]:
        self.begun += 1
        if self.begun <= self._answers:
            yield True

    async def close(self) -> None:
        pass


async def test_closed_watch_is_reopened_and_failed_one_is_unreachable() -> None:
    clock, health, watch = MovableClock(), HealthRegistry(), Short(handlers=3)
    worker = UpstreamHealth([Upstream("chat", [CHAT], [watch])], health, clock)
    await worker.start()
    await until_true(lambda: watch.begun == 1)
    clock.seconds += 5
    await until_true(lambda: watch.begun == 3)
    assert worker.snapshot()[1] == ServiceStatus("chat", ServiceState.SERVING, Micros(1_000_000_000))
    await until_true(lambda: watch.begun == 4)
    assert worker.snapshot()[1] == ServiceStatus("chat", ServiceState.UNREACHABLE, Micros(1_005_000_000))
    assert health.states[CHAT] == NOT_SERVING
    await worker.stop()


async def test_one_serving_replica_is_enough() -> None:
    async with fake_server() as users, fake_server() as chat, fake_server() as tracks:
        config = settings(users.target, f"{NOWHERE},{chat.target}", tracks.target)
        async with start_gateway(config) as (_, channel):
            await until(channel, CHAT, SERVING)
            chat.set_health(serving=False)
            await until(channel, CHAT, NOT_SERVING)
            assert (await status(channel))["chat"].state == pb.SERVICE_STATE_NOT_SERVING


@pytest.mark.parametrize(
    ("replicas", "whole"),
    [
        ([ServiceState.UNREACHABLE, ServiceState.NOT_SERVING, ServiceState.SERVING], ServiceState.SERVING),
        ([ServiceState.UNREACHABLE, ServiceState.NOT_SERVING], ServiceState.NOT_SERVING),
        ([ServiceState.UNREACHABLE, ServiceState.UNSPECIFIED], ServiceState.UNSPECIFIED),
        ([ServiceState.UNREACHABLE], ServiceState.UNREACHABLE),
    ],
)
def test_aggregate_is_the_best_replica(replicas: list[ServiceState], whole: ServiceState) -> None:
    assert aggregate(replicas) is whole


def test_every_state_has_its_proto_name() -> None:
    names = {f"SERVICE_STATE_{state.name}" for state in ServiceState}
    assert names == set(pb.ServiceState.keys())


def state_of(process: Process, name: str) -> ServiceState:
    """The gateway's state of a service."""
    upstreams: object = process.app.workers[0]
    assert isinstance(upstreams, UpstreamHealth)
    return next(each.state for each in upstreams.snapshot() if each.name == name)
