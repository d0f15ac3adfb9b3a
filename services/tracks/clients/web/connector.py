"""SSRF guard for connections: connects only to addresses that were checked, and verifies the peer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from services.tracks.domain.web.addresses import Address

_MAX_ADDRESSES = 4
_READ_AHEAD = 32 * 1024
_SHUTDOWN_SECONDS = 1.0


class ConnectError(Exception):
    """No address accepted the connection."""


class ConnectTimeoutError(ConnectError):
    """Connect or handshake timed out."""


class HandshakeError(ConnectError):
    """The certificate is not valid for the name, or the peer does not speak TLS."""


class UnexpectedAddressError(ConnectError):
    """The peer of the connection is not the address that was checked."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Build a context that trusts the system's authorities and those of `ca_file` (PEM)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Connector:
    """Connects to one of several addresses. Resolves no names and uses no proxy."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    @contextlib.asynccontextmanager
    async def connect(
        self, addresses: list[Address], port: int, name: str | None, seconds: float
    ) -> AsyncIterator[Stream]:
        """Connect within `seconds`, handshake included; the connection is aborted at the end of the block.

        `name` is the host of the certificate; None for plain text. Raises ConnectError.
        """
        stream = await self._open(addresses, port, name, seconds)
        try:
            yield stream
        finally:
            # Not closed gracefully: the peer could delay that.
            stream.writer.transport.abort()

    async def _open(self, addresses: list[Address], port: int, name: str | None, seconds: float) -> Stream:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        tried = addresses[:_MAX_ADDRESSES]
        failure: ConnectError = ConnectError("no address to connect to")
        for number, address in enumerate(tried):
            # Each address gets its share of the time, so that a black hole does not use it all.
            share = (end - loop.time()) / (len(tried) - number)
            try:
                async with asyncio.timeout(share):
                    return await self._try(address, port, name)
            except TimeoutError:
                failure = ConnectTimeoutError(f"no connection within {share:.1f} s")
            except (ssl.SSLError, ssl.CertificateError) as error:
                failure = HandshakeError(str(error))
            except OSError as error:
                failure = ConnectError(error.strerror or type(error).__name__)
        raise failure

    async def _try(self, address: Address, port: int, name: str | None) -> Stream:
        connection = await self.socket(address, port)
        if not _is_connected_to(connection, address):
            connection.close()
            raise UnexpectedAddressError("the peer is not the checked address")
        # The transport owns the socket from here on and closes it on cancellation.
        reader, writer = await asyncio.open_connection(
            sock=connection,
            limit=_READ_AHEAD,
            ssl=self._tls if name else None,
            server_hostname=name,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS if name else None,
        )
        return Stream(reader, writer)

    async def socket(self, address: Address, port: int) -> socket.socket:
        """Return a socket connected to the address."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - of IP
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, (str(address), port))
        except BaseException:
            made.close()
            raise
        return made


def _is_connected_to(connection: socket.socket, address: Address) -> bool:
    try:
        return ip_address(connection.getpeername()[0]) == address
    except OSError:
        # Reset meanwhile.
        return False
