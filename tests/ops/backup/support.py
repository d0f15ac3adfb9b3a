"""Databases with rows to back up, and what is in them by other means than the code under test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from ops.backup.create import create_backup
from ops.backup.manifest import DUMP, Manifest
from ops.backup.restore import Source
from ops.backup.stores import LocalStore
from ops.console import Console
from tests.postgres import Database, Server

QUIET = Console()

_FILL = """
WITH people AS (
  INSERT INTO users.users (id, email, supabase_id, display_name, role)
  SELECT gen_random_uuid(), 'ada' || n || '@example.org', 's' || n, 'Ada ♫ ' || n, 'USER' FROM generate_series(1, 5) n
), tracks AS (
  INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist)
  SELECT gen_random_uuid(), 'spotify', md5(n::text), 'https://open.spotify.com/track/' || n, 'T' || n, 'A' || chr(9)
  FROM generate_series(1, 20) n
), made AS (
  INSERT INTO chat.rooms (id, name, search_name, created_by, rev)
  SELECT gen_random_uuid(), 'Room ' || n, 'room ' || n, gen_random_uuid(), 1 FROM generate_series(1, 3) n RETURNING id
), members AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
  SELECT id, gen_random_uuid(), 'MEMBER', now(), 2 FROM made
), messages AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
  SELECT id, n, n, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'line' || chr(10) || n, clock_timestamp()
  FROM made, generate_series(1, 40) n
)
INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) SELECT id, 40, 40, 1 FROM made
"""
# A sequence and a grant that no migration makes.
_EXTRAS = """
CREATE SEQUENCE chat.test_numbers;
ALTER SEQUENCE chat.test_numbers OWNER TO chat_owner;
ALTER SEQUENCE chat.test_numbers OWNED BY chat.rooms.name;
SELECT setval('chat.test_numbers', 41);
GRANT SELECT ON chat.test_numbers TO seda_monitor;
GRANT SELECT (id, name) ON chat.rooms TO seda_monitor;
"""
SEND = """
WITH room AS (
  UPDATE chat.room_counters SET last_seq = last_seq + 1, last_rev = last_rev + 1
  WHERE room_id = (SELECT room_id FROM chat.room_counters ORDER BY room_id OFFSET $1 LIMIT 1)
  RETURNING room_id, last_seq, last_rev
)
INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
SELECT room_id, last_seq, last_rev, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'sent', clock_timestamp() FROM room
"""
_TABLES = """
SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname ~ '^(users|chat|tracks)(_migrations)?$' ORDER BY 1
"""


async def fill(database: Database) -> None:
    """Store some rows of every service, a sequence and privileges that no migration makes."""
    async with connection(database.admin_dsn) as admin:
        await admin.execute(_FILL)
        await admin.execute(_EXTRAS)


async def all_rows(admin: asyncpg.Connection) -> dict[str, list[str]]:
    """Return every row of every table as text, sorted."""
    return {
        table: sorted(text for (text,) in await admin.fetch(f"SELECT t::text FROM {table} t"))
        for (table,) in await admin.fetch(_TABLES)
    }


async def privileges(admin: asyncpg.Connection) -> list[tuple[str, ...]]:
    """Return the owner and the privileges of everything, as the catalogs have them, in an order of their own."""
    rows = await admin.fetch(
        """
        SELECT n.nspname || '.' || c.relname, pg_get_userbyid(c.relowner)::text,
          coalesce(array_to_string(ARRAY(SELECT unnest(c.relacl)::text ORDER BY 1), ' '), ''),
          coalesce((SELECT string_agg(attname || attacl::text, ' ' ORDER BY attnum) FROM pg_attribute a
            WHERE attrelid = c.oid AND attacl IS NOT NULL), '')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE relkind IN ('r', 'p', 'S', 'i') AND nspname ~ '^(users|chat|tracks)(_migrations)?$'
        UNION ALL
        SELECT nspname, pg_get_userbyid(nspowner)::text,
          array_to_string(ARRAY(SELECT unnest(nspacl)::text ORDER BY 1), ' '), ''
        FROM pg_namespace WHERE nspname ~ '^(users|chat|tracks)(_migrations)?$'
        ORDER BY 1
        """
    )
    return [tuple(each) for each in rows]


@asynccontextmanager
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the DSN says."""
    opened = await asyncpg.connect(dsn)
    try:
        yield opened
    finally:
        await opened.close()


async def databases(server: Server, *parts: str) -> list[str]:
    """Return the names of databases that contain one of these parts; other tests make theirs meanwhile."""
    async with connection(server.dsn("postgres")) as admin:
        rows = await admin.fetch("SELECT datname::text FROM pg_database ORDER BY 1")
    return [name for (name,) in rows if any(each in name for each in parts)]


@asynccontextmanager
async def dropped_after(server: Server, *names: str) -> AsyncIterator[None]:
    """Drop databases at the end."""
    try:
        yield
    finally:
        async with connection(server.dsn("postgres")) as admin:
            for each in names:
                await admin.execute(f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)')


async def new_backup(database: Database, folder: Path) -> tuple[LocalStore, Manifest]:
    """Back up into a folder."""
    store = LocalStore(folder)
    return store, await create_backup(database.admin_dsn, store, QUIET)


def source(store: LocalStore, manifest: Manifest) -> Source:
    """Return where to restore from."""
    return Source(store, manifest.id)


def dump_file(folder: Path, manifest: Manifest) -> Path:
    """Return the archive of a backup."""
    return folder / manifest.id / DUMP


def unused_name() -> str:
    """Return a name for a database that is restored."""
    return f"restored_{uuid.uuid4().hex[:8]}"
