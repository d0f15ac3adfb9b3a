"""What a database holds, read under one snapshot: rows and checksum per table, sequences, grants, migration heads."""

from __future__ import annotations

from hashlib import sha256

import asyncpg

from ops.backup.manifest import Contents, Locale, TableContent
from ops.database import SERVICES
from ops.database.catalog import read_catalog
from ops.database.history import read_histories

SCHEMAS = tuple(name for each in SERVICES for name in (each, f"{each}_migrations"))
"""The schemas that a backup holds."""

SETTINGS = {
    # How values are written as text, which the checksums are of.
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    # The snapshot must outlive the dump.
    **dict.fromkeys(("statement_timeout", "idle_in_transaction_session_timeout"), "0"),
}
"""Start-up settings of a connection that reads contents."""

_SHORT = 16
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
# The sum does not depend on the order of rows, and counts equal rows.
_CHECKSUM = """
SELECT count(*), coalesce(
  sum(('x' || encode(substr(sha256(convert_to(t::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint::numeric), 0
)::text
FROM {table} AS t
"""
_SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename), last_value
FROM pg_catalog.pg_sequences WHERE schemaname = ANY ($1::text[]) ORDER BY 1
"""
# An owner's privileges on its own objects are left out: newer servers have more of them.
_GRANTS = """
WITH objects (kind, name, owner, acl) AS (
  SELECT 'schema', n.nspname::text, n.nspowner, n.nspacl
  FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY ($1::text[])
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,
    format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL
  SELECT 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname), c.relowner, a.attacl
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1::text[]) AND a.attacl IS NOT NULL
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE n.nspname = ANY ($1::text[])
)
SELECT concat_ws(' ', kind, name, 'OWNER', pg_get_userbyid(owner)) AS line, pg_get_userbyid(owner)::text AS role
FROM objects WHERE kind <> 'column'
UNION ALL
SELECT concat_ws(' ', kind, name, a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END,
  coalesce(r.rolname, 'PUBLIC')), coalesce(r.rolname, 'PUBLIC')
FROM objects CROSS JOIN LATERAL aclexplode(acl) AS a LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
WHERE a.grantee <> owner
ORDER BY 1
"""
# The column's name depends on the version.
_LOCALE = """
SELECT datlocprovider::text, datcollate, datctype,
  coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
FROM pg_catalog.pg_database AS d WHERE datname = current_database()
"""


async def read_sequences(connection: asyncpg.Connection) -> dict[str, int | None]:
    """Return the newest value of each sequence, which no snapshot covers: a dump that begins later has at least these."""
    rows = await connection.fetch(_SEQUENCES, list(SCHEMAS))
    return {row[0]: row[1] for row in rows}


async def read_contents(connection: asyncpg.Connection, sequences: dict[str, int | None]) -> Contents:
    """Return the contents that the connection's transaction sees. It reads every row of every table."""
    histories = await read_histories(connection)
    tables = []
    for (name,) in await connection.fetch(_TABLES, list(SCHEMAS)):
        ((rows, checksum),) = await connection.fetch(_CHECKSUM.format(table=name))
        tables.append(TableContent(name, rows, checksum))
    catalog = await read_catalog(connection, SCHEMAS, grants=False)
    return Contents(
        tables=tuple(tables),
        sequences=sequences,
        structure={
            f"{thing.kind} {thing.name}": sha256(definition.encode()).hexdigest()[:_SHORT]
            for thing, definition in sorted(catalog.items())
        },
        grants=tuple(line for line, _ in await connection.fetch(_GRANTS, list(SCHEMAS))),
        heads={each.schema: each.current for each in histories},
    )


async def read_locale(connection: asyncpg.Connection) -> Locale:
    """Return the locale of the connection's database."""
    (row,) = await connection.fetch(_LOCALE)
    return Locale(*row)


def granted_roles(contents: Contents) -> set[str]:
    """Return the roles that own or may use something."""
    return {line.rpartition(" ")[2] for line in contents.grants} - {"PUBLIC"}


def differences(expected: Contents, found: Contents, *, grants: bool, structure: bool) -> list[str]:
    """Return how a restored database differs from its backup, one sentence each; nothing when it does not.

    `grants` and `structure` say whether these are compared. Servers of other versions write definitions differently.
    """
    tables = {each.name: each for each in found.tables}
    lines = [
        f"{each.name} has {tables[each.name].rows} rows for {each.rows}, or others."
        if each.name in tables
        else f"{each.name} is missing."
        for each in expected.tables
        if tables.get(each.name) != each
    ]
    lines += [
        f"{name} is no part of the backup." for name in tables.keys() - {t.name for t in expected.tables}
    ]
    lines += [
        f"Sequence {name} is at {found.sequences.get(name)}, before {value}."
        for name, value in expected.sequences.items()
        if name not in found.sequences or (found.sequences[name] or 0) < (value or 0)
    ]
    if structure:
        names = expected.structure.keys() | found.structure.keys()
        lines += [
            f"The {each} is missing, additional or different."
            for each in sorted(names)
            if expected.structure.get(each) != found.structure.get(each)
        ]
    if grants:
        lines += [f"Missing: {each}." for each in sorted(set(expected.grants) - set(found.grants))]
        lines += [f"Too much: {each}." for each in sorted(set(found.grants) - set(expected.grants))]
    if expected.heads != found.heads:
        lines.append(f"The migrations are at {found.heads}, not {expected.heads}.")
    return lines
