"""EraseMe: only with the caller's own e-mail address."""

from __future__ import annotations

import grpc
import pytest

from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.erasure_service_pb2 import (
    ERASURE_MODE_ANONYMISE,
    ERASURE_MODE_TOMBSTONE,
    EraseUserRequest,
    EraseUserResponse,
    Erasure,
)
from tests.gateway.fake_data import failing
from tests.gateway.gateway_fixture import RESOLVE, SECONDS, GatewayFixture, details
from tests.services.running import user

ERASE = "/seda.users.v1.ErasureService/EraseUser"
EMAIL = "Zoë@Example.org"


async def erase(
    gateway: GatewayFixture, confirm_email: str, mode: int = ERASURE_MODE_TOMBSTONE
) -> pb.EraseMeResponse:
    """Call EraseMe as the user."""
    request = pb.EraseMeRequest(mode=mode, confirm_email=confirm_email)  # type: ignore[arg-type]  # any number
    stub = GatewayServiceStub(gateway.channel)
    return await stub.EraseMe(request, metadata=user(EMAIL), timeout=SECONDS)


@pytest.mark.parametrize(
    "confirmation", [EMAIL, "zoë@example.org", " ZOË@EXAMPLE.ORG", "zoe\u0308@example.org"]
)
async def test_erase_me_starts_the_erasure_of_the_caller(gateway: GatewayFixture, confirmation: str) -> None:
    gateway.users.respond(ERASE, EraseUserResponse(erasure=Erasure(id="e1")))
    response = await erase(gateway, confirmation, ERASURE_MODE_ANONYMISE)
    assert response == pb.EraseMeResponse(erasure=Erasure(id="e1"))
    call = await gateway.users.received(ERASE)
    assert call.metadata["authorization"] == user(EMAIL)[0][1]
    # Users takes no id for the caller.
    assert EraseUserRequest.FromString(call.data) == EraseUserRequest(mode=ERASURE_MODE_ANONYMISE)


@pytest.mark.parametrize("confirmation", ["other@example.org", "zoe@example.org", "zoë@example.orgs"])
async def test_erase_me_needs_the_callers_own_address(gateway: GatewayFixture, confirmation: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await erase(gateway, confirmation)
    info = details(raised.value)["ErrorInfo"]
    assert (raised.value.code(), info.reason, info.domain) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CONFIRMATION_MISMATCH",
        "gateway.seda.fm",
    )
    assert gateway.users.paths() == [RESOLVE]


@pytest.mark.parametrize(("mode", "confirmation"), [(0, EMAIL), (9, EMAIL), (ERASURE_MODE_TOMBSTONE, "")])
async def test_erase_me_needs_a_mode_and_a_confirmation(
    gateway: GatewayFixture, mode: int, confirmation: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await erase(gateway, confirmation, mode)
    assert details(raised.value)["ErrorInfo"].reason == "INVALID_FIELDS"
    assert ERASE not in gateway.users.paths()


async def test_erase_me_is_repeated_while_users_is_away(gateway: GatewayFixture) -> None:
    gateway.users.handlers[ERASE] = failing(grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await erase(gateway, EMAIL)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert gateway.users.paths().count(ERASE) == 3
