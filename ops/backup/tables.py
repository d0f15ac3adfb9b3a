"""Restore selected tables: the backup goes to a scratch database, and their rows replace those in the database in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg

from ops.backup.contents import SCHEMAS
from ops.backup.manifest import Manifest
from ops.backup.programs import on_database
from ops.backup.restore import Source, restored
from ops.console import Console
from ops.database.connection import connect
from ops.database.history import read_histories
from ops.errors import CliError, Exit

_SETTINGS = {"statement_timeout": "0", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "0"}
_BUFFERED_CHUNKS = 64
_COLUMNS = """
SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# Those of partitions follow from the ones of their parents.
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conparentid = 0
  AND (conrelid = ANY ($1::text[]::regclass[]) OR confrelid = ANY ($1::text[]::regclass[]))
ORDER BY 1, 2
"""
_SEQUENCES = """
SELECT d.objid::regclass::text AS name FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
WHERE d.refobjid = ANY ($1::text[]::regclass[]) AND d.deptype IN ('a', 'i')
"""
# A room's counters may run ahead of the rows in it, never behind.
_TABLES_WITH_REV = """
SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'rev'
JOIN pg_catalog.pg_attribute AS r ON r.attrelid = c.oid AND r.attname = 'room_id'
WHERE c.relnamespace = 'chat'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
_RAISE_REV = """
UPDATE chat.room_counters AS c SET last_rev = n.rev
FROM (SELECT {id} AS room_id, max(rev) AS rev FROM {table} GROUP BY 1) AS n
WHERE n.room_id = c.room_id AND c.last_rev < n.rev
"""
_RAISE_SEQ = """
UPDATE chat.room_counters AS c SET last_seq = n.seq, last_rev = greatest(c.last_rev, n.seq)
FROM (SELECT room_id, max(seq) AS seq FROM chat.messages GROUP BY room_id) AS n
WHERE n.room_id = c.room_id AND c.last_seq < n.seq
"""
_COUNT_MEMBERS = """
UPDATE chat.room_counters AS c SET member_count = n.members
FROM (
  SELECT k.room_id, count(m.user_id)::int AS members FROM chat.room_counters AS k
  LEFT JOIN chat.room_memberships AS m ON m.room_id = k.room_id AND m.left_at IS NULL GROUP BY k.room_id
) AS n
WHERE n.room_id = c.room_id AND c.member_count <> n.members
"""
_CHAT_EPOCH = "UPDATE chat.instance SET id = gen_random_uuid()"


async def restore_tables(dsn: str, source: Source, names: Sequence[str], console: Console) -> dict[str, int]:
    """Give tables the rows that they have in a backup, all in one transaction; return the rows of each.

    Other tables stay as they are: foreign keys are checked again, and when one no longer holds nothing is changed.
    Raises CliError TABLE_UNKNOWN, SCHEMA_DIFFERS, TABLES_INCOMPLETE, RESTORE_BLOCKED and what `restored` raises.
    """
    async with restored(dsn, source, console) as (scratch, manifest):
        _require_known(names, manifest)
        origin = await connect(on_database(dsn, scratch), "restore", settings=_SETTINGS)
        try:
            target = await connect(dsn, "restore", settings=_SETTINGS)
            try:
                await _require_same_schema(target, names, manifest)
                async with target.transaction():
                    return await _replace(origin, target, names)
            except asyncpg.ForeignKeyViolationError as error:
                raise CliError(
                    "TABLES_INCOMPLETE",
                    "The tables alone would not fit the others. Nothing was changed.",
                    why=f"{error}. {error.detail or ''}",
                    fix="Name the other table too, or restore everything with --into and copy what is needed.",
                    exit_code=Exit.UNSAFE,
                ) from error
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
                raise CliError(
                    "RESTORE_BLOCKED",
                    "A table is in use by a long transaction. Nothing was changed.",
                    why=str(error),
                    fix="Stop the services first, or try again.",
                    retry=True,
                ) from error
            finally:
                await target.close()
        finally:
            await origin.close()


def _require_known(names: Sequence[str], manifest: Manifest) -> None:
    known = [each.name for each in manifest.contents.tables]
    if unknown := [each for each in names if each not in known]:
        raise CliError(
            "TABLE_UNKNOWN",
            f"The backup has no table {', '.join(unknown)}.",
            fix=f"It has: {', '.join(known)}",
            exit_code=Exit.USAGE,
        )
    if refused := [each for each in names if each.partition(".")[0] in SCHEMAS[1::2]]:
        raise CliError(
            "TABLE_UNKNOWN",
            f"{', '.join(refused)} tells which revisions were applied, and is not restored alone.",
            exit_code=Exit.USAGE,
        )


async def _require_same_schema(target: asyncpg.Connection, names: Sequence[str], manifest: Manifest) -> None:
    current = {each.schema: each.current for each in await read_histories(target)}
    for schema in sorted({each.partition(".")[0] for each in names}):
        if current[schema] != manifest.contents.heads[schema]:
            raise CliError(
                "SCHEMA_DIFFERS",
                f"Schema {schema} is at {current[schema]}, in the backup at {manifest.contents.heads[schema]}.",
                why="Tables of another revision may have other columns.",
                fix=f"seda restore {manifest.id} --into NAME, then seda migrate deploy there, and copy what is needed.",
                exit_code=Exit.UNSAFE,
            )


async def _replace(
    origin: asyncpg.Connection, target: asyncpg.Connection, names: Sequence[str]
) -> dict[str, int]:
    tables = list(names)
    of_chat = any(each.startswith("chat.") for each in tables)
    # The counters first, as every change of a room does.
    locked = dict.fromkeys([*(["chat.room_counters"] if of_chat else []), *tables])
    await target.execute(f"LOCK TABLE {', '.join(locked)} IN ACCESS EXCLUSIVE MODE")
    keys = await target.fetch(_FOREIGN_KEYS, tables)
    for key in keys:
        await target.execute(f"ALTER TABLE {key['table']} DROP CONSTRAINT {key['name']}")
    for each in tables:
        await target.execute(f"ALTER TABLE {each} DISABLE TRIGGER USER")
    await target.execute(f"TRUNCATE {', '.join(tables)}")
    rows = {each: await _copy_rows(origin, target, each) for each in tables}
    for each in tables:
        await target.execute(f"ALTER TABLE {each} ENABLE TRIGGER USER")
    for key in keys:
        await target.execute(f"ALTER TABLE {key['table']} ADD CONSTRAINT {key['name']} {key['definition']}")
    await _set_sequences(origin, target, tables)
    if of_chat:
        await _correct_counters(target)
        await target.execute(_CHAT_EPOCH)
    return rows


async def _correct_counters(target: asyncpg.Connection) -> None:
    await target.execute(_RAISE_SEQ)
    await target.execute(_RAISE_REV.format(table="chat.rooms", id="id"))
    for (table,) in await target.fetch(_TABLES_WITH_REV):
        await target.execute(_RAISE_REV.format(table=table, id="room_id"))
    await target.execute(_COUNT_MEMBERS)


async def _copy_rows(origin: asyncpg.Connection, target: asyncpg.Connection, table: str) -> int:
    columns = [tuple(each) for each in await origin.fetch(_COLUMNS, table)]
    if columns != [tuple(each) for each in await target.fetch(_COLUMNS, table)]:
        raise CliError("SCHEMA_DIFFERS", f"{table} has other columns in the backup.", exit_code=Exit.UNSAFE)
    schema, _, name = table.partition(".")
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_BUFFERED_CHUNKS)
    named = [each[0] for each in columns]
    query = f"SELECT {', '.join(_quoted(each) for each in named)} FROM {table}"
    reading = asyncio.create_task(_read_rows(origin, query, chunks))
    try:
        status = await target.copy_to_table(
            name, schema_name=schema, columns=named, source=_from_queue(chunks), format="binary"
        )
        await reading
    finally:
        reading.cancel()
    return int(status.rpartition(" ")[2])


async def _read_rows(origin: asyncpg.Connection, query: str, chunks: asyncio.Queue[bytes | None]) -> None:
    try:
        await origin.copy_from_query(query, output=chunks.put, format="binary")
    finally:
        await chunks.put(None)


async def _from_queue(chunks: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (chunk := await chunks.get()) is not None:
        yield chunk


async def _set_sequences(origin: asyncpg.Connection, target: asyncpg.Connection, tables: list[str]) -> None:
    for (name,) in await origin.fetch(_SEQUENCES, tables):
        last_value, is_called = await origin.fetchrow(f"SELECT last_value, is_called FROM {name}") or (
            1,
            False,
        )
        await target.execute("SELECT setval($1::text::regclass, $2, $3)", name, last_value, is_called)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
