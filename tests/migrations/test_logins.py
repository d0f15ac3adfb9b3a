"""The services' logins that `seda db init --logins` makes, and whom a database lets in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.logins import scram_verifier, service_logins, verifies
from ops.database.roles import ROLES
from ops.errors import CliError
from tests.migrations.test_commands import Ended, seda
from tests.migrations.test_init import bare, make_plain_user
from tests.postgres import Database, Server, administrator, own_server

PASSWORDS = {each: f"hush %/@: {each}" for each in SERVICES}
STRANGER = "stranger"


@pytest.fixture(scope="module")
def bare_server() -> Iterator[Server]:
    """A server of this module's own, where roles log in."""
    with own_server() as server:
        yield server


@pytest.fixture
async def bare_database(bare_server: Server) -> AsyncIterator[Database]:
    """An empty database on a server that knows no role of ours."""
    async with bare(bare_server) as database:
        yield database


def dsn(database: Database, role: str, password: str) -> str:
    return f"postgresql://{role}:{quote(password, safe='')}@127.0.0.1:{database.server.port}/{database.name}"


async def init(database: Database, folder: Path, passwords: dict[str, str]) -> Ended:
    """Run `seda db init --logins` with the DSNs in files, and make sure that it prints no password."""
    environ = {}
    for service, password in passwords.items():
        file = folder / service
        file.write_text(dsn(database, f"{service}_app", password))
        environ[f"SEDA_{service.upper()}_DATABASE_URL_FILE"] = str(file)
    ended = await seda(database, folder, "db", "init", "--logins", "--json", **environ)
    printed = ended.stdout + ended.stderr
    assert not [each for each in ("hush", "SCRAM", database.server.password) if each in printed]
    return ended


@asynccontextmanager
async def connected(database: Database, role: str, password: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn(database, role, password))
    try:
        yield connection
    finally:
        await connection.close()


async def test_services_log_in_with_the_passwords_of_their_dsns(
    bare_database: Database, tmp_path: Path
) -> None:
    first = await init(bare_database, tmp_path, PASSWORDS)
    assert (first.code, first.envelope["data"]["warnings"]) == (0, [])
    assert "ALTER ROLE chat_app LOGIN PASSWORD '...'" in first.envelope["data"]["executed"]
    for service, password in PASSWORDS.items():
        async with connected(bare_database, f"{service}_app", password) as connection:
            users = await connection.fetch("SELECT session_user, current_user")
            assert [set(each) for each in users] == [{f"{service}_app"}]
        with pytest.raises(asyncpg.InvalidPasswordError):
            async with connected(bare_database, f"{service}_app", password + "!"):
                pass
    again = await init(bare_database, tmp_path, PASSWORDS)
    assert again.envelope["data"]["executed"] == []


async def test_another_run_changes_a_password(bare_database: Database, tmp_path: Path) -> None:
    await init(bare_database, tmp_path, PASSWORDS)
    changed = await init(bare_database, tmp_path, PASSWORDS | {"chat": "hush again"})
    assert changed.envelope["data"]["executed"] == ["ALTER ROLE chat_app LOGIN PASSWORD '...'"]
    async with connected(bare_database, "chat_app", "hush again"):
        pass
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with connected(bare_database, "chat_app", PASSWORDS["chat"]):
            pass
    # Without --logins nothing is taken away.
    assert (await init_database(bare_database.admin_dsn)).executed == ()


async def test_an_ordinary_administrator_makes_logins(bare_database: Database) -> None:
    plain = await make_plain_user(bare_database, "CREATEROLE")
    logins = {f"{service}_app": password for service, password in PASSWORDS.items()}
    for _ in range(2):
        assert (await init_database(plain, logins=logins)).ready
    async with connected(bare_database, "users_app", PASSWORDS["users"]):
        pass


async def test_one_role_for_everything_has_no_logins(bare_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await init_database(bare_database.admin_dsn, single_role=True, logins={"chat_app": "hush"})
    assert caught.value.code == "LOGINS_NEED_ROLES"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "LOGIN_MISSING"),
        ("postgresql://seda:hush@db/seda", "LOGIN_INVALID"),
        ("postgresql://chat_app@db/seda", "LOGIN_INVALID"),
        ("postgresql://chat_app:h%C3%BBsh@db/seda", "LOGIN_INVALID"),
        ("postgresql://chat_app:hush%00@db/seda", "LOGIN_INVALID"),
        ("postgresql://chat_app:[hush@db/seda", "LOGIN_INVALID"),
    ],
)
async def test_a_dsn_without_the_service_s_login_is_refused(
    database: Database, tmp_path: Path, url: str, code: str
) -> None:
    environ = {
        f"SEDA_{each.upper()}_DATABASE_URL": f"postgresql://{each}_app:hush@db/seda" for each in SERVICES
    }
    assert service_logins(environ) == {f"{each}_app": "hush" for each in SERVICES}
    given = environ | {"SEDA_CHAT_DATABASE_URL": url}
    ended = await seda(database, tmp_path, "db", "init", "--logins", "--json", **given)
    assert (ended.code, ended.envelope["error"]["code"]) == (1, code)
    assert "SEDA_CHAT_DATABASE_URL" in ended.stdout
    assert "hush" not in ended.stdout + ended.stderr


def test_a_verifier_is_of_one_password_and_salted() -> None:
    one, two = scram_verifier("a"), scram_verifier("a")
    assert one != two
    assert [verifies(one, "a"), verifies(two, "a"), verifies(one, "b")] == [True, True, False]
    assert not verifies(None, "a")
    assert not verifies("md5" + "0" * 32, "a")


async def may(database: Database, role: str) -> tuple[bool, bool]:
    """Whether a role may connect, and make temporary tables."""
    async with administrator(database.server, database.name) as connection:
        (row,) = await connection.fetch(
            "SELECT has_database_privilege($1, $2, 'CONNECT'), has_database_privilege($1, $2, 'TEMPORARY')",
            role,
            database.name,
        )
    return row[0], row[1]


@asynccontextmanager
async def stranger(database: Database) -> AsyncIterator[None]:
    """A login of the server that has nothing to do with Seda."""
    async with administrator(database.server, database.name) as connection:
        await connection.execute(f"CREATE ROLE {STRANGER} LOGIN PASSWORD 'hush'")
        try:
            yield
        finally:
            await connection.execute(f"DROP ROLE {STRANGER}")


async def test_a_database_lets_in_only_the_roles_that_need_it(bare_database: Database) -> None:
    async with stranger(bare_database):
        async with connected(bare_database, STRANGER, "hush") as connection:
            await connection.execute("CREATE TEMPORARY TABLE t ()")
        await init_database(bare_database.admin_dsn)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connected(bare_database, STRANGER, "hush"):
                pass
        assert await may(bare_database, STRANGER) == (False, False)
        assert {role: await may(bare_database, role) for role in ROLES} == dict.fromkeys(ROLES, (True, False))
        assert (await init_database(bare_database.admin_dsn)).executed == ()


async def test_a_database_with_one_role_is_closed_by_its_owner(bare_database: Database) -> None:
    async with stranger(bare_database):
        await init_database(bare_database.admin_dsn, single_role=True)
        assert await may(bare_database, STRANGER) == (False, False)


async def test_a_database_that_others_use_stays_open(bare_database: Database) -> None:
    async with stranger(bare_database):
        async with administrator(bare_database.server, bare_database.name) as connection:
            await connection.execute("CREATE SCHEMA other")
        for _ in range(2):
            report = await init_database(bare_database.admin_dsn)
            assert [each for each in report.warnings if "other schemas are in the database" in each]
        assert await may(bare_database, STRANGER) == (True, True)


async def test_the_owner_is_asked_to_close_a_database(bare_database: Database) -> None:
    plain = await make_plain_user(bare_database, "CREATEROLE")
    async with stranger(bare_database):
        report = await init_database(plain)
        (warning,) = [each for each in report.warnings if "the database has another owner" in each]
        assert await may(bare_database, STRANGER) == (True, True)
        statements = warning.partition(": ")[2].rpartition(" (")[0]
        async with administrator(bare_database.server, bare_database.name) as connection:
            await connection.execute(statements)
        assert await may(bare_database, STRANGER) == (False, False)
        assert (await init_database(plain)).warnings == ()
