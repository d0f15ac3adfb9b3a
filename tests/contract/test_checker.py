"""Controls of the response checks: stock gRPC error responses are reported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from seda.chat.v1.room_service_pb2 import DESCRIPTOR, GetRoomRequest, GetRoomResponse
from servicekit.errors import ConflictError, InvalidFieldsError, OverloadedError, ServiceError
from servicekit.methods import methods_of
from servicekit.rpc_status import serialize_status
from tests.contract.responses import REQUEST_ID, Reason, leaks, reasons, violations
from tests.contract.suite import Outcome, send

_METHOD = methods_of(DESCRIPTOR.services_by_name["RoomService"])[1]


class _Careless(grpc.GenericRpcHandler):
    """Raises the error that the request selects, like a stock servicer."""

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        async def get_room(request: GetRoomRequest, context: Any) -> GetRoomResponse:
            if request.room_id == "abort":
                await context.abort(grpc.StatusCode.NOT_FOUND, "no such room")
            raise ValueError(f"secret in {request.room_id}")

        return grpc.unary_unary_rpc_method_handler(
            get_room, GetRoomRequest.FromString, GetRoomResponse.SerializeToString
        )


@pytest.fixture(scope="module")
async def careless() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Careless(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


async def call_get_room(channel: grpc.aio.Channel, data: bytes) -> Outcome:
    return await send(channel, _METHOD, data, ())


async def test_exception_text_is_caught(careless: grpc.aio.Channel) -> None:
    outcome = await call_get_room(careless, GetRoomRequest(room_id="a file").SerializeToString())
    found = violations(outcome)
    assert "secret" in outcome.message
    assert any("is UNKNOWN" in violation for violation in found)
    assert any("leaks" in violation for violation in found)


async def test_parser_s_text_is_caught(careless: grpc.aio.Channel) -> None:
    assert any("is UNKNOWN" in violation for violation in violations(await call_get_room(careless, b"\xff")))


async def test_bare_abort_is_caught(careless: grpc.aio.Channel) -> None:
    found = violations(await call_get_room(careless, GetRoomRequest(room_id="abort").SerializeToString()))
    assert found == ["NOT_FOUND without details"]


def error_outcome(error: ServiceError, domain: str = "chat.seda.fm", request_id: str = REQUEST_ID) -> Outcome:
    code = next(each for each in grpc.StatusCode if each.value[0] == error.code)
    return Outcome(
        None, code, error.message, (("grpc-status-details-bin", serialize_status(error, domain, request_id)),)
    )


class _UndocumentedError(ConflictError):
    reason = "JUST_SO"


class _MiscodedError(OverloadedError):
    code = ConflictError.code


class _WithoutRetryError(OverloadedError):
    def __init__(self) -> None:
        super().__init__(0.1)
        self.retry_after = None


@pytest.mark.parametrize(
    ("outcome", "violation"),
    [
        (error_outcome(ConflictError()), None),
        (error_outcome(OverloadedError(0.1)), None),
        (error_outcome(ConflictError(), "tracks.seda.fm"), "answered by tracks, not chat"),
        (error_outcome(ConflictError(), "chat"), "domain 'chat'"),
        (error_outcome(ConflictError(), "chat.example.org"), "domain 'chat.example.org'"),
        (error_outcome(ConflictError(), request_id="another"), "RequestInfo does not name the request"),
        (error_outcome(_UndocumentedError()), "undocumented reason 'JUST_SO' of chat"),
        (error_outcome(_MiscodedError(0.1)), "OVERLOADED as ABORTED, documented RESOURCE_EXHAUSTED"),
        (error_outcome(_WithoutRetryError()), "OVERLOADED without RetryInfo"),
        (error_outcome(InvalidFieldsError()), "INVALID_FIELDS without BadRequest"),
        (
            error_outcome(ConflictError())._replace(message="other"),
            "the details have another code or message",
        ),
        (Outcome(None, grpc.StatusCode.ABORTED, "", ()), "ABORTED without details"),
        (Outcome(None, grpc.StatusCode.RESOURCE_EXHAUSTED, "", ()), None),
        (Outcome(None, grpc.StatusCode.OK, "", ()), "OK without a reply"),
    ],
    ids=range(14),
)
def test_each_fault_is_named(outcome: Outcome, violation: str | None) -> None:
    assert violations(outcome, "chat") == ([violation] if violation else [])


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last)",
        "Exception serializing message",
        "KeyError('x')",
        "in /srv/suite/services/chat/app.py",
        "SELECT id FROM chat.rooms",
        "postgresql://seda:secret@127.0.0.1/seda",
        "asyncpg.exceptions",
        "<object at 0x7f00>",
    ],
)
def test_each_kind_of_leak_is_seen(text: str) -> None:
    assert leaks(Outcome(None, grpc.StatusCode.ABORTED, f"no: {text}", ()))
    assert leaks(Outcome(None, grpc.StatusCode.ABORTED, "", (("x-note", text),)))


def test_reasons_are_read_from_the_contract() -> None:
    assert reasons("rpc")["DATABASE_BUSY"] == Reason("RESOURCE_EXHAUSTED", retry=True)
    assert reasons("chat")["ROOM_NOT_FOUND"] == Reason("NOT_FOUND", retry=False)
    codes = {code.name for code in grpc.StatusCode}
    for package in ("rpc", "users", "chat", "tracks"):
        documented = {name: each for name, each in reasons(package).items() if name != "UNSPECIFIED"}
        assert len(documented) >= 5
        assert [name for name, each in documented.items() if each.code not in codes] == []
