"""The gateway in front of the real users, chat and tracks, all on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc

from servicekit.tracing import Tracing
from services.chat import app as chat_app
from services.chat import config as chat_config
from services.tracks import app as tracks_app
from services.tracks import config as tracks_config
from services.users import app as users_app
from services.users import config as users_config
from tests.gateway.gateway_fixture import settings, start_gateway
from tests.postgres import Database, free_port
from tests.services.running import Running, running

_SERVICES = (
    (users_config.Settings, users_app.build),
    (chat_config.Settings, chat_app.build),
    (tracks_config.Settings, tracks_app.build),
)


@dataclass
class GatewaySuite:
    """The four running processes."""

    users: Running
    chat: Running
    tracks: Running
    gateway: Running

    @property
    def channel(self) -> grpc.aio.Channel:
        """A channel to the gateway."""
        return self.gateway.channel


@asynccontextmanager
async def gateway_suite(
    database: Database, tracing: Callable[[str], Tracing | None] = lambda _: None, delegates: str = ""
) -> AsyncIterator[GatewaySuite]:
    """Run the suite; each service knows where the others are. `tracing` traces the process of a name; `delegates` may act for users."""
    ports = {config.process: free_port() for config, _ in _SERVICES}
    targets = {f"{name}_target": f"127.0.0.1:{port}" for name, port in ports.items()}
    async with AsyncExitStack() as stack:
        start = stack.enter_async_context
        users, chat, tracks = [
            await start(
                running(
                    config,
                    build,
                    database,
                    tracing(config.process),
                    port=ports[config.process],
                    delegates=delegates,
                    **targets,
                )
            )
            for config, build in _SERVICES
        ]
        config = settings(users.address, chat.address, tracks.address, delegates=delegates)
        process, channel = await start(start_gateway(config, tracing=tracing("gateway")))
        yield GatewaySuite(users, chat, tracks, Running(process, channel, database))
