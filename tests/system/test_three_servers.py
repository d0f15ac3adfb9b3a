"""Three PostgreSQL servers, one service's data on each: the commands, the printed path, and the loss of one server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ops.database import SERVICES
from ops.postgres import Cluster
from tests.ops.support.fake_suite import free_base, seda, until
from tests.postgres import Server, administrator, new_cluster, new_folder
from tests.system.support.up import START_SECONDS, UpElsewhere
from tests.system.test_up_path import WITHOUT_GRPCURL, Suite, check_printed_path

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
_TABLES = {"users": "users.users", "chat": "chat.messages", "tracks": "tracks.track_refs"}


class SuiteOfServers(Suite):
    """A suite on servers of other hosts, which it neither starts nor stops."""

    def __init__(self, folder: Path, base: int, clusters: dict[str, Cluster]) -> None:
        self.clusters = clusters
        self.servers = {name: Server.of(cluster) for name, cluster in clusters.items()}
        self.urls = {
            f"SEDA_{name.upper()}_DATABASE_URL": f"postgresql://{name}_app:of%20{name}@127.0.0.1:{each.port}/seda"
            for name, each in self.servers.items()
        }
        super().__init__(folder, base)

    def _start(self) -> UpElsewhere:
        for name in SERVICES:
            self.on(name, "db", "init", "--login", name)
            self.on(name, "migrate", "deploy")
        # What an administrator does to users goes to the server of users.
        up = UpElsewhere(
            self.folder,
            self.data_dir,
            *("--port-base", str(self.base), "--no-demo"),
            **{"DATABASE_URL": self.servers["users"].dsn("seda"), **self.urls},
        )
        try:
            return up.ready(START_SECONDS)
        except BaseException:
            up.__exit__()
            raise

    def on(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run a command on one server, as its administrator."""
        done = seda(
            self.folder,
            *arguments,
            DATABASE_URL=self.servers[name].dsn("seda"),
            SEDA_HOME=str(self.data_dir),
            SEDA_BACKUP_LOCATION=str(self.folder / "backups" / name),
            **self.urls,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout

    def call(self, method: str) -> str:
        """Call a method as Ada and return what it answers."""
        done = seda(self.folder, "call", method, "--as", "ada", SEDA_HOME=str(self.data_dir))
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SuiteOfServers]:
    with contextlib.ExitStack() as stack:
        clusters = {}
        for name in SERVICES:
            cluster = clusters[name] = new_cluster(new_folder())
            stack.callback(cluster.stop, immediately=True)
            cluster.ensure()
            cluster.start()
            async with administrator(Server.of(cluster)) as connection:
                await connection.execute("CREATE DATABASE seda TEMPLATE template0")
        base = stack.enter_context(free_base())
        running = SuiteOfServers(tmp_path_factory.mktemp("three"), base, clusters)
        stack.callback(running.up.__exit__)
        yield running


async def test_printed_path_on_three_servers(suite: SuiteOfServers) -> None:
    check_printed_path(suite.run(*suite.up.block(WITHOUT_GRPCURL)))
    for name, table in _TABLES.items():
        async with administrator(suite.servers[name], "seda") as connection:
            filled = [
                each for each in _TABLES.values() if await connection.fetchval(f"SELECT count(*) FROM {each}")
            ]
        assert filled == [table]


async def test_no_service_gets_into_the_server_of_another(suite: SuiteOfServers) -> None:
    for name in SERVICES:
        for other in SERVICES:
            own = suite.urls[f"SEDA_{other.upper()}_DATABASE_URL"]
            url = own.replace(f":{suite.servers[other].port}/", f":{suite.servers[name].port}/")
            if name == other:
                await (await asyncpg.connect(url)).close()
            else:
                with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
                    await asyncpg.connect(url)


def test_commands_work_on_one_server_at_a_time(suite: SuiteOfServers) -> None:
    for name in SERVICES:
        suite.on(name, "backup", "create")
    suite.on("chat", "backup", "drill")
    suite.on("chat", "migrate", "status", "--drift")
    findings = json.loads(suite.on("chat", "db", "doctor", "--json", code=1).splitlines()[-1])["data"][
        "findings"
    ]
    # The tests' servers forget at a crash.
    bad = [each["title"] for each in findings if each["result"] in {"warning", "critical"}]
    assert {each.split(":")[0] for each in bad} == {"Settings"}


def test_one_server_less_takes_only_its_service_away(suite: SuiteOfServers) -> None:
    suite.clusters["tracks"].stop(immediately=True)
    until(lambda: '"SERVICE_STATE_NOT_SERVING"' in suite.call("GetSystemStatus"))
    assert "Late night records" in suite.call("GetHome")
    assert '"ada@demo.seda.fm"' in suite.call("GetMe")
