"""The measurement of composed pages compares each with the very calls that it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bench.composed import Stubs
from bench.processes import Server
from tests.gateway.composed_reads import READS, respond
from tests.gateway.gateway_fixture import RESOLVE, GatewayFixture, running_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayFixture]:
    async with running_gateway() as made:
        respond(made, 2)
        yield made


@pytest.mark.parametrize("name", READS)
async def test_direct_calls_are_those_of_the_composed_read(gateway: GatewayFixture, name: str) -> None:
    fakes = (gateway.users, gateway.chat, gateway.tracks)
    servers = [Server("a service", 0, each.target) for each in fakes]
    stubs = Stubs(
        [*servers, Server("gateway", 0, f"127.0.0.1:{gateway.process.servers.port}")], "a@example.org"
    )
    try:
        await stubs.direct(READS[name].request)
    finally:
        await stubs.close()
    called = [path for each in fakes for path in each.paths() if path != RESOLVE]
    assert sorted(called) == sorted(READS[name].calls)
