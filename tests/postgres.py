"""One PostgreSQL server per test run, and databases cloned from a migrated template.

The server belongs to the process that was started as pytest: with xdist that is the controller, so that a worker
that dies takes nothing with it, and the server's reaper stops it however the controller ends. It is started when
the first test anywhere asks for it. Workers find it through files in the run's folder:

    wanted          a worker needs a server
    server.json     {"port": ..., "password": ..., "major": ...}, written when it takes connections
    failed          why it can't be had
    template        made once, under the lock `template.lock`

SEDA_TEST_PG_BIN chooses the programs of an installed server; without it they come from the embedded wheel.
SEDA_TEST_PARTITIONS=4 makes the tables of rooms in the template hash-partitioned by that many.
SEDA_TEST_POOLER=1 leads the services through PgBouncer.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import os
import random
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

import asyncpg

from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import THROWAWAY_SETTINGS, Cluster, find_binaries
from tests import pooler
from tests.pooler import Pooler

TEMPLATE = "seda_template"
PARTITIONS = int(os.environ.get("SEDA_TEST_PARTITIONS", "0"))
"""How many partitions the tables of rooms have in this run; 0: they are whole."""
# Below the ephemeral range, so that no outgoing connection of some test takes the port first.
PORTS = range(20_000, 30_000)

_RUN_FOLDER = "SEDA_TEST_RUN_FOLDER"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Server:
    """The run's server. `major` is its PostgreSQL version, 15 to 18; `pooler` the port of its PgBouncer, if any."""

    port: int
    password: str
    major: int
    pooler: int | None = None

    @classmethod
    def of(cls, cluster: Cluster, pooler_port: int | None = None) -> Self:
        """Describe a cluster that was created."""
        return cls(cluster.port, cluster.password, cluster.binaries.major, pooler_port)

    def dsn(self, database: str, **settings: str) -> str:
        """Return the superuser's DSN of a database; `settings` are start-up settings such as role."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in settings.items())
        address = f"postgresql://seda:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"
        return f"{address}?{query}" if query else address


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the run's server, removed by whoever made it."""

    server: Server
    name: str

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN, as DATABASE_URL has it."""
        return self.server.dsn(self.name)

    def app_dsn(self, slice_name: str) -> str:
        """Return the DSN of a slice's own login, `<slice>_app`."""
        return self._login(slice_name, self.server.port)

    @property
    def pooled(self) -> bool:
        """Whether services come here through a pooler."""
        return self.server.pooler is not None

    def service_dsn(self, slice_name: str) -> str:
        """Return the DSN that the service of a slice is given: `app_dsn`, or the same login through the pooler."""
        return self._login(slice_name, self.server.pooler or self.server.port)

    def _login(self, slice_name: str, port: int) -> str:
        password = quote(self.server.password, safe="")
        return f"postgresql://{slice_name}_app:{password}@127.0.0.1:{port}/{self.name}"

    def settings(self, slice_name: str) -> dict[str, str]:
        """Return what the settings of a slice's service say about its database."""
        return {
            f"SEDA_{slice_name.upper()}_DATABASE_URL": self.service_dsn(slice_name),
            "db_pooler": "transaction" if self.pooled else "none",
        }

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that point processes of the suite at this database."""
        variables = {f"SEDA_{each.upper()}_DATABASE_URL": self.service_dsn(each) for each in SERVICES}
        return {
            "DATABASE_URL": self.admin_dsn,
            "SEDA_DB_POOLER": "transaction" if self.pooled else "none",
            **variables,
        }


class ServerOnDemand:
    """Lives in the pytest process that owns the run: starts the server when it is asked for, removes it at the end."""

    def __init__(self) -> None:
        self.folder = new_folder()
        os.environ[_RUN_FOLDER] = str(self.folder)
        self._cluster: Cluster | None = None
        self._pooler: Pooler | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="postgres-on-demand", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server, if there is one, and remove the run's folder."""
        self._ended.set()
        self._thread.join()
        os.environ.pop(_RUN_FOLDER, None)
        if self._pooler is not None:
            self._pooler.stop()
        if self._cluster is not None:
            self._cluster.stop(immediately=True)
        # The server's reaper removes it as well: files may vanish while they are listed.
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            if (self.folder / "wanted").exists():
                try:
                    self._start()
                except Exception as error:  # noqa: BLE001 - told to every test that waits for the server
                    _publish(self.folder / "failed", f"{error}\n{getattr(error, 'why', '')}")
                return

    def _start(self) -> None:
        cluster = new_cluster(self.folder)
        cluster.ensure()
        cluster.start()
        self._cluster = cluster
        pooler_port = free_port() if pooler.WANTED else None
        if pooler_port is not None:
            passwords = dict.fromkeys((f"{each}_app" for each in SERVICES), cluster.password)
            self._pooler = Pooler(self.folder, cluster.port, pooler_port, passwords)
        _publish(self.folder / "server.json", json.dumps(asdict(Server.of(cluster, pooler_port))))


def new_cluster(folder: Path, *, keep: bool = False) -> Cluster:
    """Return a cluster below `folder`, not started, of the version under test.

    The folder goes when it stops, unless the data are to be kept for another start, after a crash too.
    """
    environ = {name: value for name, value in os.environ.items() if name != "SEDA_PG_BIN"}
    if os.environ.get("SEDA_TEST_PG_BIN"):
        environ["SEDA_PG_BIN"] = os.environ["SEDA_TEST_PG_BIN"]
    return Cluster(
        folder / "data",
        find_binaries(environ),
        free_port(),
        settings={**({"fsync": "off"} if keep else THROWAWAY_SETTINGS), "max_connections": "300"},
        remove_after=None if keep else folder,
    )


@contextmanager
def own_server() -> Iterator[Server]:
    """Run a server for one test alone, for what would disturb the others: other roles, other settings, a stop."""
    folder = new_folder()
    cluster = new_cluster(folder)
    try:
        cluster.ensure()
        cluster.start()
        yield Server.of(cluster)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """Make a temporary folder that the server's user can get through, wherever that user is not our own."""
    folder = Path(tempfile.mkdtemp(prefix="seda-test-"))
    folder.chmod(0o711)
    return folder


def wait_for_server() -> Server:
    """Return the run's server, having it started when this is the first call of the run."""
    folder = Path(os.environ[_RUN_FOLDER])
    (folder / "wanted").touch()
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if (folder / "server.json").exists():
            return Server(**json.loads((folder / "server.json").read_text()))
        if (folder / "failed").exists():
            raise RuntimeError(f"No PostgreSQL for the tests: {(folder / 'failed').read_text()}")
        # The server is started by another process, which has no way to wake this one.
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"PostgreSQL did not start within {_START_SECONDS:.0f} s.")


async def ensure_template(server: Server) -> None:
    """Make the run's template database, migrated to the heads, unless another worker has."""
    folder = Path(os.environ[_RUN_FOLDER])
    async with _locked(folder / "template.lock"):
        if (folder / "template").exists():
            return
        template = Database(server, TEMPLATE)
        async with administrator(server) as connection:
            await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await init_database(template.admin_dsn)
        await deploy(template.admin_dsn)
        await let_services_log_in(server)
        if PARTITIONS:
            from tests.partitioning import partition_rooms  # noqa: PLC0415 - SQLAlchemy is only needed for this

            await partition_rooms(template, PARTITIONS)
        (folder / "template").touch()


@asynccontextmanager
async def cloned_database(server: Server) -> AsyncIterator[Database]:
    """Make a migrated database of one's own, and drop it at the end, whoever is still connected."""
    await ensure_template(server)
    async with empty_database(server, f"TEMPLATE {TEMPLATE} STRATEGY file_copy") as database:
        yield database


@asynccontextmanager
async def empty_database(server: Server, options: str = "TEMPLATE template0") -> AsyncIterator[Database]:
    """Make a database with the given options of CREATE DATABASE, and drop it at the end."""
    database = Database(server, f"test_{os.getpid()}_{next(_numbers)}")
    async with administrator(server) as connection:
        await connection.execute(f"CREATE DATABASE {database.name} {options}")
    try:
        yield database
    finally:
        async with administrator(server) as connection:
            await connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)")


@asynccontextmanager
async def administrator(server: Server, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
    """Connect as the superuser."""
    connection = await asyncpg.connect(server.dsn(database))
    try:
        yield connection
    finally:
        await connection.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses right now."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def let_services_log_in(server: Server) -> None:
    """Give each service's role the server's password."""
    async with administrator(server) as connection:
        for each in SERVICES:
            await connection.execute(f"ALTER ROLE {each}_app LOGIN PASSWORD '{server.password}'")


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


def _publish(path: Path, text: str) -> None:
    scratch = path.with_name(path.name + ".new")
    scratch.touch(mode=0o600)
    scratch.write_text(text)
    scratch.rename(path)
