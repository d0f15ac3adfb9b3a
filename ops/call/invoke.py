"""Make one call and print its reply or error."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.protobuf import json_format, message_factory

from ops.call.reflect import Reflection
from ops.errors import CliError, Exit
from sedaclient.errors import error_details

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message

    from ops.console import Console

_REFLECTION_SECONDS = 5.0
_UNARY_SECONDS = 10.0
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 16 * 1024 * 1024))


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call to make. `timeout` is in seconds, None for a stream without an end; `limit` is messages of a stream."""

    address: str
    method: str
    body: str
    token: str | None
    timeout: float | None
    limit: int | None
    verbose: bool


def read_body(given: str) -> str:
    """Return the JSON of `-d`: itself, `@file`, or `-` for stdin."""
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise CliError(
            "BODY_UNREADABLE", f"Can't read {given[1:]}: {error.strerror}.", exit_code=Exit.USAGE
        ) from error


def list_methods(address: str, service: str | None, console: Console) -> None:
    """Show the services of a server, or the methods of one of them."""
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        try:
            reflection = Reflection(channel, _REFLECTION_SECONDS)
            if service is None:
                names = reflection.services()
            else:
                names = [f"{service}/{each.name}" for each in reflection.service(service).methods]
        except grpc.RpcError as error:
            raise _failure(error, address, token=True) from error
    console.result({"names": names}, "\n".join(names))


def invoke(call: Invocation, console: Console) -> None:
    """Make the call and print each reply as JSON. Raises CliError with exit code 64 + the gRPC code."""
    with grpc.insecure_channel(call.address, options=_OPTIONS) as channel:
        try:
            method = Reflection(channel, _REFLECTION_SECONDS).method(call.method)
            _invoke(channel, method, call, console)
        except grpc.RpcError as error:
            raise _failure(error, call.address, token=call.token is not None) from error


def _invoke(channel: grpc.Channel, method: MethodDescriptor, call: Invocation, console: Console) -> None:
    if method.client_streaming:
        raise CliError("CLIENT_STREAMING", f"{method.full_name} takes a stream.", exit_code=Exit.USAGE)
    request = read_request(method, call.body)
    path = f"/{method.containing_service.full_name}/{method.name}"
    response_class = message_factory.GetMessageClass(method.output_type)
    metadata = (("authorization", f"Bearer {call.token}"),) if call.token else ()
    began = time.monotonic()
    running: grpc.Call
    if method.server_streaming:
        open_stream = channel.unary_stream(path, _serialize, response_class.FromString)
        stream = open_stream(request, timeout=call.timeout, metadata=metadata)
        for number, each in enumerate(stream, start=1):
            _print(each, method, console)
            if call.limit is not None and number >= call.limit:
                stream.cancel()
                break
        running = stream
    else:
        call_method = channel.unary_unary(path, _serialize, response_class.FromString)
        response, running = call_method.with_call(
            request, timeout=call.timeout or _UNARY_SECONDS, metadata=metadata
        )
        _print(response, method, console)
    if call.verbose:
        milliseconds = (time.monotonic() - began) * 1000
        console.message(f"{path} at {call.address}: {milliseconds:.1f} ms")
        _print_metadata(running, console)


def read_request(method: MethodDescriptor, body: str) -> Message:
    """Return the request that JSON text stands for. Raises CliError BODY_INVALID."""
    request = message_factory.GetMessageClass(method.input_type)()
    try:
        fields = json.loads(body or "{}")
        if not isinstance(fields, dict):
            raise json_format.ParseError("a request is a JSON object")  # noqa: TRY301 - reported like the others
        return json_format.ParseDict(fields, request, descriptor_pool=method.containing_service.file.pool)
    except (ValueError, TypeError, RecursionError, json_format.ParseError) as error:
        known = ", ".join(each.json_name for each in method.input_type.fields) or "none"
        raise CliError(
            "BODY_INVALID",
            f"The request is no {method.input_type.name}.",
            why=str(error),
            fix=f"Its fields: {known}",
            exit_code=Exit.USAGE,
        ) from error


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _print(response: Message, method: MethodDescriptor, console: Console) -> None:
    data = json_format.MessageToDict(response, descriptor_pool=method.containing_service.file.pool)
    if console.json and method.server_streaming:
        console.event("message", data=data)
    else:
        # A stream is read line by line.
        indent = None if method.server_streaming else 2
        console.result(data, json.dumps(data, indent=indent, ensure_ascii=not sys.stdout.isatty()))


def _print_metadata(running: grpc.Call, console: Console) -> None:
    pairs: Sequence[tuple[str, str | bytes]] = (
        *(running.initial_metadata() or ()),
        *(running.trailing_metadata() or ()),
    )
    for key, value in pairs:
        console.message(f"  {key}: {value if isinstance(value, str) else f'{len(value)} bytes'}")


def _failure(error: grpc.RpcError, address: str, *, token: bool) -> CliError:
    code = error.code()
    number = int(code.value[0])
    message = error.details() or ""
    reason, lines, details = _details(error)
    fix = ""
    if code is grpc.StatusCode.UNAUTHENTICATED and not token:
        fix = "Authenticate: --as ada, or export SEDA_TOKEN=$(seda token --email ada@demo.seda.fm)"
    elif code is grpc.StatusCode.UNAVAILABLE and not reason:
        # Without an ErrorInfo reason it is grpc's own text: the server is unreachable.
        message = f"Nothing answers at {address}."
        fix = "Check it: seda health   Start it: seda up"
    return CliError(
        reason or code.name,
        f"{code.name}{f' {reason}' if reason else ''}: {message}",
        why="\n".join(lines),
        fix=fix,
        retry=code is grpc.StatusCode.UNAVAILABLE,
        exit_code=Exit.CALL_BASE + number,
        details={"grpc_code": code.name, **details},
    )


def _details(error: grpc.RpcError) -> tuple[str, list[str], dict[str, object]]:
    """Return an error's reason, its details as lines, and as data; all empty where grpc itself made it."""
    details, lines, data = error_details(error), list[str](), dict[str, object]()
    if details.reason:
        data |= {"domain": details.domain, "metadata": details.metadata}
        lines += [f"  {key}: {value}" for key, value in sorted(details.metadata.items())]
    if details.violations:
        data["fields"] = dict(details.violations)
        lines += [f"  {field}: {text}" for field, text in details.violations]
    if details.request_id:
        data["request_id"] = details.request_id
        lines.append(f"  request id: {details.request_id}")
    if details.retry_after is not None:
        data["retry_seconds"] = details.retry_after
        lines.append(f"  retry after: {details.retry_after} s")
    return details.reason, lines, data
