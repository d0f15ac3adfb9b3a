"""Server reflection under both of its names.

grpcio-reflection speaks v1alpha only. v1 has the same messages on the wire, so the same servicer
stands under both names; it is fed with requests decoded here, because the stock server answers
bytes that it can't decode with the exception's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from servicekit.health import HealthBoard
from servicekit.wrapper import Context

NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def handlers(services: Iterable[str], board: HealthBoard) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Handlers, by path, of both versions that list `services` and reflection itself.

    Streams end when the board is closed.
    """
    servicer = aio.ReflectionServicer((*services, *NAMES))

    async def answer(requests: AsyncIterator[bytes], context: Context) -> None:
        async def decoded() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
            async for data in requests:
                try:
                    request = reflection_pb2.ServerReflectionRequest.FromString(data)
                except Exception:  # noqa: BLE001 - protobuf's parsers raise different types
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "malformed request")
                if request.file_containing_symbol:
                    request.file_containing_symbol = _known(request.file_containing_symbol)
                yield request

        answers = cast("AsyncIterator[Message]", servicer.ServerReflectionInfo(decoded(), context))
        async for response in answers:
            await context.write(response.SerializeToString())

    async def reflect(requests: AsyncIterator[bytes], context: Context) -> None:
        works = [asyncio.ensure_future(each) for each in (answer(requests, context), board.closed.wait())]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            for work in works:
                work.cancel()

    method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(reflect)
    return {f"/{name}/ServerReflectionInfo": method for name in NAMES}


def _known(symbol: str) -> str:
    """The symbol, or what holds it: the pool does not find methods by their names, and grpcurl asks for them."""
    try:
        descriptor_pool.Default().FindFileContainingSymbol(symbol)
    except KeyError:
        return symbol.rpartition(".")[0]
    return symbol
