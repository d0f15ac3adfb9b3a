"""Chat with users and tracks beside it, all three real, on a database of this module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.tracks.app import build as build_tracks
from services.tracks.config import Settings as TracksSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.postgres import Database, administrator, free_port
from tests.services.chat.chat_client import ChatClient, RoomWithMembers
from tests.services.running import UNLIMITED, Running, running


@pytest.fixture(scope="module")
async def neighbours(database: Database) -> AsyncIterator[dict[str, str]]:
    """Users and tracks; gives the settings with which chat finds them."""
    async with neighbours_on(database) as targets:
        yield targets


@asynccontextmanager
async def neighbours_on(database: Database) -> AsyncIterator[dict[str, str]]:
    """Users and tracks on a database."""
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(running(UsersSettings, build_users, database))
        tracks = await stack.enter_async_context(
            running(TracksSettings, build_tracks, database, users_target=users.address)
        )
        yield {"users_target": users.address, "tracks_target": tracks.address}


@pytest.fixture(scope="module")
async def chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """The chat service."""
    async with running(ChatSettings, build_chat, database, **neighbours) as service:
        yield service


@pytest.fixture(scope="module")
async def second_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat on the same database."""
    async with running(ChatSettings, build_chat, database, **neighbours) as service:
        yield service


@pytest.fixture
async def chat_alone(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat that finds no tracks service."""
    nowhere = {**neighbours, "tracks_target": f"127.0.0.1:{free_port()}"}
    async with running(ChatSettings, build_chat, database, **nowhere) as service:
        yield service


@pytest.fixture
async def strict_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat that takes two messages, reactions and so on of a user, and hardly more.

    Other writes in rooms, which each of these is too, have no limit.
    """
    limits = {
        key: 0.001 if key.endswith("_rate_per_second") else 2
        for key in UNLIMITED
        if not key.startswith("room_write")
    }
    async with running(ChatSettings, build_chat, database, **neighbours, **limits) as service:
        yield service


@pytest.fixture(scope="module")
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's connection to the same database."""
    async with administrator(database.server, database.name) as connection:
        yield connection


@pytest.fixture
def client(chat: Running, admin: asyncpg.Connection) -> ChatClient:
    """Calls chat as any user."""
    return ChatClient(chat, admin)


@pytest.fixture
async def room(client: ChatClient) -> RoomWithMembers:
    """A room with an owner, a moderator and two members."""
    return await RoomWithMembers(client).create()


@pytest.fixture
async def fresh_neighbours(fresh_database: Database) -> AsyncIterator[dict[str, str]]:
    """Users and tracks on a database of one test; gives the settings with which chat finds them."""
    async with neighbours_on(fresh_database) as targets:
        yield targets


@pytest.fixture
async def fresh_admin(fresh_database: Database) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's connection to the database of one test."""
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        yield connection
