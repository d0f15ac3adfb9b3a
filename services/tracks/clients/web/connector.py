"""Connections to addresses that were vetted before: what is connected to is what was vetted, or nothing."""

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
    """No address took the connection."""


class ConnectTimeoutError(ConnectError):
    """Connection or handshake took too long."""


class HandshakeError(ConnectError):
    """The other end's certificate is not good for the name, or it does not speak TLS."""


class UnexpectedAddressError(ConnectError):
    """The connection leads to another address than the one that was vetted."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The two ends of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Certificates are checked against the system's authorities, and those of `ca_file` (PEM) beside them."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Connector:
    """Connects to one of some addresses. Knows no names but for the certificate's, and no proxy."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    @contextlib.asynccontextmanager
    async def connected(
        self, addresses: list[Address], port: int, name: str | None, seconds: float
    ) -> AsyncIterator[Stream]:
        """A connection within so many seconds, handshake included; aborted at the end of the block.

        `name` is what the certificate must be for; None: plain text. Raises ConnectError.
        """
        stream = await self._open(addresses, port, name, seconds)
        try:
            yield stream
        finally:
            # No orderly end: the other side could drag it out, and nothing more is wanted of it.
            stream.writer.transport.abort()

    async def _open(self, addresses: list[Address], port: int, name: str | None, seconds: float) -> Stream:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        tried = addresses[:_MAX_ADDRESSES]
        failure: ConnectError = ConnectError("there is no address to connect to")
        for number, address in enumerate(tried):
            # An address that swallows everything must leave the others their time.
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
            raise UnexpectedAddressError("the connection leads elsewhere")
        # From here on the socket is the transport's, which also closes it when this is cancelled.
        reader, writer = await asyncio.open_connection(
            sock=connection,
            limit=_READ_AHEAD,
            ssl=self._tls if name else None,
            server_hostname=name,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS if name else None,
        )
        return Stream(reader, writer)

    async def socket(self, address: Address, port: int) -> socket.socket:
        """A socket that is connected to the address."""
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
        # It was reset in this moment: it leads nowhere.
        return False
