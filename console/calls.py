"""`POST /api/call`: any call of a target, its reply as lines of JSON while it comes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from console.contract import packaged_comments
from console.identities import Identities
from console.lines import Lines, read_json
from console.targets import Target
from ops.call.invoke import read_request
from ops.errors import CliError
from sedaclient.errors import ErrorDetails, error_details

MAX_CALLS = 64
_MAX_DEADLINE_SECONDS = 24 * 3600.0
_MAX_ROWS, _MAX_METADATA_BYTES = 32, 16_384
_KEY = re.compile(r"[a-z0-9_.-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")
# The library writes these itself, or servers trust them.
_RESERVED = re.compile(r"grpc-.*|content-type|te|user-agent|host|connection")
# Larger messages are written as JSON beside the event loop.
_LARGE_BYTES = 128 * 1024
Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to make. `deadline` is in seconds, None for none."""

    target: Target
    method: MethodDescriptor
    message: bytes
    metadata: Metadata
    deadline: float | None
    expires: float | None


class Calls:
    """Makes calls, a bounded number at a time."""

    def __init__(self, targets: Mapping[str, Target], identities: Identities) -> None:
        self._targets = targets
        self._identities = identities
        self.running = 0

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/api/call", self._call, methods=["POST"])]

    async def _call(self, request: Request) -> Lines:
        given = await read_json(request)
        if self.running >= MAX_CALLS:
            raise HTTPException(429, f"{MAX_CALLS} calls are running. End some streams first.")
        return Lines(self._run(await self._read(given)))

    async def _read(self, given: dict[str, Any]) -> CallRequest:
        target = self._targets.get(str(given.get("target")))
        if target is None:
            raise HTTPException(404, "There is no such target.")
        try:
            method = (await target.catalog()).method(str(given.get("method")))
        except grpc.RpcError as error:
            raise HTTPException(502, unreachable(target, error)) from error
        if method is None or method.client_streaming:
            raise HTTPException(404, f"{target.name} has no such method that takes one request.")
        try:
            message = await asyncio.to_thread(_serialized, method, str(given.get("request") or "{}"))
            token, expires = await self._token(given.get("identity"), target)
        except CliError as error:
            raise HTTPException(400, "\n".join(filter(None, (error.message, error.why)))) from error
        authorization = (("authorization", f"Bearer {token}"),) if token else ()
        metadata = read_metadata(given.get("metadata") or ())
        return CallRequest(
            target, method, message, (*authorization, *metadata), _seconds(given.get("deadline")), expires
        )

    async def _token(self, given: Any, target: Target) -> tuple[str, float | None]:  # noqa: ANN401 - from JSON
        """The token of an identity's id, or a pasted one; empty for none."""
        if not given:
            return "", None
        if isinstance(given, dict):
            return _checked_value(str(given.get("token", "")).strip()), None
        if given not in self._identities.known:
            raise HTTPException(404, "There is no such identity.")
        return await self._identities.token(given, target.name)

    async def _run(self, call: CallRequest) -> AsyncGenerator[bytes, None]:
        self.running += 1
        began = time.perf_counter()
        path = f"/{call.method.containing_service.full_name}/{call.method.name}"
        # Replies stay bytes here: grpc would only log what it can't decode.
        channel: Any = call.target.channel
        if call.method.server_streaming:
            running = channel.unary_stream(path)(call.message, timeout=call.deadline, metadata=call.metadata)
        else:
            running = channel.unary_unary(path)(call.message, timeout=call.deadline, metadata=call.metadata)
        try:
            async for line in _lines(running, call, began):
                yield line
        finally:
            running.cancel()
            self.running -= 1


async def _lines(running: Any, call: CallRequest, began: float) -> AsyncGenerator[bytes, None]:  # noqa: ANN401 - either kind of call
    """The headers, the messages and the status of a call."""
    error: grpc.aio.AioRpcError | None = None
    try:
        headers = await running.initial_metadata()
        yield _line("headers", began, metadata=_shown(headers), expires=call.expires)
        if call.method.server_streaming:
            async for data in running:
                yield await _message(data, call.method, began)
        else:
            yield await _message(await running, call.method, began)
    except grpc.aio.AioRpcError as raised:
        error = raised
    yield await _status(running, error, began)


async def _message(data: bytes, method: MethodDescriptor, began: float) -> bytes:
    if len(data) > _LARGE_BYTES:
        return await asyncio.to_thread(_message_line, data, method, began)
    return _message_line(data, method, began)


def _message_line(data: bytes, method: MethodDescriptor, began: float) -> bytes:
    pool = method.containing_service.file.pool
    try:
        message = message_factory.GetMessageClass(method.output_type).FromString(data)
        value: Any = json_format.MessageToDict(message, descriptor_pool=pool)
        return _line("message", began, size=len(data), value=value)
    except (DecodeError, TypeError, ValueError, RecursionError) as error:
        # An Any of a type that the server does not describe, for example.
        shown = base64.b64encode(data[:_LARGE_BYTES]).decode()
        return _line("message", began, size=len(data), problem=f"No JSON: {error}", value=shown)


async def _status(running: Any, error: grpc.aio.AioRpcError | None, began: float) -> bytes:  # noqa: ANN401 - either kind
    details = ErrorDetails() if error is None else error_details(error)
    code = await running.code()
    return _line(
        "status",
        began,
        code=code.value[0],
        name=code.name,
        text=await running.details() or "",
        details=asdict(details),
        explanation=explain(details.reason, details.domain) if details.reason else "",
        metadata=_shown(await running.trailing_metadata()),
    )


def explain(reason: str, domain: str) -> str:
    """Return the comment of a reason in the packaged contract, of its own service or of all; empty without one."""
    packages = (f"seda.{domain.partition('.')[0]}.v1", "seda.rpc.v1")
    names = (f"{each}.ErrorReason.ERROR_REASON_{reason}" for each in packages)
    return next(filter(None, map(packaged_comments().get, names)), "")


def _line(kind: str, began: float, **fields: object) -> bytes:
    milliseconds = round((time.perf_counter() - began) * 1000, 2)
    return json.dumps({"kind": kind, "ms": milliseconds, **fields}, ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def _shown(metadata: Iterable[tuple[str, str | bytes]] | None) -> list[tuple[str, str]]:
    return [
        (key, value if isinstance(value, str) else base64.b64encode(value).decode())
        for key, value in metadata or ()
    ]


def _serialized(method: MethodDescriptor, text: str) -> bytes:
    message: Message = read_request(method, text)
    return message.SerializeToString()


def read_metadata(rows: Any) -> Metadata:  # noqa: ANN401 - from JSON
    """Return rows of name and value as metadata. Raises HTTPException for what HTTP/2 would carry elsewhere."""
    if not isinstance(rows, Sequence) or len(rows) > _MAX_ROWS:
        raise HTTPException(400, f"Metadata are at most {_MAX_ROWS} rows.")
    found: list[tuple[str, str | bytes]] = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2 or not all(isinstance(each, str) for each in row):  # noqa: PLR2004 - see the text
            raise HTTPException(400, "A row of metadata is a name and a value.")
        name, value = row[0].strip().lower(), row[1]
        if not _KEY.fullmatch(name) or _RESERVED.fullmatch(name):
            raise HTTPException(400, f"{name[:100]!r} can't be the name of metadata.")
        if not name.endswith("-bin"):
            found.append((name, _checked_value(value)))
            continue
        try:
            found.append((name, base64.b64decode(value, validate=True)))
        except (binascii.Error, ValueError):
            raise HTTPException(400, f"The value of {name} is not base64.") from None
    if sum(len(name) + len(value) for name, value in found) > _MAX_METADATA_BYTES:
        raise HTTPException(400, f"Metadata have at most {_MAX_METADATA_BYTES:,} bytes.")
    return tuple(found)


def _checked_value(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise HTTPException(
            400, "A value of metadata is printable ASCII on one line, at most 8,000 characters."
        )
    return value


def _seconds(given: Any) -> float | None:  # noqa: ANN401 - from JSON
    if given is None:
        return None
    if not isinstance(given, int | float) or not 0 < given <= _MAX_DEADLINE_SECONDS:
        raise HTTPException(400, f"A deadline is above 0 and up to {_MAX_DEADLINE_SECONDS:,.0f} seconds.")
    return float(given)


def unreachable(target: Target, error: grpc.RpcError) -> str:
    """Say why a server's contract can't be read."""
    code = error.code()
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return f"{target.address} has no server reflection, from which its methods are known."
    details = error.details()
    return f"{target.address} does not answer: {code.name} {details}"
