"""The gateway serves every public service of the generated code and no internal one."""

import importlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

import seda
from gateway.app import UpstreamService
from gateway.rpc.service_descriptors import public_services, services_of
from servicekit.methods import methods_of
from tests.gateway.fake_server import Context, fake_server
from tests.gateway.gateway_fixture import (
    AS_USER,
    GET_USER,
    RESOLVE,
    SECONDS,
    UPSERT,
    GatewayFixture,
    running_gateway,
)
from tests.gateway.unknown_service import ECHO, INTERNAL, SERVICES

SERVICE_NAMES = ("users", "chat", "tracks")
ERASE = "/seda.chat.internal.v1.AuthorDataService/EraseAuthor"
OWN = {"seda.gateway.v1.GatewayService", "grpc.health.v1.Health"}
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


async def echo(data: bytes, _context: Context) -> bytes:
    return data


async def reflect(
    channel: grpc.aio.Channel, version: str, request: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    """The gateway's response to one reflection request."""
    ask = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answer = await ask(iter([request]), timeout=SECONDS).read()
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    return answer


async def listed(channel: grpc.aio.Channel, version: str) -> set[str]:
    """The services that the gateway lists."""
    answer = await reflect(channel, version, reflection_pb2.ServerReflectionRequest(list_services=""))
    return {service.name for service in answer.list_services_response.service}


def test_every_generated_service_is_found() -> None:
    folder = Path(seda.__file__).parent
    for name in SERVICE_NAMES:
        modules = sorted((folder / name).rglob("*_service_pb2.py"))
        names = [".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in modules]
        generated = {
            service.full_name
            for each in names
            for service in importlib.import_module(each).DESCRIPTOR.services_by_name.values()
        }
        assert {service.full_name for service in services_of(name)} == generated != set()


@pytest.mark.parametrize("service_name", SERVICE_NAMES)
async def test_every_public_method_is_served_under_its_name(
    gateway: GatewayFixture, service_name: str
) -> None:
    service = {"users": gateway.users, "chat": gateway.chat, "tracks": gateway.tracks}[service_name]
    methods = [method for found in public_services(services_of(service_name)) for method in methods_of(found)]
    assert methods
    for method in methods:
        service.handlers[method.path] = echo
        assert await gateway.unary(method.path)(b"\xff", timeout=SECONDS) == b"\xff"
    assert service.paths() == [method.path for method in methods]


@pytest.mark.parametrize("path", [RESOLVE, ERASE, UPSERT, "/seda.users.v1.UserService/Nonsense", INTERNAL])
async def test_internal_methods_are_unimplemented(gateway: GatewayFixture, path: str) -> None:
    gateway.users.handlers[path] = gateway.chat.handlers[path] = gateway.tracks.handlers[path] = echo
    for metadata in ((), AS_USER):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await gateway.unary(path)(b"", metadata=metadata, timeout=SECONDS)
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert gateway.users.paths() == gateway.chat.paths() == gateway.tracks.paths() == []


@pytest.mark.parametrize("version", REFLECTION)
async def test_served_services_are_listed(gateway: GatewayFixture, version: str) -> None:
    served = {service.full_name for name in SERVICE_NAMES for service in public_services(services_of(name))}
    assert await listed(gateway.reflecting, version) == served | OWN | set(REFLECTION)


async def test_internal_services_are_not_listed(gateway: GatewayFixture) -> None:
    hidden = {service.full_name for name in SERVICE_NAMES for service in services_of(name)} - {
        service.full_name for name in SERVICE_NAMES for service in public_services(services_of(name))
    }
    assert hidden >= {
        "seda.users.internal.v1.IdentityService",
        "seda.chat.internal.v1.AuthorDataService",
        "seda.tracks.internal.v1.CatalogService",
    }
    assert not hidden & await listed(gateway.reflecting, REFLECTION[0])


@pytest.mark.parametrize(
    "question",
    [
        {"file_containing_symbol": "seda.users.internal.v1.IdentityService"},
        {"file_containing_symbol": "seda.users.internal.v1.IdentityService.ResolveCaller"},
        {"file_containing_symbol": "seda.rpc.internal.v1.PageToken"},
        {"file_by_filename": "seda/users/internal/v1/identity_service.proto"},
    ],
    ids=lambda question: next(iter(question.values())),
)
async def test_internal_files_are_not_reflected(gateway: GatewayFixture, question: dict[str, Any]) -> None:
    request = reflection_pb2.ServerReflectionRequest(**question)
    answer = await reflect(gateway.reflecting, REFLECTION[0], request)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_new_service_needs_only_descriptors_and_a_target() -> None:
    async with (
        fake_server() as unknown,
        running_gateway(also=[UpstreamService("unknown", SERVICES, unknown.target)]) as gateway,
    ):
        unknown.handlers |= {ECHO: echo, INTERNAL: echo}
        assert await gateway.unary(ECHO)(b"\xff\x01", timeout=SECONDS) == b"\xff\x01"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await gateway.unary(INTERNAL)(b"", timeout=SECONDS)
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        names = await listed(gateway.reflecting, REFLECTION[0])
        assert "unknown.v1.UnknownService" in names
        assert "unknown.v1.InternalService" not in names
        assert "unknown.v1.UnknownService" in gateway.process.health.states


async def test_gateway_methods_are_not_forwarded(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await gateway.unary("/seda.gateway.v1.GatewayService/GetRoomPage")(b"", timeout=SECONDS)
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
