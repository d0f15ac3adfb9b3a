"""What keeps a service from a database that does not fit it, and from a user who may too much."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field
from structlog.testing import capture_logs

from servicekit.health import NOT_SERVING, SERVING, HealthRegistry
from servicekit.readiness import DatabaseProbe
from servicekit.setting_types import PostgresUrl
from servicekit.settings import Environment, ServiceSettings, SettingsError
from tests.postgres import Database, Server, administrator, empty_database
from tests.support.fault_proxy import FaultProxy

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "a secret for tests only, long enough for users"
SERVICE_SECRET = "a secret for tests only, long enough for services"
SERVICE = [sys.executable, "-P", "-m", "services.users"]
PRODUCTION = {"SEDA_ENV": "production", "SEDA_JWT_ISSUER": "https://issuer.example.org"}
HEAD = "a revision that is not there"


class Settings(ServiceSettings):
    process: ClassVar[str] = "users"
    slice_database_url: PostgresUrl | None = Field(None, validation_alias="SEDA_USERS_DATABASE_URL")


def settings(dsn: str, env: Environment = Environment.DEVELOPMENT) -> Settings:
    given: dict[str, Any] = {
        "jwt_secret": SECRET,
        "service_secret": SERVICE_SECRET,
        "SEDA_USERS_DATABASE_URL": dsn,
    }
    return Settings(env=env, jwt_issuer="https://issuer.example.org", **given)


@asynccontextmanager
async def looking(told: Settings, head: str = HEAD) -> AsyncIterator[tuple[HealthRegistry, list[str]]]:
    """A probe that has looked once; gives its health and what it wrote."""
    health = HealthRegistry()
    health.register(["users"])
    probe = DatabaseProbe(told, health, head)
    with capture_logs() as lines:
        try:
            await probe.start()
            yield health, [str(line.get("reason")) for line in lines if line["log_level"] == "warning"]
        finally:
            await probe.stop()


async def applied_head(database: Database) -> str:
    async with administrator(database.server, database.name) as connection:
        return str(
            await connection.fetchval(
                "SELECT revision FROM users_migrations.applied ORDER BY applied_at DESC, revision DESC LIMIT 1"
            )
        )


async def test_a_service_in_its_own_role_is_ready_and_warned_of_nothing(database: Database) -> None:
    head = await applied_head(database)
    for env in Environment:
        async with looking(settings(database.app_dsn("users"), env), head) as (health, warnings):
            assert health.states[""] == SERVING
            assert warnings == []


LOGIN, PASSWORD = "test_login", "secret"
# Statements that give the login a privilege, and the reason that names it.
EXCESSES = {
    "superuser": (f"ALTER ROLE {LOGIN} SUPERUSER", "is a superuser"),
    "makes roles": (f"ALTER ROLE {LOGIN} CREATEROLE", "has CREATEROLE"),
    "bypasses row security": (f"ALTER ROLE {LOGIN} BYPASSRLS", "has BYPASSRLS"),
    "replicates": (f"ALTER ROLE {LOGIN} REPLICATION", "has REPLICATION"),
    "owns a table": (
        f"CREATE SCHEMA test_other; CREATE TABLE test_other.t (); ALTER TABLE test_other.t OWNER TO {LOGIN}",
        "owns tables, schemas or the database",
    ),
    "owner": (
        f"ALTER ROLE {LOGIN} NOINHERIT; GRANT users_owner TO {LOGIN}",
        "is a member of users_owner, which owns tables, schemas or the database",
    ),
    "another service's owner": (
        f"GRANT chat_owner TO {LOGIN}",
        "is a member of chat_owner, which owns tables, schemas or the database",
    ),
    "another service": (
        f"GRANT chat_app TO {LOGIN}",
        "is a member of chat_app, which may use schemas that are not its own",
    ),
    "superuser's role": (
        f"ALTER ROLE test_power SUPERUSER; GRANT test_power TO {LOGIN}",
        "is a member of test_power, which is a superuser",
    ),
    "superuser's role by another": (
        f"ALTER ROLE test_power SUPERUSER; GRANT test_power TO test_between; GRANT test_between TO {LOGIN}",
        "is a member of test_power, which is a superuser",
    ),
    "everybody's data": (
        f"GRANT pg_read_all_data TO {LOGIN}",
        "is a member of pg_read_all_data, which PostgreSQL predefines",
    ),
}


@asynccontextmanager
async def login(database: Database, *statements: str) -> AsyncIterator[str]:
    """A login that may act as users_app, and what `statements` add; gives its DSN."""
    async with administrator(database.server, database.name) as connection:
        await connection.execute(
            f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{PASSWORD}'; GRANT users_app TO {LOGIN};"
            f"CREATE ROLE test_power; CREATE ROLE test_between"
        )
        try:
            for statement in statements:
                await connection.execute(statement)
            yield f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{database.server.port}/{database.name}"
        finally:
            await connection.execute(
                f"DROP SCHEMA IF EXISTS test_other CASCADE; DROP OWNED BY {LOGIN};"
                f"DROP ROLE {LOGIN}, test_power, test_between"
            )


@pytest.mark.parametrize("role", ["", "?role=users_app"], ids=["itself", "in the service's role"])
@pytest.mark.parametrize(("statement", "told"), EXCESSES.values(), ids=EXCESSES)
async def test_a_session_that_may_too_much_is_refused_in_production(
    database: Database, statement: str, told: str, role: str
) -> None:
    async with login(database, statement) as dsn:
        with pytest.raises(SettingsError) as raised:
            async with looking(settings(f"{dsn}{role}", Environment.PRODUCTION)):
                pass
    assert raised.value.errors == [
        f"SEDA_USERS_DATABASE_URL: the database user {LOGIN} {told}; let users log in as users_app"
    ]


@pytest.mark.parametrize("role", ["", "?role=users_app"], ids=["itself", "in the service's role"])
async def test_a_login_that_is_only_a_member_of_the_service_s_role_is_fine(
    database: Database, role: str
) -> None:
    head = await applied_head(database)
    async with (
        login(database) as dsn,
        looking(settings(f"{dsn}{role}", Environment.PRODUCTION), head) as (health, warnings),
    ):
        assert (health.states[""], warnings) == (SERVING, [])


@pytest.mark.parametrize("env", [each for each in Environment if each is not Environment.PRODUCTION])
@pytest.mark.parametrize("role", [{}, {"role": "users_app"}, {"role": "users_owner"}])
async def test_a_superuser_s_session_is_warned_of_elsewhere(
    database: Database, role: dict[str, str], env: Environment
) -> None:
    head = await applied_head(database)
    dsn = database.server.dsn(database.name, **role)
    async with looking(settings(dsn, env), head) as (health, warnings):
        assert health.states[""] == SERVING
        assert warnings == ["the database user seda is a superuser; let users log in as users_app"]


WITH_TRIGRAMS = "CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions"


@pytest.mark.parametrize(
    ("options", "setup", "told"),
    [
        (
            "ENCODING 'LATIN1' LOCALE 'C'",
            WITH_TRIGRAMS,
            "the database's encoding is LATIN1, not UTF8; recreate it",
        ),
        (
            "ENCODING 'UTF8' LOCALE 'C'",
            WITH_TRIGRAMS,
            "pg_trgm handles ASCII letters only in this database's",
        ),
        (
            "ENCODING 'UTF8' LOCALE 'C.UTF-8'",
            "SELECT",
            "pg_trgm can't be used in schema extensions; run: seda db init",
        ),
        (
            "ENCODING 'UTF8' LOCALE 'C.UTF-8'",
            "CREATE EXTENSION pg_trgm SCHEMA public; CREATE SCHEMA extensions",
            "pg_trgm can't be used in schema extensions; run: seda db init",
        ),
    ],
    ids=["encoding", "locale", "no extension", "extension elsewhere"],
)
async def test_a_database_with_unfit_text_keeps_the_service_from_serving(
    postgres_server: Server, options: str, setup: str, told: str
) -> None:
    async with empty_database(postgres_server, f"TEMPLATE template0 {options}") as unfit:
        async with administrator(postgres_server, unfit.name) as connection:
            await connection.execute(setup)
        async with looking(settings(unfit.admin_dsn)) as (health, warnings):
            assert health.states[""] == NOT_SERVING
            assert warnings[-1].startswith(told)
            assert "CREATE DATABASE" in warnings[-1] or "seda db init" in warnings[-1]


async def test_a_mended_database_is_taken_without_a_restart(postgres_server: Server) -> None:
    async with (
        empty_database(postgres_server, "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'") as blank,
        looking(settings(blank.admin_dsn), "r1") as (health, _),
        administrator(postgres_server, blank.name) as connection,
    ):
        assert health.states[""] == NOT_SERVING
        changed = health.watch()
        await connection.execute(
            f"{WITH_TRIGRAMS}; CREATE SCHEMA users_migrations; CREATE TABLE users_migrations.applied AS"
            " SELECT 'r1' AS revision, 'r1' AS compatible_from, now() AS applied_at"
        )
        await changed.wait()
        assert dict(health.states)[""] == SERVING


def environ_of(**environ: str) -> dict[str, str]:
    """The environment of the real users service."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_"))
    }
    ports = {"SEDA_PORT": "0", "SEDA_ADMIN_PORT": "0", "SEDA_METRICS_PORT": "0"}
    secrets = {"SEDA_JWT_SECRET": SECRET, "SEDA_SERVICE_SECRET": SERVICE_SECRET}
    return {**inherited, "PYTHONPATH": str(PROJECT), **ports, **secrets, **environ}


def start(**environ: str) -> subprocess.CompletedProcess[str]:
    """The real users service, which is expected to leave by itself."""
    return subprocess.run(
        SERVICE, env=environ_of(**environ), capture_output=True, text=True, timeout=50, check=False
    )


def test_a_real_service_that_is_superuser_ends_with_the_reason(database: Database) -> None:
    ended = start(SEDA_USERS_DATABASE_URL=database.admin_dsn, **PRODUCTION)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "SEDA_USERS_DATABASE_URL: the database user seda is a superuser; let users log in as users_app"
    )
    assert database.server.password not in ended.stderr


async def test_a_real_service_that_finds_out_late_ends_with_the_reason(database: Database) -> None:
    """PostgreSQL is away when the service starts, and there when it looks again."""
    proxy = FaultProxy(f"127.0.0.1:{database.server.port}")
    await proxy.start()
    await proxy.stop()
    dsn = replace(database.server, port=proxy.port).dsn(database.name)
    async with asyncio.timeout(50):
        service = await asyncio.create_subprocess_exec(
            *SERVICE,
            env=environ_of(SEDA_USERS_DATABASE_URL=dsn, **PRODUCTION),
            stderr=asyncio.subprocess.PIPE,
        )
        assert service.stderr is not None
        lines = [""]
        while "listening" not in lines[-1]:
            lines.append((await service.stderr.readline()).decode())
            assert lines[-1], lines
        await proxy.start()
        lines += (await service.stderr.read()).decode().splitlines()
        assert await service.wait() == 2
    await proxy.stop()
    assert lines[-1] == (
        "SEDA_USERS_DATABASE_URL: the database user seda is a superuser; let users log in as users_app"
    )
    assert not [line for line in lines if '"event": "ready"' in line]


def test_a_service_with_the_administrators_dsn_alone_refuses_to_start_behind_a_pooler(
    database: Database,
) -> None:
    ended = start(DATABASE_URL=database.admin_dsn, SEDA_DB_POOLER="transaction")
    assert ended.returncode == 2
    assert ended.stderr == (
        "SEDA_USERS_DATABASE_URL: is required with SEDA_DB_POOLER=transaction"
        " (a pooler drops the role that DATABASE_URL sets)\n"
    )
