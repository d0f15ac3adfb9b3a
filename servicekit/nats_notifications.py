"""Notifications over a NATS server: what servicekit.notifications does, where LISTEN is not to be had.

Core NATS, at most once and nothing stored: what is sent while there is no connection is lost, so `on_connect` tells each
new one. Needs the extra `nats`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, SecureConnRequiredError

from servicekit.notifications import keep_connected

_log = structlog.get_logger("notifications")
_CONNECT_SECONDS = 3
_PING_SECONDS = 5
"""Two pings without an answer end a connection."""
_ERRORS = (Error, OSError, TimeoutError, ValueError)


@dataclass(frozen=True, slots=True)
class NatsServers:
    """Where to connect. `credentials` are `user:password` or a token; with `tls`, nothing goes over plain text."""

    urls: Sequence[str]
    credentials: str = ""
    tls: ssl.SSLContext | None = None

    def connect_arguments(self) -> dict[str, Any]:
        """The arguments of Client.connect."""
        user, separator, password = self.credentials.partition(":")
        arguments: dict[str, Any] = {"servers": list(self.urls)}
        if separator:
            arguments |= {"user": user, "password": password}
        elif user:
            arguments["token"] = user
        return arguments if self.tls is None else {**arguments, "tls": self.tls}


class NatsNotifications:
    """One subject. `on_payload` gets the payloads of other processes."""

    def __init__(self, servers: NatsServers, name: str, subject: str) -> None:
        self._servers = servers
        self._name = name
        self._subject = subject
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self.on_payload: Callable[[str], None] = lambda _: None
        self.on_connect: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Start connecting in the background."""
        self._task = asyncio.create_task(keep_connected(self._listen, _ERRORS))

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def send(self, payload: str) -> None:
        """Publish to all subscribers; without a connection the payload is lost."""
        if self._client is not None:
            with contextlib.suppress(*_ERRORS):
                await self._client.publish(self._subject, payload.encode())

    async def _listen(self) -> None:
        """Subscribe until the connection is lost."""
        client, lost = _TlsClient(demanded=self._servers.tls is not None), asyncio.Event()

        async def closed() -> None:
            lost.set()

        async def received(message: Msg) -> None:
            self.on_payload(message.data.decode(errors="replace"))

        try:
            await client.connect(
                **self._servers.connect_arguments(),
                name=self._name,
                # This class connects again: each new connection has to be told.
                allow_reconnect=False,
                connect_timeout=_CONNECT_SECONDS,
                ping_interval=_PING_SECONDS,
                no_echo=True,
                closed_cb=closed,
                error_cb=_ignore,
            )
            await client.subscribe(self._subject, cb=received)
            # The server has the subscription when it answers: what was sent before is lost, what is sent now arrives.
            await client.flush(_CONNECT_SECONDS)
            self._client = client
            self.on_connect()
            await lost.wait()
            _log.warning("listener_lost")
        finally:
            self._client = None
            with contextlib.suppress(*_ERRORS):
                await client.close()


class _TlsClient(Client):
    """nats-py uses TLS if the server asks for it, so whoever is in between could ask for the credentials instead."""

    def __init__(self, *, demanded: bool) -> None:
        super().__init__()
        self._demanded = demanded

    def _connect_command(self) -> bytes:
        """Return the first command, which has the credentials."""
        if self._demanded and not self._server_info.get("tls_required"):
            raise SecureConnRequiredError
        return super()._connect_command()


async def _ignore(_: Exception) -> None:
    """The library would log errors with their texts; the end of the connection is logged here."""
