"""The DSN that production demands of a database elsewhere: TLS with a verified host name, on a real server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops.postgres import Cluster, find_binaries
from servicekit.settings import Environment
from tests.certificates import Authority
from tests.postgres import Server, free_port, new_folder
from tests.servicekit.test_readiness import settings


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    """A server with a certificate for 127.0.0.1, and for no name. The embedded one is built without TLS."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not installed:
        pytest.skip("no PostgreSQL of Debian's is installed")
    pair = authority.sign("postgres")
    pair.key.chmod(0o600)
    folder = new_folder()
    tls = {"ssl": "on", "ssl_cert_file": str(pair.certificate), "ssl_key_file": str(pair.key)}
    binaries = find_binaries({"SEDA_PG_BIN": str(installed[-1])})
    with Cluster(folder / "data", binaries, free_port(), settings=tls, remove_after=folder) as cluster:
        yield Server.of(cluster)


async def is_encrypted(server: Server, host: str, authority: Path) -> bool:
    """Connect as a service in production does; whether the server sees TLS."""
    dsn = server.dsn("postgres", sslmode="verify-full", sslrootcert=str(authority))
    made = settings(dsn.replace("@127.0.0.1:", f"@{host}:"), Environment.PRODUCTION)
    connection = await asyncpg.connect(made.dsn, **made.pool_options().connect_arguments())
    try:
        return bool(
            await connection.fetchval("SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()")
        )
    finally:
        await connection.close()


async def test_the_named_server_is_connected_to_by_tls(server: Server, authority: Authority) -> None:
    assert await is_encrypted(server, "127.0.0.1", authority.certificate)


async def test_another_name_is_refused(server: Server, authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await is_encrypted(server, "localhost", authority.certificate)


async def test_another_authority_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await is_encrypted(server, "127.0.0.1", Authority(tmp_path, "another").certificate)
