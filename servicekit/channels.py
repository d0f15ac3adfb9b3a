"""Calls to the other services: channels, deadlines, tokens, retries and typed errors."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message

from servicekit.call import current_call
from servicekit.errors import DeadlineExceededError, ServiceUnavailableError
from servicekit.methods import Method
from servicekit.rpc_status import from_rpc_error
from servicekit.tokens import ServiceTokenSigner
from servicekit.tracing import Tracing

_Response = TypeVar("_Response", bound=Message)
DEFAULT_TIMEOUT = 5.0
RETURN_OVERHEAD = 0.02
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.max_receive_message_length", 4 << 20),
    # Reconnect soon after a server has restarted.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
)


class UnexpectedStatusError(RuntimeError):
    """A service's gRPC core refused a call, such as to a method that an older build lacks; a retry would not help."""


def service_config(methods: Iterable[Method], *, request_ids: bool = False) -> str:
    """The gRPC service config: round robin over healthy backends, and retries of idempotent methods.

    With `request_ids`, methods with a `request_id` are retried too; every call on the channel must then have one.
    """
    retryable = (each for each in methods if each.idempotent or (request_ids and each.takes_request_id))
    names = [{"service": method.service, "method": method.name} for method in retryable]
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        # A call that reaches a server while it shuts down ends with CANCELLED.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": ""},
            "methodConfig": [{"name": names, "retryPolicy": retry}] if names else [],
            "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        }
    )


def target_address(target: str) -> str:
    """The gRPC address of `host:port`, `address:port,address:port` or a `dns:///` name."""
    if "," not in target or target.startswith(("dns:", "ipv4:", "ipv6:")):
        return target
    return f"ipv6:{target}" if target.startswith("[") else f"ipv4:{target}"


def open_channel(
    target: str,
    methods: Iterable[Method] = (),
    *,
    healthy_only: bool = True,
    request_ids: bool = False,
    tls: grpc.ChannelCredentials | None = None,
) -> grpc.aio.Channel:
    """A channel with our keepalive, retry and balancing options; health checks need `healthy_only=False`."""
    config = service_config(methods, request_ids=request_ids)
    options: list[tuple[str, str | int]] = [*_OPTIONS, ("grpc.service_config", config)]
    if not healthy_only:
        options.append(("grpc.inhibit_health_checking", 1))
    address = target_address(target)
    if tls is not None:
        if address.startswith("ipv4:"):
            # A list has no host name: every certificate must be valid for the first address. (grpc does this for
            # IPv6 lists without the option.)
            options.append(("grpc.ssl_target_name_override", address.split(":")[1]))
        return grpc.aio.secure_channel(address, tls, options=options)
    if address.startswith(("ipv4:", "ipv6:")):
        # Otherwise the whole list, which is no valid authority: servers and proxies may refuse it, grpcio's does not.
        options.append(("grpc.default_authority", address.partition(":")[2].split(",")[0]))
    return grpc.aio.insecure_channel(address, options=options)


class ServiceClient:
    """The client of another service: a channel for unary calls, one for streams, one that also retries writes.

    Streams have their own channel: with all streams of a connection taken, a unary call on it waits to its deadline.
    `channel` and `stream_channel` retry reads alone, so the gateway forwards writes exactly once. `retrying_channel`
    retries idempotent writes too, and writes that take a request_id: each such call must have one. Channels connect
    on their first call. `name` is the audience of the service tokens.
    """

    def __init__(
        self,
        name: str,
        target: str,
        methods: Iterable[Method],
        tokens: ServiceTokenSigner,
        tls: grpc.ChannelCredentials | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        methods = list(methods)
        self.name = name
        reads = [method for method in methods if method.read_only]
        self.channel = open_channel(target, reads, tls=tls)
        self.stream_channel = open_channel(target, reads, tls=tls)
        self.retrying_channel = open_channel(target, methods, request_ids=True, tls=tls)
        if tracing is not None:
            self.channel = tracing.channel(self.channel, target)
            self.stream_channel = tracing.channel(self.stream_channel, target)
            self.retrying_channel = tracing.channel(self.retrying_channel, target)
        self._tokens = tokens

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Any, _Response],
        request: Message,
        *,
        as_service: bool = False,
        on_behalf_of: UUID | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> _Response:
        """Call a method for the caller of the running call, or as this service on their behalf.

        Outside of a call, `on_behalf_of` names the user for whom a worker acts.

        Passes on the remaining deadline of the running call less 20 ms, `timeout` seconds at most. Raises
        UpstreamError for an error of the other service, ServiceUnavailableError when it can't be reached.
        """
        seconds = self._time_left(timeout)
        try:
            return await method(
                request, timeout=seconds, metadata=self._metadata(on_behalf_of, as_service=as_service)
            )
        except grpc.aio.AioRpcError as error:
            raise self._to_service_error(error) from error

    async def stream(
        self, method: grpc.aio.UnaryStreamMultiCallable[Any, _Response], request: Message
    ) -> AsyncGenerator[_Response, None]:
        """Call a streaming method for the caller of the running call; the method is of `stream_channel`.

        Closing the generator cancels the call. Raises the errors of `call`.
        """
        seconds = self._time_left(math.inf)
        responses = method(
            request,
            timeout=None if seconds == math.inf else seconds,
            metadata=self._metadata(None, as_service=False),
        )
        try:
            async for response in responses:
                yield response
        except grpc.aio.AioRpcError as error:
            raise self._to_service_error(error) from error
        finally:
            responses.cancel()

    async def close(self) -> None:
        """Close the channels."""
        for channel in (self.channel, self.stream_channel, self.retrying_channel):
            await channel.close()

    def _time_left(self, timeout: float) -> float:
        call = current_call.get()
        if call is None:
            return timeout
        left = call.deadline - time.monotonic() - RETURN_OVERHEAD
        if left <= 0:
            raise DeadlineExceededError
        return min(timeout, left)

    def _metadata(self, user_id: UUID | None, *, as_service: bool) -> tuple[tuple[str, str], ...]:
        call = current_call.get()
        token = call.token if call and not as_service else None
        if token is None:
            if user_id is None and call is not None and call.identity is not None:
                user_id = call.identity.user_id
            token = self._tokens.token(self.name, None if user_id is None else str(user_id))
        metadata = [("authorization", f"Bearer {token}")]
        if call is not None:
            metadata.append(("x-request-id", call.request_id))
            metadata += call.trace_context
        return tuple(metadata)

    def _to_service_error(self, error: grpc.aio.AioRpcError) -> Exception:
        upstream = from_rpc_error(error)
        if upstream is not None:
            return upstream
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceededError(f"the {self.name} service did not respond in time")
        if error.code() in _UNREACHABLE:
            return ServiceUnavailableError(self.name)
        return UnexpectedStatusError(f"{self.name} returned {error.code().name} without details")
