"""Backups and restorations by administrators who are no superusers, and in databases of one role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.backup.create import create_backup
from ops.backup.drill import drill
from ops.backup.restore import Source, restore_into, restore_replacing
from ops.backup.stores import LocalStore
from ops.backup.tables import restore_tables
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.errors import CliError
from tests.ops.backup.support import QUIET, all_rows, connection, fill, privileges
from tests.postgres import Database, Server, own_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def own() -> Iterator[Server]:
    """A server of its own: other tests share roles."""
    with own_server() as server:
        yield server


async def _made(server: Server, *, attributes: str, single_role: bool = False) -> tuple[str, Database]:
    """Return the DSN of a new user with these attributes, and a filled database that the user set up."""
    async with connection(server.dsn("postgres")) as admin:
        await admin.execute(f"CREATE ROLE boss LOGIN {attributes} PASSWORD '{server.password}'")
        await admin.execute("CREATE DATABASE music OWNER boss")
    dsn = server.dsn("music").replace("//seda:", "//boss:")
    await init_database(dsn, single_role=single_role)
    await deploy(dsn)
    database = Database(server, "music")
    if single_role:
        async with connection(dsn) as boss:
            await boss.execute(
                "INSERT INTO chat.leases (name, holder, until) VALUES ('x', gen_random_uuid(), now())"
            )
    else:
        await fill(database)
        async with connection(server.dsn("music")) as admin:
            # A role that only the operator knows.
            await admin.execute("CREATE ROLE statistics; GRANT SELECT ON users.users TO statistics")
            await admin.execute("DROP SEQUENCE chat.test_numbers")
    return dsn, database


async def test_an_administrator_who_may_make_databases_and_roles_needs_no_more(
    own: Server, tmp_path: Path
) -> None:
    dsn, database = await _made(own, attributes="CREATEDB CREATEROLE")
    store = LocalStore(tmp_path)
    made = await create_backup(dsn, store, QUIET)
    source = Source(store, made.id)
    await drill(dsn, source, QUIET)
    async with connection(database.admin_dsn) as admin:
        rows, grants = await all_rows(admin), await privileges(admin)
        await admin.execute("DELETE FROM chat.messages")
    assert await restore_tables(dsn, source, ["chat.messages"], QUIET) == {"chat.messages": 120}
    await restore_replacing(dsn, source, "music", QUIET)
    async with connection(database.admin_dsn) as admin:
        found = await all_rows(admin)
        assert await privileges(admin) == grants
        assert await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname ~ '^music_before_'") == 1
    assert found.pop("chat.instance") != rows.pop("chat.instance")
    assert found == rows


async def test_a_role_that_the_server_lacks_is_named_before_anything_is_restored(
    own: Server, tmp_path: Path
) -> None:
    dsn, database = await _made(own, attributes="CREATEDB CREATEROLE")
    store = LocalStore(tmp_path)
    made = await create_backup(dsn, store, QUIET)
    async with connection(database.admin_dsn) as admin:
        await admin.execute("DROP OWNED BY statistics; DROP ROLE statistics")
    with pytest.raises(CliError) as refused:
        await restore_into(dsn, Source(store, made.id), "music2", QUIET)
    assert (refused.value.code, "CREATE ROLE statistics" in refused.value.fix) == ("ROLES_MISSING", True)
    async with connection(database.admin_dsn) as admin:
        assert (
            await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname ~ 'music2|restoring'") == 0
        )


async def test_a_user_who_may_not_make_databases_is_told_so(own: Server, tmp_path: Path) -> None:
    dsn, _ = await _made(own, attributes="CREATEROLE")
    store = LocalStore(tmp_path)
    made = await create_backup(dsn, store, QUIET)
    with pytest.raises(CliError) as refused:
        await restore_into(dsn, Source(store, made.id), "music2", QUIET)
    assert refused.value.code == "ADMINISTRATOR_NEEDED"


async def test_a_database_of_one_role_restores_as_another_user(own: Server, tmp_path: Path) -> None:
    dsn, database = await _made(own, attributes="CREATEDB", single_role=True)
    store = LocalStore(tmp_path)
    made = await create_backup(dsn, store, QUIET)
    assert made.single_role
    async with connection(own.dsn("postgres")) as admin:
        await admin.execute(f"CREATE ROLE successor LOGIN CREATEDB PASSWORD '{own.password}'")
    await restore_into(dsn.replace("//boss:", "//successor:"), Source(store, made.id), "music2", QUIET)
    async with connection(own.dsn("music2")) as restored, connection(database.admin_dsn) as origin:
        assert (await all_rows(restored))["chat.leases"] == (await all_rows(origin))["chat.leases"]
        owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'chat.leases'::regclass"
        assert await restored.fetchval(owner) == "successor"
