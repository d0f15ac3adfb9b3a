"""Server reflection under both of its names.

grpcio-reflection speaks v1alpha only. v1 has the same messages on the wire, so the same servicer
stands under both names; it is fed with requests decoded here, because the stock server answers
bytes that it can't decode with the exception's text.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from servicekit.client_network import client_network
from servicekit.concurrency_limit import StreamLimiter
from servicekit.errors import ServiceError
from servicekit.health import HealthRegistry
from servicekit.rpc_status import GRPC_CODES
from servicekit.transport import Context
from servicekit.validation import parse_request

NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def handlers(
    services: Iterable[str], health: HealthRegistry, watches: StreamLimiter
) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Handlers, by path, of both versions that list `services` and reflection itself.

    No question finds anything but `services`, what they import, and the details of errors. Streams end when the
    health is closed; each holds a slot of `watches`.
    """
    services = tuple(services)
    pool = _restricted_pool(services)
    servicer = aio.ReflectionServicer((*services, *NAMES), pool)

    async def decoded(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        closed = asyncio.ensure_future(health.closed.wait())
        try:
            while True:
                # What is cut short is the wait for a question, never an answer: grpc can't end a stream amid one.
                reading = asyncio.ensure_future(context.read())
                await asyncio.wait((reading, closed), return_when=asyncio.FIRST_COMPLETED)
                if not reading.done() or reading.result() is grpc.aio.EOF:
                    reading.cancel()
                    return
                try:
                    request = parse_request(reflection_pb2.ServerReflectionRequest, reading.result())
                except ServiceError as error:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
                if request.file_containing_symbol:
                    request.file_containing_symbol = _container(request.file_containing_symbol, pool)
                yield request
        finally:
            closed.cancel()

    async def reflect(_requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            with watches.slot(client_network(context.peer())):
                answers = servicer.ServerReflectionInfo(decoded(context), context)
                async for response in cast("AsyncIterator[Message]", answers):
                    await context.write(response.SerializeToString())
        except ServiceError as error:
            await context.abort(GRPC_CODES[error.code], error.message)

    method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(reflect)
    return {f"/{name}/ServerReflectionInfo": method for name in NAMES}


def _restricted_pool(services: Iterable[str]) -> descriptor_pool.DescriptorPool:
    """A pool of the files of `services`, their imports and error details, without any other service in them."""
    pool, everything = descriptor_pool.DescriptorPool(), descriptor_pool.Default()
    added: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        listed = [each for each in proto.service if f"{file.package}.{each.name}" in services]
        del proto.service[:]
        proto.service.extend(listed)
        pool.AddSerializedFile(proto.SerializeToString())

    for name in (*services, error_details_pb2.ErrorInfo.DESCRIPTOR.full_name):
        add(everything.FindFileContainingSymbol(name))
    for file in _own_files():
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def _own_files() -> Iterator[FileDescriptorProto]:
    """The files of reflection itself: v1alpha's, and v1's, which is the same under another package."""
    for version in ("v1alpha", "v1"):
        file = FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(file)
        file.name, file.package = (each.replace("v1alpha", version) for each in (file.name, file.package))
        fields = (field for message in file.message_type for field in message.field if field.type_name)
        for field in fields:
            field.type_name = field.type_name.replace("v1alpha", version)
        for method in file.service[0].method:
            method.input_type = method.input_type.replace("v1alpha", version)
            method.output_type = method.output_type.replace("v1alpha", version)
        yield file


def _container(symbol: str, pool: descriptor_pool.DescriptorPool) -> str:
    """The symbol, or what holds it: the pool does not find methods by their names, and grpcurl asks for them."""
    service, _, method = symbol.rpartition(".")
    with contextlib.suppress(KeyError):
        if method in pool.FindServiceByName(service).methods_by_name:
            return service
    return symbol
