"""Reflection finds what a process lists and what that imports, and nothing of any other service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ExtensionRequest,
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from tests.contract.descriptors import own_files, own_messages
from tests.contract.running_suite import SuiteFixture
from tests.contract.suite import SECONDS, Served, listed

_REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
_PROCESSES = ("users", "chat", "tracks", "gateway")
_NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


class Question(NamedTuple):
    """A question, the file that holds what it asks for, and the service that it names, if any."""

    request: ServerReflectionRequest
    file: str
    service: str | None = None


def questions() -> Iterator[Question]:
    """A question for each file, symbol and extension of the contract."""
    for file in own_files():
        yield Question(ServerReflectionRequest(file_by_filename=file.name), file.name)
        for service in file.services_by_name.values():
            for name in (service.full_name, *(method.full_name for method in service.methods)):
                request = ServerReflectionRequest(file_containing_symbol=name)
                yield Question(request, file.name, service.full_name)
        extensions: list[Any] = list(file.extensions_by_name.values())
        named: list[Any] = [*file.enum_types_by_name.values(), *extensions]
        for each in named:
            yield Question(ServerReflectionRequest(file_containing_symbol=each.full_name), file.name)
        for extension in extensions:
            wanted = ExtensionRequest(
                containing_type=extension.containing_type.full_name, extension_number=extension.number
            )
            yield Question(ServerReflectionRequest(file_containing_extension=wanted), file.name)
    for message in own_messages():
        request = ServerReflectionRequest(file_containing_symbol=message.full_name)
        yield Question(request, message.file.name)
        request = ServerReflectionRequest(all_extension_numbers_of_type=message.full_name)
        yield Question(request, message.file.name)


async def answers(served: Served, requests: Iterable[ServerReflectionRequest]) -> list[Any]:
    stream: Any = served.reflecting.stream_stream(
        _REFLECT,
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    return [answer async for answer in stream(iter(requests), timeout=SECONDS)]


def files_of(services: Iterable[str]) -> set[str]:
    """The names of the files that declare services, and of all files that those import."""
    found: set[str] = set()
    # The file of reflection's v1 is not at hand.
    at_hand = set(services) - {"grpc.reflection.v1.ServerReflection"}
    waiting = [error_details_pb2.DESCRIPTOR]
    waiting += map(descriptor_pool.Default().FindFileContainingSymbol, at_hand)
    while waiting:
        file = waiting.pop()
        if file.name not in found:
            found.add(file.name)
            waiting += file.dependencies
    return found


@pytest.mark.parametrize("process", _PROCESSES)
async def test_nothing_is_found_but_what_is_listed_and_imported(
    suite_fixture: SuiteFixture, process: str
) -> None:
    served = suite_fixture.suite.processes[process]
    services = await listed(served.reflecting)
    allowed = files_of(services)
    asked = list(questions())
    wrong = []
    for question, answer in zip(asked, await answers(served, (each.request for each in asked)), strict=True):
        expected = question.file in allowed and question.service in {None, *services}
        code = answer.error_response.error_code
        if code not in {0, _NOT_FOUND} or (code == 0) is not expected:
            wrong.append(f"{question.request}: {code or 'found'}")
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(data)
            shown = {f"{file.package}.{each.name}" for each in file.service}
            wrong += [f"{question.request}: shows {each}" for each in shown - set(services)]
    assert wrong == []
    assert {question.file for question in asked} - allowed, "every process has something to hide"


async def test_details_of_errors_are_found(suite_fixture: SuiteFixture) -> None:
    names = [each.full_name for each in error_details_pb2.DESCRIPTOR.message_types_by_name.values()]
    for served in suite_fixture.suite.processes.values():
        requests = [ServerReflectionRequest(file_containing_symbol=each) for each in names]
        assert not any(each.HasField("error_response") for each in await answers(served, requests))
