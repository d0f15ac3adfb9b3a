"""The suite on seven hosts, as an operator would set it up.

    edge1, edge2    a gateway and a chat each
    core            users and tracks
    pool            PgBouncer, whose configuration names the primary
    db1, db2        PostgreSQL, a primary and a standby that streams from it

All processes of the suite speak mutual TLS. A failover is what an operator does by hand: promote the standby, write its
address into PgBouncer's configuration, and reload that.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc

from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import Cluster, find_binaries
from ops.postgres.privilege import Privilege, choose_privilege
from sedaclient import AsyncSeda, StaticToken
from sedaclient import Tls as ClientTls
from sedaclient.channels import open_channel
from servicekit.methods import Method
from tests import pooler
from tests.certificates import Tls
from tests.postgres import new_folder
from tests.services.running import JWT_SECRET, SERVICE_SECRET, user
from tests.support.standby import NAME, stream_from
from tests.system.support.network import Host, Network

HEARTBEAT_SECONDS = 1
_GATEWAY, _USERS, _CHAT, _TRACKS, _POSTGRES, _POOLER = 7400, 7401, 7402, 7403, 5432, 6432
_START_SECONDS = 60.0
_MODULES = {"gateway": "gateway", **{each: f"services.{each}" for each in SERVICES}}
_PLENTY = {
    f"SEDA_{kind}_{limit}": "100000"
    for kind in ("SEND", "ROOM", "JOIN", "WATCH")
    for limit in ("RATE_PER_SECOND", "BURST")
}
_CONFIGURATION = """
[databases]
* = host={primary} port={port}
[pgbouncer]
listen_addr = {address}
listen_port = {pooler_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
query_wait_timeout = 5
server_login_retry = 1
log_connections = 0
log_disconnections = 0
stats_period = 3600
"""


@dataclass
class Database:
    """One PostgreSQL on a host of its own."""

    host: Host
    cluster: Cluster

    @property
    def password(self) -> str:
        """The superuser's and, for simplicity, everybody's."""
        return self.cluster.password

    def dsn(self, name: str = "postgres") -> str:
        """Return the superuser's way in, from any host."""
        return f"postgresql://seda:{self.password}@{self.host.address}:{_POSTGRES}/{name}"

    async def run(self, *statements: str) -> None:
        """Run statements as the superuser, each by itself."""
        connection = await asyncpg.connect(self.dsn(NAME))
        try:
            for each in statements:
                await connection.execute(each)
        finally:
            await connection.close()

    async def rows(self, query: str) -> list[asyncpg.Record]:
        """Return the rows of a query, as the superuser."""
        connection = await asyncpg.connect(self.dsn(NAME))
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()


@dataclass
class DataCenter:
    """The hosts and what runs on them. `primary` is where PgBouncer leads."""

    network: Network
    folder: Path
    tls: Tls
    hosts: dict[str, Host]
    primary: Database
    _pooler: subprocess.Popen[bytes] | None = None
    _clusters: list[Cluster] = field(default_factory=list)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def on(cls, folder: Path) -> DataCenter:
        """Make the hosts; `folder` is open to PostgreSQL's user."""
        network = Network()
        hosts = {each.name: each for each in network.start("edge1", "edge2", "core", "pool", "db1", "db2")}
        tls = Tls.made(folder, *(each.address for each in hosts.values()))
        primary = Database(hosts["db1"], _cluster(hosts["db1"], folder / "primary" / "data"))
        return cls(network, folder, tls, hosts, primary)

    async def start(self) -> None:
        """Start all of it but a standby."""
        primary, hosts = self.primary, self.hosts
        self._clusters.append(primary.cluster)
        await asyncio.to_thread(primary.cluster.ensure)
        hba = primary.cluster.data_dir / "pg_hba.conf"
        with hba.open("a") as file:
            file.write("host all,replication all samenet scram-sha-256\n")
        await asyncio.to_thread(primary.cluster.start)
        connection = await asyncpg.connect(primary.dsn())
        await connection.execute(f"CREATE DATABASE {NAME}")
        await connection.close()
        await init_database(primary.dsn(NAME))
        await deploy(primary.dsn(NAME))
        await primary.run(
            *(f"ALTER ROLE {each}_app LOGIN PASSWORD '{primary.password}'" for each in SERVICES)
        )
        self._start_pooler()
        for name, where in (("users", "core"), ("tracks", "core"), ("chat", "edge1"), ("chat", "edge2")):
            self._start_process(name, hosts[where])
        for where in ("edge1", "edge2"):
            self._start_process("gateway", hosts[where])

    def channel(self, methods: list[Method]) -> grpc.aio.Channel:
        """A client's channel to both gateways."""
        return open_channel(self._gateways, methods, tls=self._client_tls.credentials())

    def client(self, email: str) -> AsyncSeda:
        """A user's client of both gateways."""
        token = StaticToken(user(email)[0][1].removeprefix("Bearer "))
        return AsyncSeda(self._gateways, auth=token, tls=self._client_tls)

    @property
    def _gateways(self) -> str:
        return ",".join(f"{self.hosts[each].address}:{_GATEWAY}" for each in ("edge1", "edge2"))

    @property
    def _client_tls(self) -> ClientTls:
        own = self.tls.own
        return ClientTls(self.tls.authority.certificate, own.certificate, own.key)

    @property
    def spare(self) -> Host:
        """The database's host that has no primary."""
        return self.hosts["db2" if self.primary.host == self.hosts["db1"] else "db1"]

    async def add_standby(self, host: Host, *, synchronous: bool) -> Database:
        """Copy the primary to a host, stream to there, and wait until it does."""
        data_dir = self.folder / f"standby{len(self._clusters)}" / "data"
        cluster = _cluster(host, data_dir, self.primary.cluster)
        self._clusters.append(cluster)
        standby = Database(host, cluster)
        await asyncio.to_thread(stream_from, self.primary.dsn(), cluster)
        await asyncio.to_thread(cluster.start)
        names = "'*'" if synchronous else "''"
        await self.primary.run(
            f"ALTER SYSTEM SET synchronous_standby_names = {names}", "SELECT pg_reload_conf()"
        )
        wanted = "sync" if synchronous else "async"
        async with asyncio.timeout(_START_SECONDS):
            query = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"
            while [row["sync_state"] for row in await self.primary.rows(query)] != [wanted]:
                # It tells nobody.
                await asyncio.sleep(0.05)
        return standby

    async def fail_over(self, standby: Database) -> None:
        """Promote a standby and lead PgBouncer to it."""
        await standby.run(
            "ALTER SYSTEM SET synchronous_standby_names = ''",
            "SELECT pg_reload_conf()",
            "SELECT pg_promote()",
        )
        self.primary = standby
        self._write_pooler_configuration()
        assert self._pooler is not None
        # Its RELOAD.
        self._pooler.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Kill everything."""
        for host in self.network.hosts:
            host.kill()
        for process in self._processes:
            process.wait()
        for cluster in self._clusters:
            cluster.stop(immediately=True)

    def logs(self, lines: int = 40) -> str:
        """Return the ends of all logs, for a test that failed."""
        parts = []
        for log in sorted(self.folder.glob("*.log")):
            # Not the lines of calls, which are too many.
            found = [
                line for line in log.read_text(errors="replace").splitlines() if '"event": "call"' not in line
            ]
            parts.append("\n".join((f"== {log.name}", *found[-lines:])))
        return "\n".join(parts)

    def _start_process(self, name: str, host: Host) -> None:
        """Start one process of the suite where it listens for all hosts."""
        replicas = ",".join(f"{self.hosts[each].address}:{_CHAT}" for each in ("edge1", "edge2"))
        core, pool = self.hosts["core"].address, self.hosts["pool"].address
        login = f"{name}_app:{self.primary.password}"
        own = {f"SEDA_{setting.upper()}": str(path) for setting, path in self.tls.settings().items()}
        inherited = {key: each for key, each in os.environ.items() if not key.startswith(("SEDA_", "GRPC_"))}
        environ = {
            **inherited,
            **own,
            **_PLENTY,
            "SEDA_HOST": host.address,
            "SEDA_JWT_SECRET": JWT_SECRET,
            "SEDA_SERVICE_SECRET": SERVICE_SECRET,
            "SEDA_LOG_FORMAT": "json",
            "SEDA_ENRICH": "0",
            "SEDA_MAX_CALLS_PER_USER": "100000",
            "SEDA_MAX_STREAMS_PER_USER": "1000",
            "SEDA_WATCH_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
            "SEDA_USERS_TARGET": f"{core}:{_USERS}",
            "SEDA_CHAT_TARGET": replicas,
            "SEDA_TRACKS_TARGET": f"{core}:{_TRACKS}",
            "SEDA_DB_POOLER": "transaction",
            f"SEDA_{name.upper()}_DATABASE_URL": f"postgresql://{login}@{pool}:{_POOLER}/{NAME}",
        }
        with (self.folder / f"{host.name}-{name}.log").open("ab") as log:
            command = [*host.prefix, sys.executable, "-P", "-m", _MODULES[name]]
            process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)

    def _start_pooler(self) -> None:
        users = self.folder / "pooler.users"
        users.write_text("".join(f'"{each}_app" "{self.primary.password}"\n' for each in SERVICES))
        self._write_pooler_configuration()
        program = [pooler.PROGRAM or "pgbouncer", "-u", "nobody", str(self.folder / "pooler.ini")]
        with (self.folder / "pooler.log").open("ab") as log:
            self._pooler = subprocess.Popen(
                [*self.hosts["pool"].prefix, *program], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._processes.append(self._pooler)

    def _write_pooler_configuration(self) -> None:
        text = _CONFIGURATION.format(
            primary=self.primary.host.address,
            port=_POSTGRES,
            address=self.hosts["pool"].address,
            pooler_port=_POOLER,
            users=self.folder / "pooler.users",
        )
        (self.folder / "pooler.ini").write_text(text)


@asynccontextmanager
async def data_center() -> AsyncIterator[DataCenter]:
    """Start the suite on its hosts, and stop it."""
    folder = new_folder()
    made = DataCenter.on(folder)
    try:
        await made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _cluster(host: Host, data_dir: Path, like: Cluster | None = None) -> Cluster:
    """Return a cluster, not started, whose programs run on a host."""
    chosen = choose_privilege(data_dir=data_dir)
    data_dir.parent.mkdir(mode=0o711)
    return Cluster(
        data_dir,
        find_binaries(os.environ) if like is None else like.binaries,
        _POSTGRES,
        settings={"fsync": "off", "listen_addresses": host.address, "max_connections": "100"},
        password_file=None if like is None else like.password_file,
        privilege=Privilege(chosen.mode, (*host.prefix, *chosen.prefix)),
    )
