"""The database of a run, prepared for the services: the user's, or a PostgreSQL server of the suite."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from ops.data_dir import DATABASE, SUPERUSER
from ops.errors import CliError
from ops.topology import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.postgres import Cluster
    from ops.reaper import Reaper
    from ops.up.options import UpOptions
    from ops.up.progress import Progress

_Result = TypeVar("_Result")
_CONNECT_SECONDS = 10.0


def own_cluster(options: UpOptions, reaper: Reaper) -> Cluster:
    """Return the cluster of the data folder, not yet created or started.

    Raises CliError when no server programs are found or the data are of another major version.
    """
    from ops.postgres import THROWAWAY_SETTINGS, Cluster, find_binaries

    data_dir = options.data_dir
    binaries = find_binaries(options.environ)
    require_same_major(options, binaries.major)
    cluster = Cluster(
        data_dir.postgres_data(binaries.major),
        binaries,
        options.ports.postgres,
        superuser=SUPERUSER,
        settings=THROWAWAY_SETTINGS if options.ephemeral else None,
        password_file=data_dir.ensure_secret("postgres"),
        log_file=data_dir.log("postgres"),
        reaper=reaper,
    )
    if cluster.privilege.group is not None:
        data_dir.admit(cluster.privilege.group)
    return cluster


async def start_cluster(cluster: Cluster, progress: Progress) -> None:
    """Create the cluster on first use, start it, and create the database in it."""
    with progress.phase("postgres", "PostgreSQL") as phase:
        created = await finish(cluster.ensure)
        note = await finish(cluster.start)
        await _ensure_database(cluster)
        state = "new cluster" if created else "data from before"
        phase.detail = f"{cluster.binaries.version}  {LOOPBACK}:{cluster.port}, {state}"
    if note:
        progress.note(note)


def require_same_major(options: UpOptions, major: int) -> None:
    """Refuse to create a cluster beside data of another major version, and print the commands that migrate them."""
    majors = options.data_dir.postgres_majors()
    if not majors or major in majors:
        return
    old, data_dir, port = majors[-1], options.data_dir, options.ports.postgres
    source = f"PGPASSWORD=$(cat '{data_dir.secret_file('postgres')}') pg_dump -h {LOOPBACK} -p {port} -U {SUPERUSER}"
    target = (
        f"PGPASSWORD=$(cat '{data_dir.path}-{major}/secrets/postgres') pg_restore -h {LOOPBACK} -p {port}"
    )
    raise CliError(
        "POSTGRES_MAJOR_DIFFERS",
        f"The data in {data_dir.postgres_data(old)} are of PostgreSQL {old}, the server at hand is {major}.",
        why="Data of another major version can't be read, and are never overwritten.",
        fix=f"Carry them over: with SEDA_PG_BIN naming the programs of PostgreSQL {old}, seda up and\n"
        f"  {source} -Fc {DATABASE} > seda.dump\n"
        f"then, with SEDA_HOME='{data_dir.path}-{major}' and without SEDA_PG_BIN, seda up and\n"
        f"  {target} -U {SUPERUSER} --clean --if-exists -d {DATABASE} seda.dump",
    )


async def require_reachable(dsn: str) -> str:
    """Connect once to the user's own database and return how to name it, without the password."""
    from ops.database.connection import connected, without_password

    async with connected(dsn, "up"):
        return without_password(dsn)


async def prepare(dsn: str, progress: Progress, logins: Mapping[str, str]) -> None:
    """Create roles with their logins, and schemas, and apply the migrations; nothing when nothing is missing."""
    from ops.backup.before_migration import BackupBefore
    from ops.console import Console
    from ops.database.init import init_database
    from ops.database.migrate import deploy

    with progress.phase("roles", "roles and schemas") as phase:
        report = await init_database(dsn, logins=logins)
        phase.detail = f"{report.schemas} schemas, {report.roles} roles"
    for warning in report.warnings:
        progress.note(warning)
    if not report.ready:
        raise CliError(
            "ADMINISTRATOR_NEEDED",
            "The user in DATABASE_URL may not make roles or schemas. Nothing was changed.",
            why="An administrator of the server must run some statements in this database first.",
            fix="See them with: seda db init",
        )
    with progress.phase("migrate", "migrations") as phase:
        # A backup takes place only when kept data would be dropped or changed.
        first = BackupBefore(dsn, Console(), development=True)
        reports = await deploy(dsn, before=first)
        phase.detail = "  ".join(f"{each.schema} +{len(each.applied)}" for each in reports)
    if first.made is not None:
        progress.note(f"Backup {first.made.id} was made before: seda backup list")


async def finish(work: Callable[[], _Result]) -> _Result:
    """Run blocking work in a thread; when cancelled, wait for its end first, so that nothing is left half done."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _ensure_database(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.dsn("postgres"), timeout=_CONNECT_SECONDS)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE template0')
    finally:
        await connection.close()
