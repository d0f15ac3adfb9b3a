"""What the gateway says of itself and of the services: health names, readiness, GetSystemStatus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import grpc
import pytest
from grpc_health.v1 import health_pb2

from gateway.domain.status import State, Status, of_replicas
from gateway.rpc.service_descriptors import for_users, services_of
from gateway.workers.upstream_health import Downstream, Downstreams
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from servicekit.clock import Micros
from servicekit.health import HealthRegistry
from servicekit.process import Process
from tests.gateway.fake_server import stand_in
from tests.gateway.gateway_fixture import SECONDS, Suite, gateway, settings, suite

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
GATEWAY = "seda.gateway.v1.GatewayService"
CHAT = "seda.chat.v1.MessageService"
USERS = "seda.users.v1.UserService"
# Nobody listens on port 1.
NOWHERE = "127.0.0.1:1"


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Micros:
        return Micros(int(self.seconds * 1_000_000))


async def check(channel: grpc.aio.Channel, name: str) -> int:
    """The state of a name."""
    ask = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await ask(health_pb2.HealthCheckRequest(service=name), timeout=SECONDS)
    return int(answer.status)


async def until(channel: grpc.aio.Channel, name: str, state: int) -> None:
    """Waits for a name's state by watching it."""
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


async def until_true(told: Callable[[], bool]) -> None:
    """Waits for something that nobody announces."""
    async with asyncio.timeout(10):
        while not told():
            # Looked at again and again.
            await asyncio.sleep(0.01)


async def status(channel: grpc.aio.Channel) -> dict[str, pb.ServiceStatus]:
    """What GetSystemStatus answers, without a token."""
    answer = await GatewayServiceStub(channel).GetSystemStatus(pb.GetSystemStatusRequest(), timeout=SECONDS)
    return {service.name: service for service in answer.services}


async def test_a_services_names_follow_its_own_health_and_the_gateway_does_not(behind: Suite) -> None:
    channel = behind.channel
    await until(channel, "", SERVING)
    await until(channel, CHAT, SERVING)
    behind.chat.set_health(serving=False)
    await until(channel, CHAT, NOT_SERVING)
    behind.chat.set_health(serving=True)
    await until(channel, CHAT, SERVING)
    await behind.chat.stop()
    await until(channel, CHAT, NOT_SERVING)
    assert [await check(channel, name) for name in ("", GATEWAY, "live", USERS)] == [SERVING] * 4
    await behind.chat.start()
    await until(channel, CHAT, SERVING)


async def test_every_service_for_callers_has_a_health_name_and_no_other(behind: Suite) -> None:
    names = {service.full_name for name in ("users", "chat", "tracks") for service in services_of(name)}
    shown = {
        service.full_name for name in ("users", "chat", "tracks") for service in for_users(services_of(name))
    }
    assert set(behind.process.health.states) == {"", "live", GATEWAY} | shown
    for name in names - shown:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await check(behind.channel, name)
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_ready_once_each_service_has_answered_even_that_it_is_not_ready() -> None:
    clock = MovableClock()
    async with suite(clock=clock) as behind:
        behind.chat.set_health(serving=False)
        await until(behind.channel, "", SERVING)
        assert await check(behind.channel, GATEWAY) == SERVING


async def test_not_ready_before_each_service_has_answered_or_ten_seconds_have_passed() -> None:
    clock = MovableClock()
    async with stand_in() as users, stand_in() as chat:
        told = settings(users.target, chat.target, NOWHERE)
        async with gateway(told, clock=clock) as (process, channel):
            await until(channel, USERS, SERVING)
            await until_true(lambda: state_of(process, "tracks") is State.UNREACHABLE)
            clock.seconds += 9.9
            # Long enough for the gateway to look at the clock, and to find that it is not time yet.
            await asyncio.sleep(0.3)
            assert [await check(channel, name) for name in ("", GATEWAY)] == [NOT_SERVING] * 2
            assert await check(channel, "live") == SERVING
            clock.seconds += 0.2
            await until(channel, "", SERVING)
            assert await check(channel, GATEWAY) == SERVING
            assert await check(channel, "seda.tracks.v1.TrackService") == NOT_SERVING


async def test_ready_when_the_last_service_answers() -> None:
    clock = MovableClock()
    async with suite(clock=clock) as behind:
        await until(behind.channel, "", SERVING)
        late = behind.tracks
        await late.stop()
        told = settings(behind.users.target, behind.chat.target, late.target)
        async with gateway(told, clock=clock) as (process, channel):
            await until_true(lambda: state_of(process, "tracks") is State.UNREACHABLE)
            assert await check(channel, "") == NOT_SERVING
            await late.start()
            await until(channel, "", SERVING)


async def test_draining_turns_off_every_name_but_live_for_good(behind: Suite) -> None:
    await until(behind.channel, "", SERVING)
    await until(behind.channel, CHAT, SERVING)
    await behind.process.drain(0)
    states = behind.process.health.states
    assert {name for name, state in states.items() if state == SERVING} == {"live"}
    behind.chat.set_health(serving=False)
    await until_true(lambda: state_of(behind.process, "chat") is State.NOT_SERVING)
    behind.chat.set_health(serving=True)
    await until_true(lambda: state_of(behind.process, "chat") is State.SERVING)
    assert {name for name, state in states.items() if state == SERVING} == {"live"}
    assert (await status(behind.channel))["gateway"].state == pb.SERVICE_STATE_NOT_SERVING


async def test_get_system_status_tells_states_and_since_when() -> None:
    clock = MovableClock(seconds=1000)
    async with suite(clock=clock) as behind:
        for name in ("", USERS, CHAT):
            await until(behind.channel, name, SERVING)
        clock.seconds = 1005
        behind.chat.set_health(serving=False)
        await until(behind.channel, CHAT, NOT_SERVING)
        clock.seconds = 1006
        await behind.tracks.stop()
        await until_true(lambda: state_of(behind.process, "tracks") is State.UNREACHABLE)
        found = await status(behind.channel)
    assert [(name, service.state, service.since_time.seconds) for name, service in found.items()] == [
        ("gateway", pb.SERVICE_STATE_SERVING, 1000),
        ("users", pb.SERVICE_STATE_SERVING, 1000),
        ("chat", pb.SERVICE_STATE_NOT_SERVING, 1005),
        ("tracks", pb.SERVICE_STATE_UNREACHABLE, 1006),
    ]


class Short:
    """A watch that ends after each answer, and at some time has none."""

    def __init__(self, answers: int) -> None:
        self.begun = 0
        self._answers = answers

    async def serving(self) -> AsyncIterator[bool]:
        self.begun += 1
        if self.begun <= self._answers:
            yield True

    async def close(self) -> None:
        pass


async def test_a_watch_that_ends_is_no_news_and_one_that_cannot_be_had_is() -> None:
    clock, health, watch = MovableClock(), HealthRegistry(), Short(answers=3)
    worker = Downstreams([Downstream("chat", [CHAT], [watch])], health, clock)
    await worker.start()
    await until_true(lambda: watch.begun == 1)
    clock.seconds += 5
    await until_true(lambda: watch.begun == 3)
    assert worker.statuses()[1] == Status("chat", State.SERVING, Micros(1_000_000_000))
    await until_true(lambda: watch.begun == 4)
    assert worker.statuses()[1] == Status("chat", State.UNREACHABLE, Micros(1_005_000_000))
    assert health.states[CHAT] == NOT_SERVING
    await worker.stop()


async def test_one_replica_that_takes_calls_is_enough() -> None:
    async with stand_in() as users, stand_in() as chat, stand_in() as tracks:
        told = settings(users.target, f"{NOWHERE},{chat.target}", tracks.target)
        async with gateway(told) as (_, channel):
            await until(channel, CHAT, SERVING)
            chat.set_health(serving=False)
            await until(channel, CHAT, NOT_SERVING)
            assert (await status(channel))["chat"].state == pb.SERVICE_STATE_NOT_SERVING


@pytest.mark.parametrize(
    ("replicas", "whole"),
    [
        ([State.UNREACHABLE, State.NOT_SERVING, State.SERVING], State.SERVING),
        ([State.UNREACHABLE, State.NOT_SERVING], State.NOT_SERVING),
        ([State.UNREACHABLE, State.UNSPECIFIED], State.UNSPECIFIED),
        ([State.UNREACHABLE], State.UNREACHABLE),
    ],
)
def test_a_service_is_as_well_as_its_best_replica(replicas: list[State], whole: State) -> None:
    assert of_replicas(replicas) is whole


def test_every_state_has_its_name_on_the_wire() -> None:
    names = {f"SERVICE_STATE_{state.name}" for state in State}
    assert names == set(pb.ServiceState.keys())


def state_of(process: Process, name: str) -> State:
    """What the gateway has heard of a service."""
    downstreams: object = process.app.workers[0]
    assert isinstance(downstreams, Downstreams)
    return next(each.state for each in downstreams.statuses() if each.name == name)
