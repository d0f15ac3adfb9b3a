"""Every SQL statement of the services is what it declares, against the migrated schema, as the slice's own role."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

import servicekit.backfills
import servicekit.leases
import services
from servicekit.backfills import Backfills
from servicekit.clock import Micros
from servicekit.leases import Leases
from servicekit.sql import Command, Query, Statement
from tests.architecture.project import python_files
from tests.postgres import Database
from tests.sql_check import faults

SLICES = ("users", "chat", "tracks")
AnyStatement = Statement[*tuple[Any, ...]]


def statements() -> dict[str, tuple[str, AnyStatement]]:
    """Every statement of the services by its name, each with the slice whose code makes it."""
    found: dict[str, tuple[str, AnyStatement]] = {}
    for module in sorted(each.name for each in pkgutil.walk_packages(services.__path__, "services.")):
        if module.endswith("__main__"):
            continue
        names = vars(importlib.import_module(module)).values()
        shared = [
            each for value in names if isinstance(value, Backfills | Leases) for each in vars(value).values()
        ]
        for value in [*names, *shared]:
            if isinstance(value, Statement) and value.name not in found:
                found[value.name] = (module.split(".")[1], value)
    return found


STATEMENTS = statements()


@pytest.fixture(scope="module")
async def roles(database: Database) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    """A connection as the application role of each slice."""
    opened = {name: await asyncpg.connect(database.app_dsn(name)) for name in SLICES}
    yield opened
    for connection in opened.values():
        await connection.close()


@pytest.fixture
def made() -> Iterator[None]:
    """Forgets the statements that a test makes."""
    before = dict(Statement.registry)
    yield
    Statement.registry.clear()
    Statement.registry.update(before)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_statement_is_what_it_declares(roles: dict[str, asyncpg.Connection], name: str) -> None:
    slice_name, statement = STATEMENTS[name]
    assert await faults(roles[slice_name], statement, slice_name) == []


def test_every_statement_is_found() -> None:
    named = re.compile(rf'\(\s*"((?:{"|".join(SLICES)})\.\w+)",')
    written = {name for path in python_files("services") for name in named.findall(path.read_text())}
    for module, schemas in ((servicekit.backfills, ("chat", "tracks")), (servicekit.leases, SLICES)):
        shared = re.findall(r'f"\{schema\}\.(\w+)",', inspect.getsource(module))
        written |= {f"{schema}.{name}" for schema in schemas for name in shared}
    ours = {name for name in Statement.registry if name.split(".")[0] in SLICES}
    assert ours == set(STATEMENTS) == written
    assert len(written) > 10


class _Row(NamedTuple):
    id: UUID
    created_at: Micros


class _Named(NamedTuple):
    id: UUID
    made_at: Micros


class _Turned(NamedTuple):
    created_at: Micros
    id: UUID


class _Typed(NamedTuple):
    id: UUID
    created_at: int


class _Mail(NamedTuple):
    email: str


class _MaybeMail(NamedTuple):
    email: str | None


class _Ids(NamedTuple):
    ids: list[UUID]


class _Oid(NamedTuple):
    oid: int


class _Nested(NamedTuple):
    user: _Row
    mail: _Mail | None


class _NestedTyped(NamedTuple):
    user: _Typed


_USERS = "SELECT id, created_at FROM users.users WHERE id = $1"
_SET = "UPDATE users.users SET email = $2 WHERE id = $1 RETURNING email"
_JOINED = "SELECT b.email FROM users.users a JOIN users.users b ON b.id = a.id"


_CASES: list[tuple[Any, str, str | None]] = [
    (Query[_Row, UUID], _USERS, None),
    (Query[_Row, UUID | None], _USERS, None),
    (Query[_Row, list[UUID]], _USERS.replace("$1", "ANY ($1)"), None),
    (Query[_Row, list[UUID | None] | None], _USERS.replace("$1", "ANY ($1)"), None),
    (Query[_Ids], "SELECT array_agg(id) AS ids FROM users.users", None),
    (Query[_MaybeMail, UUID, str], _SET, None),
    (Command[UUID, str], _SET.replace("RETURNING email", ""), None),
    (Query[_Nested, UUID], _USERS.replace("created_at", "created_at, email"), None),
    (Query[_Nested, UUID], _USERS, "gives (id, created_at), _Nested has (id, created_at, email)"),
    (Query[_NestedTyped, UUID], _USERS, "column created_at is timestamptz, declared int"),
    (Query[_Row, str], _USERS, "$1 is uuid, declared str"),
    (Query[_Row, list[str]], _USERS.replace("$1", "ANY ($1)"), "$1 is uuid[], declared list[str]"),
    (Query[_Row, UUID], _USERS.replace("$1", "ANY ($1)"), "$1 is uuid[], declared UUID"),
    (Query[_Row], _USERS, "takes 1 parameters, 0 are declared"),
    (Query[_Row, UUID, UUID], _USERS, "takes 1 parameters, 2 are declared"),
    (Query[_Named, UUID], _USERS, "gives (id, created_at), _Named has (id, made_at)"),
    (Query[_Turned, UUID], _USERS, "gives (id, created_at), _Turned has (created_at, id)"),
    (Query[_Mail, UUID], _USERS, "gives (id, created_at), _Mail has (email)"),
    (Query[_Typed, UUID], _USERS, "column created_at is timestamptz, declared int"),
    (Query[_Oid], "SELECT oid FROM pg_database", "column oid is oid, declared int"),
    (Command[UUID], _USERS, "gives columns, but is no Query: id, created_at"),
    (Query[_Mail], "SELECT email FROM users.users", "column email may be NULL, declared str"),
    (Query[_Mail], _JOINED, "column email may be NULL, declared str"),
    (Query[_Mail, UUID, str], _SET, "column email may be NULL, declared str"),
    (Query[_Row, UUID], _USERS.replace("created_at", "gone_at"), "UndefinedColumnError"),
    (Query[_Row, UUID], _USERS.replace("users.users", "users.gone"), "UndefinedTableError"),
    (Query[_Row, UUID], _USERS.replace("users.users", "chat.rooms"), "InsufficientPrivilegeError"),
    (Command[()], "DELETE FROM users.admin_actions", "InsufficientPrivilegeError"),
    (Command[()], "UPDATE users_migrations.applied SET checksum = ''", "InsufficientPrivilegeError"),
    (Query[_Row], "SELECT FROM", "PostgresSyntaxError"),
]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("kind", "text", "fault"), _CASES, ids=range(len(_CASES)))
async def test_each_kind_of_mistake_is_caught(
    roles: dict[str, asyncpg.Connection], kind: Any, text: str, fault: str | None
) -> None:
    found = await faults(roles["users"], kind("users.tried", text), "users")
    assert [line.split(":")[0] if "Error" in line else line for line in found] == ([fault] if fault else [])


@pytest.mark.usefixtures("made")
async def test_another_slice_s_table_is_caught_whatever_the_role_may(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_dsn)
    try:
        statement = Query[_Row, UUID](
            "chat.tried", f"WITH found AS MATERIALIZED ({_USERS}) SELECT * FROM found"
        )
        expected = "uses users.users, which is not the slice's own"
        assert await faults(connection, statement, "chat") == [expected]
        history = "uses users_migrations.applied, which is not the slice's own"
        text = "UPDATE users_migrations.applied SET checksum = ''"
        assert await faults(connection, Command[()]("chat.history", text), "chat") == [history]
        assert await faults(connection, statement, "users") == ["its name does not begin with users."]
    finally:
        await connection.close()
