"""The client of programs without an event loop. Its methods may be called from several threads."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Generator
from typing import Any, Self, TypeVar, cast

import grpc

from sedaclient.calls import LogicalCall, Metadata
from sedaclient.channels import open_sync_channel
from sedaclient.client import BoundMethod
from sedaclient.live import SyncWatch
from sedaclient.services import SyncServices

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class _SyncMethod(BoundMethod[_Request, _Response]):
    is_async = False

    def _token(self, call: LogicalCall) -> str:
        token = self._bearer(call)
        if not isinstance(token, str):
            cast("Coroutine[Any, Any, str]", token).close()
            raise TypeError("an async source of tokens is for AsyncSeda")
        return token


class SyncUnary(_SyncMethod[_Request, _Response]):
    """A method with one response."""

    def __call__(
        self, request: _Request, *, timeout: float | None = None, retry: bool = True, metadata: Metadata = ()
    ) -> _Response:
        """As AsyncUnary."""
        call = self._begin(request, timeout, retry=retry)
        while True:
            sent = call.metadata(self._token(call), metadata)
            try:
                response: _Response = self._invoke(call.request, timeout=call.time_left(), metadata=sent)
            except grpc.RpcError as error:
                pause = call.pause_after(error)
            else:
                return response
            time.sleep(pause)


class SyncStream(_SyncMethod[_Request, _Response]):
    """A method with a stream of responses."""

    _running: Any = None

    def __call__(
        self, request: _Request, *, timeout: float | None = None, retry: bool = True, metadata: Metadata = ()
    ) -> Generator[_Response, None, None]:
        """As AsyncStream."""
        call = self._begin(request, timeout, retry=retry)
        started = False
        while True:
            sent = call.metadata(self._token(call), metadata)
            responses = self._invoke(call.request, timeout=call.time_left(), metadata=sent)
            self._running = responses
            try:
                for response in responses:
                    started = True
                    yield response
            except grpc.RpcError as error:
                pause = call.pause_after(error, started=started)
            else:
                return
            finally:
                responses.cancel()
            time.sleep(pause)

    def cancel(self) -> None:
        """End the stream that was opened last, from another thread; it raises Cancelled."""
        if self._running is not None:
            self._running.cancel()


class Seda(SyncServices):
    """As AsyncSeda, for programs without an event loop: `with Seda("127.0.0.1:7400", auth=...) as seda`."""

    open_channel = staticmethod(open_sync_channel)
    method_types = (SyncUnary, SyncStream)
    watch_type = SyncWatch

    def ready(self, timeout: float = 5.0) -> None:
        """Wait until a healthy server is connected; raises Unavailable after `timeout` seconds."""
        try:
            grpc.channel_ready_future(self.connection.open(open_sync_channel)[0]).result(timeout)
        except grpc.FutureTimeoutError:
            raise self._unready(timeout) from None

    def close(self) -> None:
        """Close the channels; calls in flight are cancelled."""
        for channel in self.connection.channels:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
