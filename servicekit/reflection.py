"""Server reflection under both of its names.

grpcio-reflection speaks v1alpha only. v1 has the same messages on the wire, so the same servicer
stands under both names; it is fed with requests decoded here, because the stock server answers
bytes that it can't decode with the exception's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from servicekit.handlers import Context
from servicekit.health import HealthRegistry

NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
# No symbol and no file has this name.
_UNKNOWN = "."


def handlers(services: Iterable[str], health: HealthRegistry) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Handlers, by path, of both versions that list `services` and reflection itself.

    Files of internal packages are hidden where none of their services is listed. Streams end when the health is closed.
    """
    services = tuple(services)
    servicer = aio.ReflectionServicer((*services, *NAMES))
    packages = {name.rpartition(".")[0] for name in services}

    def hidden(file: FileDescriptor) -> bool:
        return ".internal." in file.package and file.package not in packages

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
                    request = reflection_pb2.ServerReflectionRequest.FromString(reading.result())
                except Exception:  # noqa: BLE001 - protobuf's parsers raise different types
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "malformed request")
                if request.file_containing_symbol:
                    request.file_containing_symbol = _known(request.file_containing_symbol, hidden)
                elif request.file_by_filename:
                    request.file_by_filename = _known_file(request.file_by_filename, hidden)
                yield request
        finally:
            closed.cancel()

    async def reflect(_requests: AsyncIterator[bytes], context: Context) -> None:
        answers = cast("AsyncIterator[Message]", servicer.ServerReflectionInfo(decoded(context), context))
        async for response in answers:
            await context.write(response.SerializeToString())

    method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(reflect)
    return {f"/{name}/ServerReflectionInfo": method for name in NAMES}


def _known(symbol: str, hidden: Callable[[FileDescriptor], bool]) -> str:
    """The symbol, or what holds it: the pool does not find methods by their names, and grpcurl asks for them.

    A symbol of a hidden file becomes one that no file has.
    """
    pool = descriptor_pool.Default()
    for name in (symbol, symbol.rpartition(".")[0]):
        try:
            file = pool.FindFileContainingSymbol(name)
        except KeyError:
            continue
        return _UNKNOWN if hidden(file) else name
    return symbol


def _known_file(name: str, hidden: Callable[[FileDescriptor], bool]) -> str:
    try:
        file = descriptor_pool.Default().FindFileByName(name)
    except KeyError:
        return name
    return _UNKNOWN if hidden(file) else name
