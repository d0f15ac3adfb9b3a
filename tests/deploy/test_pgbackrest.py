"""pgBackRest with the example's configuration: a server goes back to a moment, and chat tells another epoch."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops.postgres import Cluster
from ops.postgres.binaries import find_binaries
from ops.postgres.privilege import Mode, choose_privilege
from tests.architecture.project import ROOT
from tests.ops.backup.test_round_trip import epoch_of
from tests.postgres import free_port, new_folder

pytestmark = pytest.mark.slow
PROGRAM = shutil.which("pgbackrest")
# Debian's 2.45 knows no newer one.
PG15 = Path("/usr/lib/postgresql/15/bin")
_SECONDS = 60.0


class Repository:
    """A folder below which are the repository, the configuration and the server."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.configuration = folder, folder / "pgbackrest.conf"
        command = f"pgbackrest --config={self.configuration} --stanza=seda archive-push %p"
        self.cluster = Cluster(
            folder / "data",
            find_binaries({"SEDA_PG_BIN": str(PG15)}),
            free_port(),
            socket_dir=folder / "socket",
            settings={"fsync": "off", "archive_mode": "on", "archive_command": command},
            privilege=choose_privilege(Mode.NOBODY if os.geteuid() == 0 else Mode.PLAIN),
        )

    def configure(self) -> None:
        """Write the example's configuration with the places of this machine, for the server's user."""
        text = (ROOT / "deploy/pgbackrest/pgbackrest.conf").read_text()
        text = re.sub(r"^repo1-s3-.*\n", "", text, flags=re.MULTILINE)
        for name, value in {
            "repo1-type": "posix",
            "repo1-path": str(self.folder / "repository"),
            "spool-path": f"{self.folder / 'spool'}\nlock-path={self.folder / 'lock'}\nrepo1-cipher-pass=of-the-test",
            "pg1-path": str(self.cluster.data_dir),
            "pg1-port": f"{self.cluster.port}\npg1-socket-path={self.folder / 'socket'}\npg1-user=seda",
        }.items():
            text, count = re.subn(f"^{name}=.*", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, name
        self.configuration.write_text(text)
        for name in ("repository", "spool", "lock"):
            (self.folder / name).mkdir()
            self.cluster.privilege.chown(self.folder / name)

    def run(self, *arguments: str) -> None:
        """Run pgBackRest as the server's user."""
        assert PROGRAM is not None
        owner = self.cluster.privilege
        done = subprocess.run(
            [PROGRAM, f"--config={self.configuration}", "--stanza=seda", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PGPASSWORD": self.cluster.password, "HOME": str(self.folder)},
            cwd="/",
            timeout=_SECONDS,
            user=owner.user,
            group=owner.group,
            extra_groups=None if owner.user is None else [],
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def forget_the_data(self) -> None:
        """Keep the server's folder aside, and make an empty one in its place."""
        self.cluster.data_dir.rename(self.folder / "before")
        self.cluster.data_dir.mkdir(mode=0o700)
        self.cluster.privilege.chown(self.cluster.data_dir)


@pytest.fixture
def repository() -> Iterator[Repository]:
    if PROGRAM is None or not PG15.exists():
        pytest.skip(
            "pgbackrest and PostgreSQL 15 are not installed; on Debian: apt-get install pgbackrest postgresql-15"
        )
    made = Repository(new_folder())
    try:
        made.cluster.ensure()
        made.configure()
        made.cluster.start()
        yield made
    finally:
        made.cluster.stop(immediately=True)
        shutil.rmtree(made.folder, ignore_errors=True)


async def test_the_server_goes_back_to_a_moment_and_chat_tells(repository: Repository) -> None:
    dsn = repository.cluster.dsn()
    repository.run("stanza-create")
    repository.run("check")
    repository.run("--type=full", "backup")
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE SCHEMA chat; CREATE TABLE chat.instance AS SELECT gen_random_uuid() AS id"
    )
    await connection.execute("CREATE TABLE chat.messages AS SELECT generate_series(1, 100) AS seq")
    before = await epoch_of(dsn)
    # The end of a backup is known in whole seconds, and a target has to lie beyond it.
    await connection.execute("SELECT pg_sleep(1.1)")
    moment = await connection.fetchval("SELECT clock_timestamp()::text")
    await connection.execute("DELETE FROM chat.messages")
    await connection.execute("SELECT pg_switch_wal()")
    await connection.close()
    repository.cluster.stop()

    repository.forget_the_data()
    repository.run("--type=time", f"--target={moment}", "--target-action=promote", "restore")
    repository.cluster.start()
    connection = await asyncpg.connect(dsn)
    async with asyncio.timeout(_SECONDS):
        while await connection.fetchval("SELECT pg_is_in_recovery()"):
            # Nobody tells when it ends.
            await asyncio.sleep(0.1)
    assert await connection.fetchval("SELECT count(*) FROM chat.messages") == 100
    await connection.close()
    assert before is not None
    assert await epoch_of(dsn) not in {before, None}
