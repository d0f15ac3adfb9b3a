"""What a service's database session may do beyond its own work.

Both users of a session count: `SET ROLE none` gives back what the session's user has, whatever role the start-up
parameter set. So do all roles that either of them is a member of, as each can be set.
"""

from __future__ import annotations

from typing import Any

import asyncpg

_EXCESSIVE = r"""
WITH users (name) AS (SELECT session_user UNION SELECT current_user),
owners (oid) AS (
  SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()
  UNION SELECT nspowner FROM pg_catalog.pg_namespace
  UNION SELECT relowner FROM pg_catalog.pg_class
),
members AS (
  SELECT /* database_privileges */ u.name::text AS name, r.rolname::text AS role,
    CASE
      WHEN r.rolsuper THEN 'is a superuser'
      WHEN r.rolcreaterole THEN 'has CREATEROLE'
      WHEN r.rolbypassrls THEN 'has BYPASSRLS'
      WHEN r.rolreplication THEN 'has REPLICATION'
      WHEN r.rolname LIKE 'pg\_%' THEN 'PostgreSQL predefines'
      WHEN r.oid IN (SELECT oid FROM owners) THEN 'owns tables, schemas or the database'
      WHEN EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n CROSS JOIN aclexplode(n.nspacl) AS a
        WHERE a.grantee = r.oid AND n.nspname NOT IN ($1::text, $1::text || '_migrations', 'extensions')
      ) THEN 'may use schemas that are not its own'
    END AS power
  FROM users AS u JOIN pg_catalog.pg_roles AS r ON pg_has_role(u.name, r.oid, 'MEMBER')
)
SELECT name, role, power FROM members WHERE power IS NOT NULL ORDER BY name <> role, name, role LIMIT 1
"""


async def excessive_privileges(connection: asyncpg.Connection[Any], service: str) -> str:
    """The first privilege that a service must not have, and the way out; empty when there is none."""
    row = await connection.fetchrow(_EXCESSIVE, service)
    if row is None:
        return ""
    role = "" if row["role"] == row["name"] else f"is a member of {row['role']}, which "
    return f"the database user {row['name']} {role}{row['power']}; let {service} log in as {service}_app"
