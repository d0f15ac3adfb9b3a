"""A console on a database with a small seed, and one person and room of which everything is known."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from console.settings import ConsoleSettings
from ops.console import Console
from ops.row_progress import RowProgress
from ops.seed import load
from tests.console.serving import KEY, ConsoleServer, Reply, console_server
from tests.postgres import Database, administrator

ADA = "01a22b1f-35b4-77c3-ba10-a3531735cafe"
ROOM = "01a22b1f-3631-71a7-830f-1ddd7c7eff10"
MESSAGE = "01a22b1f-366e-7571-9802-41122c8f7ae2"
LONG_TEXT = "x" * 4_000
_KNOWN = f"""
INSERT INTO users.users (id, email, supabase_id, display_name) VALUES ('{ADA}', 'ada@a.example', 'subject-of-ada', '');
INSERT INTO chat.rooms
  SELECT (jsonb_populate_record(r, '{{"id": "{ROOM}", "created_by": "{ADA}", "request_id": null, "payload_hash": null}}')).*
  FROM chat.rooms AS r LIMIT 1;
INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, mention_user_ids, payload_hash, request_id, created_at, rev)
  VALUES ('{ROOM}', 1, '{MESSAGE}', '{ADA}', 'TEXT', '{LONG_TEXT}', ARRAY['{ADA}']::uuid[],
    sha256('a'), '{MESSAGE}', '2026-11-30 12:00:00.123456+00', 3);
INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, created_at, rev)
  SELECT '{ROOM}', n, gen_random_uuid(), '{ADA}', 'TEXT', '=1+1', now(), n + 2 FROM generate_series(2, 300) AS n;
"""


@dataclass(frozen=True)
class StudioClient:
    """Asks a console's studio."""

    server: ConsoleServer

    async def reply(self, operation: str, table: str = "", **asked: object) -> Reply:
        schema, _, name = table.partition(".")
        named = {"slice": schema, "table": name} if table else {}
        return await self.server.post(f"/api/studio/{operation}", {**named, **asked})

    async def ask(self, operation: str, table: str = "", **asked: object) -> dict[str, Any]:
        reply = await self.reply(operation, table, **asked)
        (found,) = reply.lines
        assert reply.status == 200, found
        return dict(found)

    async def refused(self, operation: str, table: str = "", **asked: object) -> str:
        reply = await self.reply(operation, table, **asked)
        assert reply.status >= 400, reply.body
        return str(reply.lines[0]["reason"])


def settings(database: Database, **environ: str) -> ConsoleSettings:
    return ConsoleSettings(
        port=0, key=KEY, targets={}, environ={"DATABASE_URL": database.admin_dsn, **environ}
    )


@pytest.fixture(scope="module")
async def seeded(database: Database) -> Database:
    await load.load(database.admin_dsn, 0.005, RowProgress(Console(io.StringIO(), io.StringIO()), 0))
    async with administrator(database.server, database.name) as connection:
        await connection.execute(_KNOWN)
        await connection.execute("ANALYZE")
    return database


@pytest.fixture(scope="module")
async def studio(seeded: Database) -> AsyncIterator[StudioClient]:
    async with console_server(settings(seeded)) as server:
        yield StudioClient(server)


@pytest.fixture
async def admin(seeded: Database) -> AsyncIterator[asyncpg.Connection]:
    async with administrator(seeded.server, seeded.name) as connection:
        yield connection
