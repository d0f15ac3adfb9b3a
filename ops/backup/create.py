"""Make a backup: dump and contents under one snapshot, verified by a full read, then published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from ops.backup.archive import Program, run_program, write_archive
from ops.backup.contents import SCHEMAS, SETTINGS, read_contents, read_locale, read_sequences
from ops.backup.manifest import Contents, Manifest, dump_manifest, new_id
from ops.backup.programs import as_target, database_name, find_pg_dump
from ops.backup.progress import byte_progress
from ops.backup.stores import Store
from ops.backup.verify import verify_archive
from ops.console import Console
from ops.database.connection import connect
from ops.errors import CliError

# A dump waits no longer for a table that a migration has locked; behind a waiting one, writers would queue.
_LOCK_WAIT_MS = 30_000
_VERSION_UNIT = 10_000


def now_utc() -> datetime:
    """Return the time of a new backup."""
    return datetime.now(UTC)


async def create_backup(
    dsn: str,
    store: Store,
    console: Console,
    *,
    recipients: Sequence[object] = (),
    identities: Sequence[object] = (),
    clock: Callable[[], datetime] = now_utc,
) -> Manifest:
    """Publish a backup of Seda's schemas. When anything fails, nothing is published and what was written is removed.

    With `recipients` it is encrypted; the full read then checks the stored bytes, and with `identities` the archive too.
    Raises CliError PG_DUMP_MISSING, BACKUP_FAILED, BACKUP_STORE_FAILED, NOT_INITIALISED, DATABASE_UNREACHABLE.
    """
    created_at = clock()
    backup_id = new_id(created_at)
    store.prepare(backup_id)
    try:
        manifest = await _dump(dsn, store, console, backup_id, created_at, recipients)
        with byte_progress(console, "verify", manifest.size) as advance:
            await asyncio.to_thread(verify_archive, store, manifest, identities, advance)
        store.publish(backup_id, dump_manifest(manifest))
    except BaseException:
        # The place may be what failed. What stays has no manifest, and `seda backup prune` removes it.
        with suppress(CliError):
            store.delete(backup_id)
        raise
    return manifest


async def _dump(
    dsn: str,
    store: Store,
    console: Console,
    backup_id: str,
    created_at: datetime,
    recipients: Sequence[object],
) -> Manifest:
    connection = await connect(dsn, "backup", settings=SETTINGS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            server_major = connection.get_server_version().major
            locale = await read_locale(connection)
            pg_dump, dump_major = find_pg_dump(server_major)
            sequences = await read_sequences(connection)
            target = as_target(dsn)
            command = [
                pg_dump,
                "--format=custom",
                f"--snapshot={snapshot}",
                f"--lock-wait-timeout={_LOCK_WAIT_MS}",
                *(f"--schema={each}" for each in SCHEMAS),
                *target.arguments,
            ]
            with (
                byte_progress(console, "dump", None) as advance,
                run_program(command, environ=target.environ, writes=True) as program,
            ):
                archive = asyncio.create_task(
                    asyncio.to_thread(write_archive, program, store, backup_id, recipients, advance)
                )
                contents = await _read_beside(archive, program, read_contents(connection, sequences))
                size, sha256 = await archive
    finally:
        await connection.close()
    return Manifest(
        id=backup_id,
        created_at=created_at,
        database=database_name(dsn),
        server_major=server_major,
        dump_major=dump_major,
        single_role=f"schema {SCHEMAS[0]} OWNER {SCHEMAS[0]}_owner" not in contents.grants,
        encrypted=bool(recipients),
        locale=locale,
        size=size,
        sha256=sha256,
        contents=contents,
    )


async def _read_beside(
    archive: asyncio.Task[tuple[int, str]], program: Program, reading: Coroutine[None, None, Contents]
) -> Contents:
    """Read the contents while the dump runs; when one of both fails, end the other."""
    contents = asyncio.create_task(reading)
    try:
        await asyncio.wait({archive, contents}, return_when=asyncio.FIRST_EXCEPTION)
        if archive.done():
            # Raises what made it fail.
            archive.result()
        return await contents
    finally:
        if not contents.done():
            contents.cancel()
        if not contents.done() or contents.cancelled() or contents.exception() is not None:
            program.kill()
        # What the other one then fails with is of no interest.
        await asyncio.gather(archive, contents, return_exceptions=True)
