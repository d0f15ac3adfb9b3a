"""Reflection under both of its names, as grpcurl asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from servicekit.health import SERVING
from servicekit.process import Process
from servicekit.reflection import NAMES
from tests.contract.responses import leaks
from tests.contract.suite import Outcome
from tests.probe import INTERNAL_SERVICE, SERVICE
from tests.servicekit.probe_process import running
from tests.servicekit.test_health import check

_LISTED = {SERVICE.full_name, INTERNAL_SERVICE.full_name, "grpc.health.v1.Health", *NAMES}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    async with running() as made:
        yield made


async def ask(channel: grpc.aio.Channel, name: str, *requests: bytes) -> list[Any]:
    stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
    stream = channel.stream_stream(f"/{name}/ServerReflectionInfo")
    return [ServerReflectionResponse.FromString(data) async for data in stream(iter(requests), timeout=10)]


def question(**field: Any) -> bytes:
    return ServerReflectionRequest(**field).SerializeToString()


def files(response: Any) -> Sequence[FileDescriptorProto]:
    found = response.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(each) for each in found]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("port", ["main", "admin"])
async def test_services_are_listed(served: tuple[Process, grpc.aio.Channel], port: str, name: str) -> None:
    process, channel = served
    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.admin_port}") as admin:
        (answer,) = await ask(channel if port == "main" else admin, name, question(list_services=""))
    assert {each.name for each in answer.list_services_response.service} == _LISTED


@pytest.mark.parametrize("name", NAMES)
async def test_grpcurl_finds_all_it_needs_to_make_a_call(
    served: tuple[Process, grpc.aio.Channel], name: str
) -> None:
    (answer,) = await ask(served[1], name, question(file_containing_symbol=SERVICE.full_name))
    file = next(each for each in files(answer) if each.package == "probe.v1")
    assert [service.name for service in file.service] == ["ProbeService", "ProbeInternalService"]
    seen, wanted = {file.name}, list(file.dependency)
    while wanted:
        path = wanted.pop()
        if path not in seen:
            seen.add(path)
            (answer,) = await ask(served[1], name, question(file_by_filename=path))
            wanted += [dependency for found in files(answer) for dependency in found.dependency]
    assert {"seda/rpc/v1/annotations.proto", "buf/validate/validate.proto"} < seen


@pytest.mark.parametrize("name", NAMES)
async def test_all_that_is_listed_is_described(served: tuple[Process, grpc.aio.Channel], name: str) -> None:
    for service in _LISTED:
        (answer,) = await ask(served[1], name, question(file_containing_symbol=service))
        assert service in {
            f"{file.package}.{each.name}" for file in files(answer) for each in file.service
        }, service


@pytest.mark.parametrize(
    ("symbol", "known"),
    [
        (f"{SERVICE.full_name}.Ask", True),
        (f"{SERVICE.full_name}.NoSuchMethod", False),
        (f"{SERVICE.full_name}.Ask.deeper", False),
        ("probe.v1.ProbeRequest.no_such_field", False),
    ],
)
async def test_a_symbol_that_names_nothing_is_not_found(
    served: tuple[Process, grpc.aio.Channel], symbol: str, *, known: bool
) -> None:
    (answer,) = await ask(served[1], NAMES[0], question(file_containing_symbol=symbol))
    assert answer.HasField("error_response") != known
    assert known or answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_one_stream_takes_several_questions(served: tuple[Process, grpc.aio.Channel]) -> None:
    answers = await ask(
        served[1],
        NAMES[0],
        question(file_containing_symbol="probe.v1.ProbeService.Ask"),
        question(file_containing_symbol="no.such.Thing"),
        question(file_by_filename="no/such.proto"),
        question(list_services=""),
    )
    assert any(each.package == "probe.v1" for each in files(answers[0]))
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    assert kinds == [
        "file_descriptor_response", "error_response", "error_response", "list_services_response"
    ]  # fmt: skip
    assert answers[1].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x1a\x02\xc3\x28"])
async def test_malformed_question_is_an_invalid_argument(
    served: tuple[Process, grpc.aio.Channel], name: str, data: bytes
) -> None:
    for requests in ((data,), (question(list_services=""), data)):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(served[1], name, *requests)
        error = raised.value
        assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed request")
        assert leaks(Outcome(None, error.code(), error.details() or "", ())) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["host", "file_by_filename", "file_containing_symbol", "list_services"])
async def test_long_question_is_an_invalid_argument(
    served: tuple[Process, grpc.aio.Channel], name: str, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ask(served[1], name, question(**{field: "x" * 256}))
    error = raised.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == f"invalid request: {field}: is too long"


@pytest.mark.parametrize(
    ("given", "code"), [({}, grpc.StatusCode.UNIMPLEMENTED), ({"reflection": True}, grpc.StatusCode.OK)]
)
async def test_admin_port_beyond_loopback_reflects_where_it_is_asked_for(
    given: dict[str, bool], code: grpc.StatusCode
) -> None:
    async with running(admin_host="0.0.0.0", **given) as (process, channel):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.admin_port}") as admin:
            assert await check(admin, "") == SERVING
            stream: Any = admin.stream_stream(f"/{NAMES[0]}/ServerReflectionInfo")(iter(()))
            assert await stream.code() is code
        assert await ask(channel, NAMES[0], question(list_services=""))


@pytest.mark.parametrize("given", [{}, {"reflection": True}], ids=["default", "asked for"])
async def test_in_production_only_the_admin_port_reflects(given: dict[str, bool]) -> None:
    async with running(env="production", jwt_issuer="https://example.org", **given) as (process, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(channel, NAMES[0], question(list_services=""))
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.admin_port}") as admin:
            assert await ask(admin, NAMES[0], question(list_services=""))
