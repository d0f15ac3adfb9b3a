"""Setting up a database: by a superuser, by an ordinary user, with one role, twice, at once, and when it is unfit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.migrate import deploy, diff
from ops.database.roles import ROLES, SETTINGS
from ops.errors import CliError, Exit
from tests.postgres import Database, Server, administrator, empty_database, own_server

pytestmark = pytest.mark.slow

PLAIN = "plain"


@pytest.fixture(scope="module")
def bare_server() -> Iterator[Server]:
    """A server of this module's own, where tests may remove the roles of the suite."""
    with own_server() as server:
        yield server


@pytest.fixture
async def bare_database(bare_server: Server) -> AsyncIterator[Database]:
    """An empty database on a server that knows no role of ours."""
    async with bare(bare_server) as database:
        yield database


@asynccontextmanager
async def bare(server: Server, options: str = "TEMPLATE template0") -> AsyncIterator[Database]:
    async with empty_database(server, options) as database:
        yield database
    async with administrator(server) as connection:
        known = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", [*ROLES, PLAIN]
        )
        for (role,) in known:
            await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def as_plain(database: Database) -> str:
    parts = urlsplit(database.admin_dsn)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{PLAIN}:secret@{place}"))


async def make_plain_user(database: Database, attributes: str = "") -> str:
    """Do as the original's manual says: createdb, createuser, GRANT ALL ON DATABASE. Return that user's DSN."""
    async with administrator(database.server, database.name) as connection:
        await connection.execute(f"CREATE ROLE {PLAIN} LOGIN {attributes} PASSWORD 'secret'")
        await connection.execute(f"GRANT ALL PRIVILEGES ON DATABASE {database.name} TO {PLAIN}")
    return as_plain(database)


async def roles_of(server: Server) -> set[str]:
    async with administrator(server) as connection:
        return {
            row[0]
            for row in await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", ROLES)
        }


async def test_init_makes_roles_and_schemas_once(bare_database: Database) -> None:
    first = await init_database(bare_database.admin_dsn)
    second = await init_database(bare_database.admin_dsn)

    assert (first.ready, first.roles, first.schemas, first.warnings) == (True, 12, 3, ())
    assert first.executed
    assert await roles_of(bare_database.server) == set(ROLES)
    assert (second.ready, second.executed, second.warnings) == (True, (), ())


async def test_init_sets_limits_on_the_roles(bare_database: Database) -> None:
    await init_database(bare_database.admin_dsn)
    async with administrator(bare_database.server, bare_database.name) as connection:
        await connection.execute("ALTER ROLE chat_app LOGIN PASSWORD 'secret'")
        parts = urlsplit(bare_database.admin_dsn)
        login = urlunsplit(parts._replace(netloc=f"chat_app:secret@{parts.netloc.rpartition('@')[2]}"))
        service = await asyncpg.connect(login)
        try:
            found = {
                name: await service.fetchval("SELECT current_setting($1)", name)
                for name in SETTINGS["chat_app"]
            }
        finally:
            await service.close()
    # What an operator gave the role stays.
    again = await init_database(bare_database.admin_dsn)

    assert found == dict(SETTINGS["chat_app"])
    assert again.executed == ()


async def test_a_new_function_is_nobodys(bare_database: Database) -> None:
    await init_database(bare_database.admin_dsn)
    async with administrator(bare_database.server, bare_database.name) as connection:
        await connection.execute(
            "SET ROLE chat_owner; CREATE FUNCTION chat.secret() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE"
        )
        assert not await connection.fetchval(
            "SELECT has_function_privilege('chat_app', 'chat.secret()', 'EXECUTE')"
        )


async def test_init_at_once_in_many_databases_of_one_server(bare_server: Server) -> None:
    async with (
        bare(bare_server) as one,
        empty_database(bare_server) as two,
        empty_database(bare_server) as three,
    ):
        reports = await asyncio.gather(
            *(init_database(each.admin_dsn) for each in (one, one, two, two, three, three))
        )
        assert [each.ready for each in reports] == [True] * 6
        for each in (one, two, three):
            assert (await init_database(each.admin_dsn)).executed == ()


async def test_an_ordinary_user_gets_the_statements_for_the_administrator(bare_database: Database) -> None:
    dsn = await make_plain_user(bare_database)

    refused = await init_database(dsn)
    assert (refused.ready, refused.executed) == (False, ())
    assert "CREATE ROLE chat_app NOLOGIN" in refused.needed
    assert f'GRANT chat_owner TO "{PLAIN}"' in refused.needed
    async with administrator(bare_database.server, bare_database.name) as connection:
        assert not await connection.fetchval("SELECT to_regnamespace('chat') IS NOT NULL")
        for statement in refused.needed:
            await connection.execute(statement)
    accepted = await init_database(dsn)

    assert (accepted.ready, accepted.executed, accepted.needed) == (True, (), ())
    assert [each.current for each in await deploy(dsn)] == [each.current for each in await deploy(dsn)]
    assert await diff(dsn) == dict.fromkeys(SERVICES, ())
    # The services reach their roles through the same user.
    for each in SERVICES:
        connection = await asyncpg.connect(dsn, server_settings={"role": f"{each}_app"})
        try:
            assert await connection.fetchval("SELECT current_user") == f"{each}_app"
            assert await connection.fetchval(f"SELECT count(*) > 0 FROM {each}_migrations.applied")
        finally:
            await connection.close()


async def test_a_user_with_createrole_needs_no_administrator(bare_database: Database) -> None:
    dsn = await make_plain_user(bare_database, "CREATEROLE")

    report = await init_database(dsn)

    assert (report.ready, report.needed) == (True, ())
    assert (await init_database(dsn)).executed == ()
    await deploy(dsn)
    for each in SERVICES:
        connection = await asyncpg.connect(dsn, server_settings={"role": f"{each}_app"})
        await connection.close()


async def test_a_single_role_needs_no_other(bare_database: Database) -> None:
    dsn = await make_plain_user(bare_database)

    report = await init_database(dsn, single_role=True)
    again = await init_database(dsn, single_role=True)
    await deploy(dsn)

    assert (report.ready, report.roles, len(report.warnings)) == (True, 0, 1)
    assert again.executed == ()
    assert await roles_of(bare_database.server) == set()
    assert await diff(dsn) == dict.fromkeys(SERVICES, ())
    async with administrator(bare_database.server, bare_database.name) as connection:
        owners = await connection.fetch(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname ~ '^(users|chat|tracks)'"
        )
    assert [row[0] for row in owners] == [PLAIN]


async def test_a_single_role_stays_alone_beside_a_database_with_roles(bare_server: Server) -> None:
    """Roles belong to the whole server: that they exist must not let them into this database."""
    async with bare(bare_server) as with_roles, empty_database(bare_server) as alone:
        await init_database(with_roles.admin_dsn)
        await init_database(alone.admin_dsn, single_role=True)
        await deploy(alone.admin_dsn)
        async with administrator(bare_server, alone.name) as connection:
            grants = await connection.fetch(
                "SELECT grantee, table_name FROM information_schema.role_table_grants"
                " WHERE table_schema ~ '^(users|chat|tracks)' AND grantee <> 'seda'"
            )
    assert grants == []


async def test_a_database_with_roles_does_not_go_back_to_one(bare_database: Database) -> None:
    await init_database(bare_database.admin_dsn)

    with pytest.raises(CliError) as caught:
        await init_database(bare_database.admin_dsn, single_role=True)
    assert caught.value.code == "OWNER_DIFFERS"


async def test_a_database_with_one_role_stays_so(bare_database: Database) -> None:
    dsn = await make_plain_user(bare_database)
    await init_database(dsn, single_role=True)

    again = await init_database(dsn)
    assert (again.ready, again.single_role, again.executed) == (True, True, ())
    # Somebody else must not mix in roles.
    with pytest.raises(CliError) as caught:
        await init_database(bare_database.admin_dsn)
    assert (caught.value.code, caught.value.fix) == ("OWNER_DIFFERS", f"Run it as {PLAIN}.")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'", "ENCODING_UNFIT"),
        ("TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", "TRIGRAMS_UNFIT"),
    ],
)
async def test_an_unfit_database_is_refused_with_the_fix(
    options: str, code: str, bare_server: Server
) -> None:
    async with bare(bare_server, options) as database:
        with pytest.raises(CliError) as caught:
            await init_database(database.admin_dsn)
        async with administrator(bare_server, database.name) as connection:
            assert await connection.fetchval("SELECT to_regnamespace('chat') IS NULL")

    assert (caught.value.code, caught.value.exit_code) == (code, Exit.ACTION_NEEDED)
    assert "ENCODING 'UTF8' LOCALE 'C.UTF-8'" in caught.value.fix
    assert await roles_of(bare_server) == set()


async def test_trigrams_that_live_elsewhere_are_moved(bare_database: Database) -> None:
    async with administrator(bare_database.server, bare_database.name) as connection:
        await connection.execute("CREATE EXTENSION pg_trgm WITH SCHEMA public")
        await init_database(bare_database.admin_dsn)

        assert await connection.fetchval("SELECT extensions.show_trgm('ж') <> '{}'")


async def test_a_public_schema_that_is_open_is_closed(bare_database: Database) -> None:
    async with administrator(bare_database.server, bare_database.name) as connection:
        await connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        await init_database(bare_database.admin_dsn)

        assert not await connection.fetchval("SELECT has_schema_privilege('chat_app', 'public', 'CREATE')")
