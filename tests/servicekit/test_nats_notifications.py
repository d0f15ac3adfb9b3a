"""Notifications over a real NATS server: delivery, its loss and return, credentials, TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from servicekit.nats_notifications import NatsNotifications, NatsServers
from tests.certificates import Authority
from tests.support.nats_server import nats_server, tls_options

SUBJECT = "seda_test"


class Listener:
    """Notifications, and what they brought."""

    def __init__(self, servers: NatsServers) -> None:
        self.channel = NatsNotifications(servers, "seda-test", SUBJECT)
        self.payloads: asyncio.Queue[str] = asyncio.Queue()
        self.connects: asyncio.Queue[None] = asyncio.Queue()
        self.channel.on_payload = self.payloads.put_nowait
        self.channel.on_connect = lambda: self.connects.put_nowait(None)

    async def connected(self) -> None:
        """Wait for the next connection."""
        async with asyncio.timeout(15):
            await self.connects.get()


@asynccontextmanager
async def listening(servers: NatsServers) -> AsyncIterator[Listener]:
    listener = Listener(servers)
    await listener.channel.start()
    try:
        yield listener
    finally:
        await listener.channel.stop()


async def test_payloads_reach_others_and_not_their_sender() -> None:
    async with nats_server() as server:
        servers = NatsServers([f"nats://{server.address}"])
        async with listening(servers) as one, listening(servers) as other:
            await one.connected()
            await other.connected()
            await one.channel.send("from one")
            assert await asyncio.wait_for(other.payloads.get(), 5) == "from one"
            await other.channel.send("from other")
            assert await asyncio.wait_for(one.payloads.get(), 5) == "from other"
            assert other.payloads.empty()


async def test_a_lost_server_is_found_again_and_each_connection_is_told() -> None:
    async with nats_server() as server:
        servers = NatsServers([f"nats://{server.address}"])
        async with listening(servers) as one, listening(servers) as other:
            for _ in range(2):
                await one.connected()
                await other.connected()
                await server.stop()
                # Lost, without an error.
                await one.channel.send("to nobody")
                await server.start()
            await one.connected()
            await other.connected()
            await one.channel.send("again")
            assert await asyncio.wait_for(other.payloads.get(), 5) == "again"


@pytest.mark.parametrize(
    ("options", "credentials"),
    [(("--user", "seda", "--pass", "s3:cret"), "seda:s3:cret"), (("--auth", "a-token"), "a-token")],
    ids=["password", "token"],
)
async def test_credentials_are_asked_for_and_never_logged(
    options: tuple[str, ...], credentials: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nats_server(*options) as server:
        url = f"nats://{server.address}"
        async with listening(NatsServers([url], credentials)) as one:
            await one.connected()
        async with listening(NatsServers([url], "seda:another")) as refused:
            async with asyncio.timeout(10):
                while "listen_failed" not in capsys.readouterr().out:
                    # The log is all that tells.
                    await asyncio.sleep(0.05)
            assert refused.connects.empty()
    logged = capsys.readouterr()
    assert "s3:cret" not in logged.out + logged.err


async def test_tls_is_verified(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    async with nats_server(*tls_options(authority.sign("nats"))) as server:
        url = f"tls://{server.address}"
        trusted = ssl.create_default_context(cafile=str(authority.certificate))
        async with listening(NatsServers([url], tls=trusted)) as one:
            await one.connected()
        other = ssl.create_default_context(cafile=str(stranger.certificate))
        async with listening(NatsServers([url], tls=other)) as one:
            with pytest.raises(TimeoutError):
                # Time for a connection that must not be.
                await asyncio.wait_for(one.connects.get(), 0.7)


async def test_credentials_are_not_sent_to_a_server_without_tls(tmp_path: Path) -> None:
    """As whoever is in between would have it: a server that says that it wants no TLS."""
    received: list[bytes] = []
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","max_payload":1048576,"auth_required":true}\r\n')
        received.append(await reader.read(4_096))
        asked.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    context = ssl.create_default_context(cafile=str(Authority(tmp_path).certificate))
    try:
        async with listening(NatsServers([f"tls://{host}:{port}"], "seda:secret", context)):
            async with asyncio.timeout(10):
                await asked.wait()
    finally:
        server.close()
    assert received == [b""]
