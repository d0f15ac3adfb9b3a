"""The client of asyncio programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self, TypeVar

import grpc

from sedaclient.calls import LogicalCall, Metadata
from sedaclient.channels import open_channel
from sedaclient.client import BoundMethod
from sedaclient.live import AsyncWatch
from sedaclient.services import AsyncServices

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class _AsyncMethod(BoundMethod[_Request, _Response]):
    is_async = True

    async def _token(self, call: LogicalCall) -> str:
        token = self._bearer(call)
        if isinstance(token, str):
            return token
        async with asyncio.timeout(call.time_left()):
            return await token


class AsyncUnary(_AsyncMethod[_Request, _Response]):
    """A method with one response."""

    async def __call__(
        self, request: _Request, *, timeout: float | None = None, retry: bool = True, metadata: Metadata = ()
    ) -> _Response:
        """Make the call, within `timeout` seconds in all, 5 unless given. Raises SedaError.

        A call that is safe to repeat is, after UNAVAILABLE, unless `retry` is off.
        """
        call = self._begin(request, timeout, retry=retry)
        while True:
            sent = call.metadata(await self._token(call), metadata)
            try:
                response: _Response = await self._invoke(
                    call.request, timeout=call.time_left(), metadata=sent
                )
            except grpc.RpcError as error:
                pause = call.pause_after(error)
            else:
                return response
            await asyncio.sleep(pause)


class AsyncStream(_AsyncMethod[_Request, _Response]):
    """A method with a stream of responses."""

    async def __call__(
        self, request: _Request, *, timeout: float | None = None, retry: bool = True, metadata: Metadata = ()
    ) -> AsyncGenerator[_Response, None]:
        """Yield the responses, for `timeout` seconds if given; closing the generator cancels the call. Raises SedaError."""
        call = self._begin(request, timeout, retry=retry)
        started = False
        while True:
            sent = call.metadata(await self._token(call), metadata)
            responses: Any = self._invoke(call.request, timeout=call.time_left(), metadata=sent)
            try:
                async for response in responses:
                    started = True
                    yield response
            except grpc.RpcError as error:
                pause = call.pause_after(error, started=started)
            else:
                return
            finally:
                responses.cancel()
            await asyncio.sleep(pause)


class AsyncSeda(AsyncServices):
    """A client of Seda for one event loop: `async with AsyncSeda("127.0.0.1:7400", auth=StaticToken(token)) as seda`."""

    open_channel = staticmethod(open_channel)
    method_types = (AsyncUnary, AsyncStream)
    watch_type = AsyncWatch

    async def ready(self, timeout: float = 5.0) -> None:
        """Wait until a healthy server is connected; raises Unavailable after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self.connection.open(open_channel)[0].channel_ready()
        except TimeoutError:
            raise self._unready(timeout) from None

    async def close(self) -> None:
        """Close the channels; calls in flight are cancelled."""
        for channel in self.connection.channels:
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
