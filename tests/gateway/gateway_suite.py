"""The gateway in front of the real users, chat and tracks, all on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from services.chat import app as chat_app
from services.chat import config as chat_config
from services.tracks import app as tracks_app
from services.tracks import config as tracks_config
from services.users import app as users_app
from services.users import config as users_config
from tests.gateway.gateway_fixture import settings, start_gateway
from tests.postgres import Database
from tests.services.running import Running, running


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
async def gateway_suite(database: Database, **users_values: Any) -> AsyncIterator[GatewaySuite]:
    """Run the suite on free ports. `users_values` are settings of users."""
    async with AsyncExitStack() as stack:
        start = stack.enter_async_context
        users = await start(running(users_config.Settings, users_app.build, database, **users_values))
        behind = {"users_target": users.address}
        tracks = await start(running(tracks_config.Settings, tracks_app.build, database, **behind))
        behind["tracks_target"] = tracks.address
        chat = await start(running(chat_config.Settings, chat_app.build, database, **behind))
        config = settings(users.address, chat.address, tracks.address)
        process, channel = await start(start_gateway(config))
        yield GatewaySuite(users, chat, tracks, Running(process, channel, database))
