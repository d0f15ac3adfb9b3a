"""Restore a backup into a database of its own, compare it with the manifest, and only then put it in place."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.backup.archive import feed_archive, run_program
from ops.backup.contents import SETTINGS, differences, granted_roles, read_contents, read_sequences
from ops.backup.manifest import Manifest
from ops.backup.programs import as_target, find_pg_restore, on_database
from ops.backup.progress import byte_progress
from ops.backup.scratch import database_exists, put_in_place, scratch_database, valid_name
from ops.backup.stores import Store
from ops.backup.verify import read_backup, verify_archive
from ops.console import Console
from ops.database.connection import connect, connected
from ops.database.init import init_database
from ops.database.snapshots import beside
from ops.errors import CliError, Exit

_NEW_EPOCH = "UPDATE chat.instance SET id = gen_random_uuid()"


@dataclass(frozen=True, slots=True)
class Source:
    """A backup to restore from, with the secret keys that read it."""

    store: Store
    backup_id: str
    identities: Sequence[object] = ()


async def restore_into(dsn: str, source: Source, name: str, console: Console) -> Manifest:
    """Restore into a new database `name` of the server of `dsn`.

    Raises CliError DATABASE_EXISTS, and what `restored` raises; there is no database `name` then.
    """
    if not valid_name(name):
        raise CliError("DATABASE_NAME_INVALID", f"{name!r} is no name of a database.", exit_code=Exit.USAGE)
    if await database_exists(dsn, name):
        raise CliError(
            "DATABASE_EXISTS",
            f"There is a database {name} already.",
            fix="Take another name, or restore over the one in DATABASE_URL: --replace",
            exit_code=Exit.UNSAFE,
        )
    async with restored(dsn, source, console) as (scratch, manifest):
        await renew_epoch(on_database(dsn, scratch))
        await put_in_place(dsn, scratch, name)
    return manifest


async def restore_replacing(dsn: str, source: Source, name: str, console: Console) -> tuple[Manifest, str]:
    """Restore in place of the database `name`; return the name that the old one is kept under."""
    if not await database_exists(dsn, name):
        raise CliError(
            "DATABASE_UNKNOWN",
            f"There is no database {name} to replace.",
            fix=f"seda restore {source.backup_id} --into {name}",
        )
    async with restored(dsn, source, console) as (scratch, manifest):
        await renew_epoch(on_database(dsn, scratch))
        # The end of the scratch name is unique.
        old_name = f"{name[:40]}_before_{scratch.rpartition('_')[2]}"
        await put_in_place(dsn, scratch, name, old_name=old_name)
    return manifest, old_name


async def renew_epoch(dsn: str) -> None:
    """Give the database another epoch, so that clients with positions of another history read everything again."""
    async with connected(dsn, "restore") as connection:
        await connection.execute(_NEW_EPOCH)


@asynccontextmanager
async def restored(dsn: str, source: Source, console: Console) -> AsyncIterator[tuple[str, Manifest]]:
    """Verify a backup, restore it into a scratch database, compare that with the manifest, and yield its name.

    It is dropped at the end unless it was renamed. Raises CliError BACKUP_DAMAGED, BACKUP_KEY_WRONG,
    RESTORE_SERVER_OLDER, ROLES_MISSING, RESTORE_FAILED and RESTORE_DIFFERS.
    """
    manifest, pg_restore = await check(dsn, source, console)
    async with scratch_database(dsn, manifest.locale, console) as scratch:
        scratch_dsn = on_database(dsn, scratch)
        report = await init_database(scratch_dsn, single_role=manifest.single_role)
        if not report.ready:
            raise CliError(
                "ADMINISTRATOR_NEEDED",
                "The user in DATABASE_URL may not make roles or schemas.",
                fix="An administrator first runs what this prints: seda db init",
            )
        await _require_roles(dsn, manifest)
        await asyncio.to_thread(_run_pg_restore, pg_restore, scratch_dsn, source, manifest, console)
        await _require_equal(scratch_dsn, manifest)
        yield scratch, manifest


async def check(dsn: str, source: Source, console: Console) -> tuple[Manifest, str]:
    """Do everything that comes before a database is touched: read the whole backup, and compare the server.

    Return the manifest and the pg_restore to run.
    """
    manifest = read_backup(source.store, source.backup_id)
    async with beside(dsn) as connection:
        server_major = connection.get_server_version().major
    if server_major < manifest.server_major:
        raise CliError(
            "RESTORE_SERVER_OLDER",
            f"The backup is of PostgreSQL {manifest.server_major}, the server is {server_major}.",
            fix="Restore to a server of the same version or a newer one.",
            exit_code=Exit.UNSAFE,
        )
    pg_restore = find_pg_restore(manifest.dump_major, server_major)
    with byte_progress(console, "verify", manifest.size) as advance:
        unpacked = await asyncio.to_thread(verify_archive, source.store, manifest, source.identities, advance)
    if not unpacked:
        raise CliError(
            "BACKUP_KEY_MISSING",
            f"Backup {manifest.id} is encrypted.",
            fix="Name the file of the secret key: --identity FILE, or SEDA_BACKUP_IDENTITY_FILE",
        )
    return manifest, pg_restore


async def _require_roles(dsn: str, manifest: Manifest) -> None:
    if manifest.single_role:
        return
    async with beside(dsn) as connection:
        known = {name for (name,) in await connection.fetch("SELECT rolname FROM pg_catalog.pg_roles")}
    if lacking := sorted(granted_roles(manifest.contents) - known):
        raise CliError(
            "ROLES_MISSING",
            f"The server lacks roles that the backup gives privileges to: {', '.join(lacking)}.",
            why="Roles belong to the server, not to a database.",
            fix="; ".join(f"CREATE ROLE {each} NOLOGIN" for each in lacking),
        )


def _run_pg_restore(pg_restore: str, dsn: str, source: Source, manifest: Manifest, console: Console) -> None:
    target = as_target(dsn)
    owners = ("--no-owner", "--no-acl") if manifest.single_role else ()
    with tempfile.TemporaryDirectory(prefix="seda-restore-") as folder:
        toc = Path(folder) / "toc"
        toc.write_text(_table_of_contents(pg_restore, source, manifest))
        command = [pg_restore, "--exit-on-error", f"--use-list={toc}", *owners, *target.arguments]
        with (
            byte_progress(console, "restore", manifest.size) as advance,
            run_program(command, environ=target.environ) as program,
        ):
            feed_archive(source.store, manifest, source.identities, program.stdin, advance)
            done = program.finish()
    if done.code != 0:
        raise CliError(
            "RESTORE_FAILED",
            f"pg_restore ended with exit code {done.code}. The database in use is unchanged.",
            why=done.stderr,
        )


def _table_of_contents(pg_restore: str, source: Source, manifest: Manifest) -> str:
    """Return the archive's list without the schemas, which `init_database` makes with their owners."""
    with tempfile.TemporaryFile() as output:
        with run_program([pg_restore, "--list"], output=output) as program:
            feed_archive(
                source.store, manifest, source.identities, program.stdin, lambda _: None, drain=False
            )
            done = program.finish()
        output.seek(0)
        lines = output.read().decode().splitlines()
    if done.code != 0:
        raise CliError("RESTORE_FAILED", "pg_restore can't list the archive.", why=done.stderr)
    return "\n".join(each for each in lines if " SCHEMA - " not in each or " ACL - " in each) + "\n"


async def _require_equal(dsn: str, manifest: Manifest) -> None:
    connection = await connect(dsn, "restore", settings=SETTINGS)
    try:
        found = await read_contents(connection, await read_sequences(connection))
        lines = differences(
            manifest.contents,
            found,
            grants=not manifest.single_role,
            structure=connection.get_server_version().major == manifest.server_major,
        )
        # Without statistics the first queries would take bad plans.
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    if lines:
        raise CliError(
            "RESTORE_DIFFERS",
            "The restored database is not what was backed up. The database in use is unchanged.",
            why="\n".join(lines),
        )
