"""`seda migrate reset`: in development alone, after the database's name was typed or with --yes."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from migrations.heads import head
from ops.database import SERVICES
from ops.database.drift import drift
from ops.database.reset import require_development
from ops.errors import CliError, Exit
from tests.migrations.test_commands import seda
from tests.postgres import Database, administrator


async def rows_of_leases(database: Database) -> int:
    async with administrator(database.server, database.name) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM chat.leases"))


@pytest.fixture
async def filled_database(fresh_database: Database) -> Database:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("INSERT INTO chat.leases VALUES ('x', $1, now())", uuid.uuid4())
        await connection.execute("CREATE TABLE public.mine (id int)")
    return fresh_database


@pytest.mark.slow
async def test_a_reset_drops_what_is_ours_and_migrates_again(
    filled_database: Database, tmp_path: Path
) -> None:
    dry = await seda(filled_database, tmp_path, "migrate", "reset", "--dry-run")
    assert (dry.code, dry.stdout.splitlines()[0]) == (0, f"In {filled_database.name}:")
    assert "DROP SCHEMA chat CASCADE  -- " in dry.stdout
    assert await rows_of_leases(filled_database) == 1

    done = await seda(filled_database, tmp_path, "migrate", "reset", "--yes")

    assert (done.code, done.stdout.splitlines()) == (
        0,
        [f"{each}: from nothing to {head(each)}" for each in SERVICES],
    )
    assert await rows_of_leases(filled_database) == 0
    assert await drift(filled_database.admin_dsn) == ()
    async with administrator(filled_database.server, filled_database.name) as connection:
        assert await connection.fetchval("SELECT to_regclass('public.mine') IS NOT NULL")


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        (("--no-input",), "development", "CONFIRMATION_NEEDED"),
        (("--yes",), "production", "NOT_DEVELOPMENT"),
        (("--yes",), "staging", "NOT_DEVELOPMENT"),
        (("--dry-run",), "production", "NOT_DEVELOPMENT"),
    ],
)
async def test_a_reset_is_refused(
    arguments: tuple[str, ...], environment: str, code: str, filled_database: Database, tmp_path: Path
) -> None:
    ended = await seda(
        filled_database, tmp_path, "migrate", "reset", *arguments, "--json", SEDA_ENV=environment
    )

    assert (ended.code, ended.envelope["error"]["code"]) == (Exit.UNSAFE, code)
    assert await rows_of_leases(filled_database) == 1


def test_a_database_elsewhere_is_development_only_when_it_is_said() -> None:
    elsewhere, here = "postgresql://u@db.example.org/seda", "postgresql://u@127.0.0.1/seda"
    require_development(here, {})
    require_development(elsewhere, {"SEDA_ENV": "development"})
    for dsn, environ in ((elsewhere, {}), (here, {"SEDA_ENV": "production"})):
        with pytest.raises(CliError) as caught:
            require_development(dsn, environ)
        assert caught.value.code == "NOT_DEVELOPMENT"
