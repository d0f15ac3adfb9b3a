"""PgBouncer with the configurations of the cluster's component and of docker-compose.yml, before a real server."""

from __future__ import annotations

import re
import shutil

import asyncpg
import pytest

from ops.database import SERVICES
from servicekit.database import PoolOptions
from tests import pooler
from tests.certificates import Authority, Pair
from tests.deploy.manifests import FOLDER
from tests.ops.test_compose import COMPOSE
from tests.postgres import Database, free_port, new_folder

pytestmark = pytest.mark.slow
CONFIGURATIONS = {
    "kubernetes": (FOLDER / "components/pgbouncer/pgbouncer.ini").read_text(),
    "compose": COMPOSE["configs"]["pgbouncer"]["content"],
}


def here(configuration: str, database: Database, pair: Pair) -> str:
    """A configuration with the addresses and files of this machine, as tests.pooler fills it in."""
    for pattern, replacement in {
        r"^seda = .*": f"{database.name} = host=127.0.0.1 port={{server_port}} dbname={database.name}",
        r"^listen_addr = .*": "listen_addr = 127.0.0.1",
        r"^listen_port = .*": "listen_port = {port}",
        r"^auth_file = .*": "auth_file = {users}",
        r"^client_tls_cert_file = .*": f"client_tls_cert_file = {pair.certificate}",
        r"^client_tls_key_file = .*": f"client_tls_key_file = {pair.key}",
        # The server of the tests has no certificate.
        r"^server_tls_.*": "",
    }.items():
        configuration = re.sub(pattern, replacement, configuration, flags=re.MULTILINE)
    return configuration


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_services_log_in_through_it(name: str, database: Database) -> None:
    if pooler.PROGRAM is None:
        pytest.skip("pgbouncer is not installed; on Debian: apt-get install pgbouncer")
    # It runs as another user.
    folder, port = new_folder(), free_port()
    try:
        authority = Authority(folder)
        pair = authority.sign("pgbouncer")
        pair.key.chmod(0o644)
        text = here(CONFIGURATIONS[name], database, pair)
        passwords = {f"{each}_app": database.server.password for each in SERVICES}
        tls = f"?sslmode=verify-full&sslrootcert={authority.certificate}" if name == "kubernetes" else ""
        running = pooler.Pooler(folder, database.server.port, port, passwords, text)
        try:
            dsns = {
                each: database.app_dsn(each).replace(f":{database.server.port}/", f":{port}/") + tls
                for each in SERVICES
            }
            for service, dsn in dsns.items():
                options = PoolOptions("test", pooled=True).connect_arguments()
                connection = await asyncpg.connect(dsn, **options)
                assert await connection.fetchval("SELECT current_user") == f"{service}_app"
                await connection.close()
            if tls:
                with pytest.raises(asyncpg.PostgresError, match="SSL required"):
                    await asyncpg.connect(dsns["chat"].replace("verify-full", "disable"))
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
