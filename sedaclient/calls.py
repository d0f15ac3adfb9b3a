"""One logical call, free of I/O: its deadline, its ids, and when it is tried again. Both clients follow it."""

from __future__ import annotations

import logging
import math
import random
import time
import uuid
from collections.abc import Sequence
from typing import cast

import grpc
from google.protobuf.message import Message

from sedaclient import deadlines
from sedaclient.errors import DeadlineExceeded, ErrorDetails, SedaError, from_rpc_error
from sedaclient.methods import ClientMethod

Metadata = Sequence[tuple[str, str]]
_log = logging.getLogger("sedaclient")
_REPEATED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_RETRIES_PER_SECOND, _RETRY_BURST = 50.0, 50.0


def backoff(failures: int, first: float = _FIRST_PAUSE, longest: float = _LONGEST_PAUSE) -> float:
    """Seconds to wait after a number of failures in a row, with jitter."""
    pause = min(longest, first * 2.0 ** min(failures - 1, 16))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret


class RetryPacer:
    """Spaces the retries of a client: 50 at once, then 50 a second, so that an outage is not met by a storm of them."""

    def __init__(self) -> None:
        self._next = 0.0

    def delay(self, at: float, until: float) -> float | None:
        """Seconds after `at`, on the monotonic clock, at which a retry may start; None: not before `until`."""
        begin = max(self._next, at - _RETRY_BURST / _RETRIES_PER_SECOND)
        start = max(at, begin)
        if start >= until:
            return None
        self._next = begin + 1 / _RETRIES_PER_SECOND
        return start - at


class LogicalCall:
    """A call of `method` with all its attempts. A unary one has a deadline and, if the method takes one, a request_id.

    A call is repeated until its deadline after UNAVAILABLE and CANCELLED if a repeat is safe: the contract says that
    the method is idempotent, or the call has a request_id. A stream is repeated for 5 s, until its first message.
    """

    def __init__(
        self, method: ClientMethod, request: Message, timeout: float | None, pacer: RetryPacer, *, retry: bool
    ) -> None:
        self.refused = False
        self._method, self._pacer = method, pacer
        self._failures = 0
        self._retry = retry and (method.idempotent or method.takes_request_id)
        self.request = _with_request_id(request) if method.takes_request_id else request
        running = deadlines.running_call.get()
        self._request_id = running.request_id if running else uuid.uuid4().hex
        self._trace_context = running.trace_context if running else ()
        default = math.inf if method.server_streaming else deadlines.DEFAULT_TIMEOUT
        self._deadline = time.monotonic() + deadlines.time_left(default if timeout is None else timeout)
        self._retry_until = min(self._deadline, time.monotonic() + deadlines.DEFAULT_TIMEOUT)
        if not method.server_streaming:
            self._retry_until = self._deadline

    def time_left(self) -> float | None:
        """Seconds left for an attempt, None without a deadline; raises DeadlineExceeded."""
        if self._deadline == math.inf:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                self._method.short_name, "no time is left", ErrorDetails(request_id=self._request_id)
            )
        return left

    def metadata(self, token: str, more: Metadata) -> list[tuple[str, str]]:
        """The metadata of an attempt."""
        metadata = [("x-request-id", self._request_id), *self._trace_context, *more]
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        return metadata

    def pause_after(self, error: grpc.RpcError, *, started: bool = False) -> float:
        """Seconds until the next attempt; raises the SedaError of a call that is not repeated, as a `started` stream."""
        failure = from_rpc_error(error, self._method.short_name, self._request_id)
        pause = None if started else self._pause(failure)
        if pause is None:
            raise failure from error
        _log.debug("retry in %.3f s: %s", pause, failure)
        return pause

    def _pause(self, failure: SedaError) -> float | None:
        if failure.code is grpc.StatusCode.UNAUTHENTICATED and not self.refused:
            # Nothing was done; another token may be accepted.
            self.refused = True
            return 0.0
        if not self._retry or failure.code not in _REPEATED:
            return None
        self._failures += 1
        pause = max(backoff(self._failures), failure.retry_after or 0.0)
        more = self._pacer.delay(time.monotonic() + pause, self._retry_until)
        return None if more is None else pause + more


def _with_request_id(request: Message) -> Message:
    """The request with a request_id: a copy, as the caller may send the same object again and mean another call."""
    if cast("str", getattr(request, "request_id")):  # noqa: B009 - of any type that has one
        return request
    filled = type(request)()
    filled.CopyFrom(request)
    setattr(filled, "request_id", str(uuid.uuid4()))  # noqa: B010 - of any type that has one
    return filled
