"""Clusters of a test's own: a primary with a migrated database, and a standby that streams from it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import THROWAWAY_SETTINGS, Cluster
from tests import postgres
from tests.postgres import Server, administrator

NAME = "seda"


@asynccontextmanager
async def own_primary() -> AsyncIterator[Cluster]:
    """A cluster with a migrated database NAME, to which the services may log in; it may be stopped and started."""
    folder = postgres.new_folder()
    cluster = postgres.new_cluster(folder, keep=True)
    try:
        cluster.ensure()
        cluster.start()
        server = Server.of(cluster)
        async with administrator(server) as connection:
            await connection.execute(f"CREATE DATABASE {NAME}")
        await init_database(server.dsn(NAME))
        await deploy(server.dsn(NAME))
        await postgres.let_services_log_in(server)
        yield cluster
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """A running copy that streams from the primary."""
    folder = primary.data_dir.with_name("standby")
    cluster = Cluster(
        folder,
        primary.binaries,
        postgres.free_port(),
        settings={**THROWAWAY_SETTINGS, "max_connections": "300"},
        password_file=primary.password_file,
        log_file=folder.with_suffix(".log"),
    )
    try:
        stream_from(primary.dsn(), cluster)
        cluster.start()
        yield cluster
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


def stream_from(primary_dsn: str, standby: Cluster) -> None:
    """Copy a running cluster into the folder of one that streams from it."""
    standby.data_dir.mkdir(mode=0o700)
    standby.privilege.chown(standby.data_dir)
    subprocess.run(
        [
            *standby.privilege.prefix,
            *(standby.binaries.program("pg_basebackup"), "--pgdata", str(standby.data_dir)),
            *("--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", primary_dsn),
        ],
        check=True,
        timeout=60,
        **standby._process_options(),
    )
