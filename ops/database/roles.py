"""The roles, schemas and extensions that `seda db init` requires, and the statements that create missing ones.

The catalogs are read first, so that a second run has nothing to do, and so that a user without the
privileges can pass the statements to an administrator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import asyncpg

from ops.database import SERVICES
from ops.database.logins import scram_verifier, verifies

# `<schema>_owner` runs migrations, `<schema>_app` is the service, `<schema>_ro` reads. seda_ro is for human readers,
# seda_backup for pg_dump, seda_monitor for statistics.
READERS = ("seda_ro", "seda_backup")
ROLES = (
    *(f"{each}_{kind}" for each in SERVICES for kind in ("owner", "app", "ro")),
    *READERS,
    "seda_monitor",
)
SCHEMAS = (*(name for each in SERVICES for name in (each, f"{each}_migrations")), "extensions")

# They count for sessions that log in as the role itself, as behind a pooler that takes no start-up settings; others
# set nearly the same themselves (servicekit.database.PoolOptions). The statement limit lies above the longest
# deadline of a call, 30 s: normally the call cancels its statement.
_APP_SETTINGS = {
    "statement_timeout": "31s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
}
_READ_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
# A dump of a large database may take hours.
SETTINGS = {
    **dict.fromkeys((f"{each}_app" for each in SERVICES), _APP_SETTINGS),
    **dict.fromkeys((*(f"{each}_ro" for each in SERVICES), "seda_ro"), _READ_SETTINGS),
    "seda_backup": {"default_transaction_read_only": "on"},
}

_SET_OPTION_SINCE = 160_000
# What statements cost, and how much of a table is empty.
_MONITORING = ("pg_stat_statements", "pgstattuple")
# Why the database is not closed to other roles: they may need it, or it is not ours to close.
SHARED = "other schemas are in the database"
_FOREIGN = "the database has another owner"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that is missing. Failing to run an optional one is worth a warning, no more.

    One with an `obstacle` is not tried, for this reason. `secret` is a part that is not to be shown.
    """

    sql: str
    optional: bool = False
    obstacle: str = ""
    secret: str = ""

    @property
    def shown(self) -> str:
        """The statement without its secret."""
        return self.sql.replace(self.secret, "...") if self.secret else self.sql


async def missing(
    connection: asyncpg.Connection, *, single_role: bool, logins: Mapping[str, str]
) -> list[Statement]:
    """Return the ordered statements that create whatever Seda requires and the database lacks.

    `logins` are passwords of roles that are to log in.
    """
    state = await _read(connection)
    wanted = () if single_role else (*_roles(state), *_memberships(state), *_settings(state))
    return [
        *wanted,
        *_schemas(state, single_role=single_role),
        *_extensions(state),
        *_database(state, single_role=single_role),
        *_logins(state, logins),
    ]


@dataclass(frozen=True, slots=True)
class _State:
    user: str
    superuser: bool
    roles: frozenset[str]
    # (member, role) pairs of ours, `user` included.
    memberships: frozenset[tuple[str, str]]
    # "name=value" per role.
    settings: frozenset[tuple[str, str]]
    schemas: frozenset[str]
    # (schema, role) pairs of USAGE that was granted, role "" for PUBLIC.
    usage: frozenset[tuple[str, str]]
    private_functions: frozenset[str]
    public_may_create: bool
    # Schema per extension.
    extensions: dict[str, str]
    available: frozenset[str]
    database: str
    owns_database: bool
    # Whether other schemas than ours and public are in it.
    shared: bool
    # Roles with a privilege to connect of their own, "" for PUBLIC.
    connecting: frozenset[str]
    public_may_make_temporary: bool
    # SCRAM verifiers of roles that log in; only a superuser reads them.
    verifiers: dict[str, str | None]


async def _read(connection: asyncpg.Connection) -> _State:
    row = await connection.fetchrow(_STATE, list(ROLES), list(SCHEMAS), _SET_OPTION_SINCE)
    assert row is not None  # noqa: S101 - the current database exists
    return _State(
        user=row["user"],
        superuser=row["superuser"],
        roles=frozenset(row["roles"]),
        memberships=frozenset(tuple(each) for each in row["memberships"]),
        settings=frozenset(tuple(each) for each in row["settings"]),
        schemas=frozenset(row["schemas"]),
        usage=frozenset(tuple(each) for each in row["usage"]),
        private_functions=frozenset(row["private_functions"]),
        public_may_create=row["public_may_create"],
        extensions=dict(row["extensions"]),
        available=frozenset(row["available"]),
        database=row["database"],
        owns_database=row["owns_database"],
        shared=row["shared"],
        connecting=frozenset(row["connecting"]),
        public_may_make_temporary=row["public_may_make_temporary"],
        verifiers={
            each["rolname"]: each["rolpassword"]
            for each in (await connection.fetch(_VERIFIERS, list(ROLES)) if row["superuser"] else ())
        },
    )


# has_schema_privilege() names PUBLIC "public". For the administrator's own memberships, the right to SET ROLE
# counts, not membership: since version 16 the creator of a role is a member without that right.
_STATE = """
SELECT
  current_user::text AS "user",
  (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
  ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])) AS roles,
  ARRAY(
    SELECT ARRAY[m.rolname::text, r.rolname::text]
    FROM pg_catalog.pg_auth_members AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid
    JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
    WHERE m.rolname = ANY ($1::text[])
    UNION
    SELECT ARRAY[current_user::text, r.rolname::text]
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname = ANY ($1::text[]) AND pg_has_role(
      current_user, r.oid,
      CASE WHEN current_setting('server_version_num')::int >= $3::int THEN 'SET' ELSE 'MEMBER' END)
  ) AS memberships,
  ARRAY(
    SELECT ARRAY[r.rolname::text, s.setting]
    FROM pg_catalog.pg_db_role_setting AS d
    JOIN pg_catalog.pg_roles AS r ON r.oid = d.setrole
    CROSS JOIN unnest(d.setconfig) AS s (setting)
    WHERE d.setdatabase = 0 AND r.rolname = ANY ($1::text[])
  ) AS settings,
  ARRAY(SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = ANY ($2::text[])) AS schemas,
  ARRAY(
    SELECT ARRAY[n.nspname::text, coalesce(r.rolname::text, '')]
    FROM pg_catalog.pg_namespace AS n
    CROSS JOIN aclexplode(n.nspacl) AS a
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    WHERE n.nspname = ANY ($2::text[]) AND a.privilege_type = 'USAGE'
  ) AS usage,
  ARRAY(
    SELECT r.rolname::text
    FROM pg_catalog.pg_default_acl AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
    WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'f' AND r.rolname = ANY ($1::text[])
  ) AS private_functions,
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public')
    AND has_schema_privilege('public', 'public', 'CREATE') AS public_may_create,
  ARRAY(
    SELECT ARRAY[e.extname::text, n.nspname::text]
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
  ) AS extensions,
  ARRAY(
    SELECT name::text FROM pg_catalog.pg_available_extensions
    WHERE name IN ('pg_trgm', 'pg_stat_statements', 'pgstattuple')
  ) AS available,
  d.datname::text AS database,
  pg_has_role(current_user, d.datdba, 'USAGE') AS owns_database,
  EXISTS (
    SELECT FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> ALL ($2::text[] || ARRAY['public', 'information_schema'])
  ) AS shared,
  ARRAY(
    SELECT coalesce(r.rolname::text, '')
    FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    WHERE a.privilege_type = 'CONNECT'
  ) AS connecting,
  EXISTS (
    SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
    WHERE a.grantee = 0 AND a.privilege_type = 'TEMPORARY'
  ) AS public_may_make_temporary
FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
"""
_VERIFIERS = "SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid WHERE rolcanlogin AND rolname = ANY ($1::text[])"


def _roles(state: _State) -> Iterator[Statement]:
    for name in ROLES:
        if name not in state.roles:
            # An operator may give a role LOGIN and a password; existing roles stay unchanged.
            yield Statement(f"CREATE ROLE {name} NOLOGIN")


def _memberships(state: _State) -> Iterator[Statement]:
    for reader in READERS:
        for each in SERVICES:
            if (reader, f"{each}_ro") not in state.memberships:
                yield Statement(f"GRANT {each}_ro TO {reader}")
    if "seda_monitor" not in state.roles:
        yield Statement("GRANT pg_monitor TO seda_monitor", optional=True)
    if not state.superuser:
        for each in SERVICES:
            for kind in ("owner", "app"):
                if (state.user, f"{each}_{kind}") not in state.memberships:
                    yield Statement(f"GRANT {each}_{kind} TO {quoted(state.user)}")


def _settings(state: _State) -> Iterator[Statement]:
    for role, settings in SETTINGS.items():
        for name, value in settings.items():
            if (role, f"{name}={value}") not in state.settings:
                yield Statement(f"ALTER ROLE {role} SET {name} = '{value}'")


def _schemas(state: _State, *, single_role: bool) -> Iterator[Statement]:
    for each in SERVICES:
        for name in (each, f"{each}_migrations"):
            if name not in state.schemas:
                yield Statement(
                    f"CREATE SCHEMA {name}" + ("" if single_role else f" AUTHORIZATION {each}_owner")
                )
            for role in () if single_role else (f"{each}_app", f"{each}_ro", "seda_monitor"):
                if (name, role) not in state.usage:
                    yield Statement(f"GRANT USAGE ON SCHEMA {name} TO {role}")
        if not single_role and f"{each}_owner" not in state.private_functions:
            yield Statement(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {each}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"
            )
    if "extensions" not in state.schemas:
        yield Statement("CREATE SCHEMA extensions")
    if ("extensions", "") not in state.usage:
        yield Statement("GRANT USAGE ON SCHEMA extensions TO PUBLIC")
    if state.public_may_create:
        yield Statement("REVOKE CREATE ON SCHEMA public FROM PUBLIC", optional=single_role)


def _extensions(state: _State) -> Iterator[Statement]:
    if "pg_trgm" not in state.extensions:
        yield Statement("CREATE EXTENSION pg_trgm WITH SCHEMA extensions")
    elif state.extensions["pg_trgm"] != "extensions":
        # The statements name the schema, since search_path is never relied on.
        yield Statement("ALTER EXTENSION pg_trgm SET SCHEMA extensions")
    # Only a superuser can create these; other users get no warning at each run.
    for name in _MONITORING if state.superuser else ():
        if name in state.available - state.extensions.keys():
            yield Statement(f"CREATE EXTENSION {name} WITH SCHEMA extensions", optional=True)


def _database(state: _State, *, single_role: bool) -> Iterator[Statement]:
    """Close the database to other roles of the server, which PUBLIC lets in, and to temporary tables."""
    if single_role and not state.owns_database:
        return
    users = (*(() if single_role else ROLES), *(() if state.owns_database else (quoted(state.user),)))
    lacking = [each for each in users if each.strip('"') not in state.connecting]
    name = quoted(state.database)
    statements = [f"GRANT CONNECT ON DATABASE {name} TO {', '.join(lacking)}"] if lacking else []
    if "" in state.connecting or state.public_may_make_temporary:
        statements.append(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
    if statements:
        obstacle = SHARED if state.shared else "" if state.owns_database else _FOREIGN
        yield Statement("; ".join(statements), optional=True, obstacle=obstacle)


def _logins(state: _State, logins: Mapping[str, str]) -> Iterator[Statement]:
    for role, password in logins.items():
        if not verifies(state.verifiers.get(role), password):
            verifier = scram_verifier(password)
            yield Statement(f"ALTER ROLE {role} LOGIN PASSWORD '{verifier}'", secret=verifier)


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
