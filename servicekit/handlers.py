"""The handler around every method, composed once when a servicer is registered.

In this order: error boundary, metrics and access log, deadline, token, concurrency limit, caller and access,
decoding and validation, the handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import re
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import grpc
import structlog
from google.protobuf.message import Message

from servicekit import rpc_status, validation
from servicekit.call import Call, current_call
from servicekit.client_network import client_network
from servicekit.concurrency_limit import ConcurrencyLimiter, StreamLimiter
from servicekit.errors import (
    Code,
    DeadlineExceededError,
    InternalError,
    MalformedRequestError,
    ServiceError,
    ServiceUnavailableError,
)
from servicekit.field_limits import check_limits
from servicekit.identity import Authenticator
from servicekit.logs import AccessLog
from servicekit.methods import Method
from servicekit.metrics import Metrics
from servicekit.tracing import Tracing, valid_context
from servicekit.transport import GRPCIO, Context, Transport, time_left

# Bytes are a cached, serialized response.
UnaryHandler = Callable[[Any, Call], Awaitable[Message | bytes]]
StreamHandler = Callable[[Any, Call], AsyncGenerator[Message | bytes, None]]
PassthroughHandler = Callable[[bytes, "Context", Call, str | None], Awaitable[Any]]
# Verifies a token before the concurrency limit; False if that has to wait for new keys.
Verify = Callable[[Call, str | None], bool]
_Start = Callable[[Method, Context], tuple[Call, str | None, float | None]]
_Record = Callable[[Call, Code, float, ServiceError | None], None]
_log = structlog.get_logger("call")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
DEFAULT_DEADLINE = 30.0
MIN_TIME_LEFT = 0.02


@dataclass(frozen=True, slots=True)
class HandlerFactory:
    """Builds the handlers of one process from their shared parts."""

    name: str
    authenticator: Authenticator
    limiter: ConcurrencyLimiter
    streams: StreamLimiter
    watches: StreamLimiter
    metrics: Metrics
    transport: Transport = GRPCIO
    tracing: Tracing | None = None

    def handler(self, method: Method, handle: Any) -> grpc.RpcMethodHandler[Any, Any]:  # noqa: ANN401 - either kind
        """The grpc handler of a method, on bytes; raises ContractError when a field of its request has no limit."""
        check_limits(method.request_type.DESCRIPTOR)
        decoded = self._streaming if method.server_streaming else self._unary
        return self._handler(method, self.authenticator.verify, decoded(method, handle))

    def passthrough(self, method: Method, handle: PassthroughHandler) -> grpc.RpcMethodHandler[Any, Any]:
        """A handler that passes bytes to another process, which decodes them and checks the caller.

        Everything else is as in other methods: error boundary, metrics and log, deadline, concurrency limit with each
        user's share. `handle` gets (bytes, context, call, the authorization header); it returns the reply's bytes or, when the method
        streams, writes them to the context.
        """
        identify = self.authenticator.identify
        if not method.server_streaming:
            return self._handler(method, identify, handle)

        async def run(data: bytes, context: Context, call: Call, authorization: str | None) -> None:
            with self.streams.slot(call.share_key):
                await handle(data, context, call, authorization)

        return self._handler(method, identify, run)

    def _handler(
        self, method: Method, verify: Verify, run: PassthroughHandler
    ) -> grpc.RpcMethodHandler[Any, Any]:
        bounded = self._with_error_boundary(method, verify, run)
        return self.transport.handler(bounded, streaming=method.server_streaming)

    def _unary(self, method: Method, handle: UnaryHandler) -> PassthroughHandler:
        async def respond(data: bytes, call: Call) -> bytes:
            reply = await handle(await self._request(data, call), call)
            if isinstance(reply, bytes):
                return reply
            if not isinstance(reply, method.response_type):
                raise TypeError(f"{method.full_name} returned {type(reply).__name__}")
            return reply.SerializeToString()

        async def respond_in_time(data: bytes, call: Call) -> bytes:
            async with asyncio.timeout(call.deadline - time.monotonic()):
                return await respond(data, call)

        def run(data: bytes, context: Context, call: Call, _authorization: str | None) -> Awaitable[bytes]:
            return respond_in_time(data, call) if time_left(context) is None else respond(data, call)

        return run

    def _streaming(self, method: Method, handle: StreamHandler) -> PassthroughHandler:
        async def run(data: bytes, context: Context, call: Call, _authorization: str | None) -> None:
            if method.exempt:
                slot = self.watches.slot(client_network(context.peer()))
            else:
                slot = self.streams.slot(call.share_key)
            with slot:
                replies = handle(await self._request(data, call), call)
                # Nothing of the request is kept as long as the stream lasts.
                del data, _authorization
                # Closed in any case: a call that is cancelled while it writes leaves the generator where it is.
                async with contextlib.aclosing(replies):
                    async for reply in replies:
                        # Bytes: serialized once for many watchers.
                        await context.write(reply if isinstance(reply, bytes) else reply.SerializeToString())

        return run

    async def _request(self, data: bytes, call: Call) -> Message:
        if call.identity is None:
            await self.authenticator.resolve(call)
        return validation.parse_request(call.method.request_type, data)

    def _with_error_boundary(
        self, method: Method, verify: Verify, run: PassthroughHandler
    ) -> Callable[[object, Context], Awaitable[Any]]:
        """The error boundary: the client gets a documented error for every exception of `run`.

        The concurrency limit is in here as well: another coroutine would add its cost to every call.
        """
        start, record = self._start_and_record(method)
        # Streams have a separate limiter.
        limited = not method.exempt and not method.server_streaming

        async def bounded(received: object, context: Context) -> Any:  # noqa: ANN401 - what `run` gives
            started = time.perf_counter()
            call, authorization, left = start(method, context)
            current_call.set(call)
            error: ServiceError | None = None
            code = Code.OK
            acquired = False
            try:
                _check_deadline(method, left)
                # Both wait without a slot.
                data = received if isinstance(received, bytes) else await _reading(context, left)
                if data is grpc.aio.EOF:
                    await _refuse_missing_message(method)
                if not verify(call, authorization):
                    # Anybody can name an unknown key.
                    await self.authenticator.verify_with_new_keys(call, authorization)
                if limited:
                    if not self.limiter.try_acquire(call.share_key):
                        await self.limiter.acquire(call.share_key)
                    acquired = True
                running = run(data, context, call, authorization)
                del data, authorization
                return await running
            except asyncio.CancelledError:
                code = Code.CANCELLED
                if context.cancelled() or _is_being_cancelled():
                    raise
                # Not cancelled by the client: without an error it would wait for its deadline.
                error = ServiceUnavailableError(self.name)
            except Exception as raised:  # noqa: BLE001 - the boundary
                error = self._to_service_error(raised, call)
                # Its frames hold the request, and this frame holds the error: a cycle, freed by the garbage collector alone.
                raised.__traceback__ = raised.__cause__ = raised.__context__ = None
            finally:
                if acquired:
                    self.limiter.release(call.share_key)
                code = error.code if error is not None else code
                record(call, code, time.perf_counter() - started, error)
            return await rpc_status.abort(context, error, f"{self.name}.seda.fm", call)

        return bounded

    def _start_and_record(self, method: Method) -> tuple[_Start, _Record]:
        """What makes a call of a method, and what records that it has ended; with a span only if calls are traced."""
        record = self._recorder(method)
        if self.tracing is None or method.exempt:
            return _call, record
        begin, end = self.tracing.calls(method.path)

        def traced_start(method: Method, context: Context) -> tuple[Call, str | None, float | None]:
            started = _call(method, context)
            begin(started[0])
            return started

        def traced_record(call: Call, code: Code, seconds: float, error: ServiceError | None) -> None:
            record(call, code, seconds, error)
            end(call, code)

        return traced_start, traced_record

    def _recorder(self, method: Method) -> _Record:
        """What counts a call of a method that has ended, and logs it unless it is exempt."""
        counted = self.metrics.for_method(method)
        if method.exempt:
            return lambda _call, code, seconds, _error: counted.record(code, seconds)
        logged = AccessLog(self.name, method)

        def record(call: Call, code: Code, seconds: float, error: ServiceError | None) -> None:
            counted.record(code, seconds)
            logged.record(call, code, seconds, error)

        return record

    def _to_service_error(self, raised: Exception, call: Call) -> ServiceError:
        if isinstance(raised, ServiceError):
            return raised
        if isinstance(raised, TimeoutError):
            return DeadlineExceededError()
        error_id = secrets.token_hex(8)
        self.metrics.record_internal_error(raised)
        _log.error("internal_error", error_id=error_id, method=call.method.full_name, exc_info=raised)
        return InternalError(error_id)


def _call(method: Method, context: Context) -> tuple[Call, str | None, float | None]:
    """The call, its authorization header, and its remaining seconds, if it has a deadline."""
    metadata = dict(cast("Iterable[tuple[str, str | bytes]]", context.invocation_metadata() or ()))
    authorization, request_id = metadata.get("authorization"), metadata.get("x-request-id")
    if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
        # Needs to be unique, not unguessable.
        request_id = f"{random.getrandbits(128):032x}"
    traceparent, tracestate = valid_context(metadata.get("traceparent"), metadata.get("tracestate"))
    left = time_left(context)
    if left is None:
        # A stream may last; what it calls has limits of its own.
        left_at_most = math.inf if method.server_streaming else DEFAULT_DEADLINE
    else:
        left_at_most = left
    deadline = time.monotonic() + left_at_most
    call = Call(method, request_id, deadline, traceparent, tracestate)
    return call, authorization if isinstance(authorization, str) else None, left


def _check_deadline(method: Method, left: float | None) -> None:
    if left is not None and left < MIN_TIME_LEFT and not method.exempt:
        raise DeadlineExceededError("too little time was left to start")


def _reading(context: Context, left: float | None) -> Awaitable[Any]:
    """The next message or EOF. A call with a deadline is ended by grpc's core, and without another coroutine."""
    return _read_in_time(context) if left is None else context.read()


async def _refuse_missing_message(method: Method) -> NoReturn:
    # grpc.aio cancels the task right after this event if the client is gone.
    await asyncio.sleep(0)
    raise MalformedRequestError(method.request_type.DESCRIPTOR.full_name)


async def _read_in_time(context: Context) -> Any:  # noqa: ANN401 - bytes or EOF
    async with asyncio.timeout(DEFAULT_DEADLINE):
        return await context.read()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
