"""The servers that the page can call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc
import grpc.aio

from console.catalog import Catalog, read_catalog
from console.settings import ConsoleSettings, TlsFiles
from ops.call.reflect import Reflection

_REFLECTION_SECONDS = 5.0
_LARGEST_REPLY = 64 * 1024 * 1024
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", _LARGEST_REPLY),
    ("grpc.max_send_message_length", -1),
    # The server is restarted all the time during development.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Target:
    """A server: its channel, and its contract as it was last read."""

    def __init__(self, name: str, address: str, credentials: grpc.ChannelCredentials | None) -> None:
        self.name = name
        self.address = address
        self._credentials = credentials
        self.channel = (
            grpc.aio.insecure_channel(address, options=_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, options=_OPTIONS)
        )
        self._catalog: Catalog | None = None
        self._reading = asyncio.Lock()

    async def catalog(self, *, fresh: bool = False) -> Catalog:
        """Return the contract; read it again with `fresh`. Raises grpc.RpcError."""
        before = self._catalog
        async with self._reading:
            # What somebody else has just read is fresh.
            if self._catalog is None or (fresh and self._catalog is before):
                self._catalog = await asyncio.to_thread(self._read)
            return self._catalog

    def _read(self) -> Catalog:
        make = grpc.insecure_channel if self._credentials is None else self._secure_channel
        # A channel of its own: one that failed before would wait for its next attempt.
        options = (*_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
        with make(self.address, options=options) as channel:
            return read_catalog(Reflection(channel, _REFLECTION_SECONDS))

    def _secure_channel(self, address: str, options: tuple[tuple[str, int], ...]) -> grpc.Channel:
        assert self._credentials is not None  # noqa: S101 - see the caller
        return grpc.secure_channel(address, self._credentials, options=options)


def make_targets(settings: ConsoleSettings) -> Mapping[str, Target]:
    """Return the targets by name, the default one first. Raises OSError for an unreadable file of TLS."""
    credentials = None if settings.tls is None else _credentials(settings.tls)
    return {name: Target(name, address, credentials) for name, address in settings.targets.items()}


def _credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    authority, key, certificate = (
        None if each is None else each.read_bytes()
        for each in (files.authority, files.key, files.certificate)
    )
    return grpc.ssl_channel_credentials(authority, key, certificate)
