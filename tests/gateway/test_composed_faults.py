"""Every composed read while each service in turn is away, hangs, is slow, fails or is overloaded."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest

from gateway.actions.deps import DEFAULT_BUDGETS, Budgets
from tests.gateway.composed_reads import READS, SERVICES, call, respond, without
from tests.gateway.fake_data import failing, forever
from tests.gateway.fake_server import Context, FakeServer
from tests.gateway.gateway_fixture import GatewayFixture, details, running_gateway

# Short, so that a slow service takes little of the test's time; far above what a call takes on a busy machine.
_SHORT = Budgets(main_seconds=0.6, lookup_seconds=0.3)
_DEADLINE = 2.5


def _all_handlers(service: FakeServer, handler: Any) -> None:
    for path in service.handlers:
        service.handlers[path] = handler


async def away(service: FakeServer) -> None:
    """Nothing listens."""
    await service.stop()


async def hanging(service: FakeServer) -> None:
    """Calls are accepted and never answered."""
    _all_handlers(service, forever)


async def slow(service: FakeServer) -> None:
    """Calls are answered after the budget."""
    for path, respond_at_once in service.handlers.items():

        async def late(data: bytes, context: Context, respond_at_once: Any = respond_at_once) -> bytes:
            # Longer than the budget.
            await asyncio.sleep(2 * _SHORT.main_seconds)
            answer: bytes = await respond_at_once(data, context)
            return answer

        service.handlers[path] = late


async def erring(service: FakeServer) -> None:
    """Calls end with INTERNAL."""
    _all_handlers(service, failing(grpc.StatusCode.INTERNAL, "INTERNAL_ERROR"))


async def overloaded(service: FakeServer) -> None:
    """Calls end with RESOURCE_EXHAUSTED."""
    _all_handlers(service, failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"))


async def outcome(gateway: GatewayFixture, method: str) -> Any:
    """The page; or the code of the error, and the service that it names."""
    try:
        return await call(gateway, method, _DEADLINE)
    except grpc.aio.AioRpcError as error:
        return error.code(), details(error)["ErrorInfo"].metadata.get("service", "")


def expected(method: str, service: str, fault: Any, healthy: Any) -> Any:
    """What a read answers while the service has the fault."""
    if service != READS[method].main:
        return without(service, healthy)
    if fault is overloaded:
        # With its own delay before a retry.
        return grpc.StatusCode.RESOURCE_EXHAUSTED, ""
    return grpc.StatusCode.UNAVAILABLE, service


@pytest.mark.parametrize("fault", [away, hanging, slow, erring, overloaded])
@pytest.mark.parametrize("service", SERVICES)
async def test_composed_reads_come_without_a_service_or_end_unavailable(service: str, fault: Any) -> None:
    # A hanging service is bounded by the deadline of the client alone.
    budgets = DEFAULT_BUDGETS if fault is hanging else _SHORT
    async with running_gateway(budgets=budgets, caller_ttl_seconds=60) as gateway:
        respond(gateway, 2)
        healthy = {method: await call(gateway, method) for method in READS}
        assert [list(each.unreachable) for each in healthy.values()] == [[]] * len(READS)
        await fault(getattr(gateway, service))
        begun = time.monotonic()
        outcomes = await asyncio.gather(*(outcome(gateway, method) for method in READS))
        assert time.monotonic() - begun < _DEADLINE
    for method, found in zip(READS, outcomes, strict=True):
        assert found == expected(method, service, fault, healthy[method]), method


async def test_composed_reads_tell_a_caller_who_searches_too_often(gateway: GatewayFixture) -> None:
    respond(gateway, 1)
    limited = failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    gateway.chat.handlers["/seda.chat.v1.MessageService/SearchMessages"] = limited
    for method in ("SearchEverything", "GetArtistPage"):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(gateway, method)
        assert details(raised.value)["ErrorInfo"].reason == "RATE_LIMITED"


async def test_search_everything_comes_without_messages_for_which_the_query_is_too_broad(
    gateway: GatewayFixture,
) -> None:
    respond(gateway, 2)
    healthy = await call(gateway, "SearchEverything")
    too_broad = failing(grpc.StatusCode.FAILED_PRECONDITION, "SEARCH_TOO_BROAD")
    gateway.chat.handlers["/seda.chat.v1.MessageService/SearchMessages"] = too_broad
    assert await call(gateway, "SearchEverything") == without("chat", healthy)
