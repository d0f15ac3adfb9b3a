"""Whether a database fits a service: its text, and what the service's own user may do in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

_RECREATE = "; make it anew: CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
_FACTS = """
SELECT /* fitness */
  current_user::text AS name,
  current_setting('server_encoding') AS encoding,
  (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
  EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ($1::text, $1::text || '_migrations') AND pg_has_role(c.relowner, 'MEMBER')
  ) AS owner
"""


async def examine(connection: asyncpg.Connection[Any], slice_name: str) -> tuple[str, str]:
    """What the service's user may do that a service should not, and why the database can't be used.

    Each is empty when there is nothing to say.
    """
    facts = await connection.fetchrow(_FACTS, slice_name)
    assert facts is not None  # noqa: S101 - a SELECT without FROM has exactly one row
    excess = ""
    if facts["superuser"]:
        excess = (
            f"the database user {facts['name']} is a superuser; let {slice_name} log in as {slice_name}_app"
        )
    elif facts["owner"]:
        excess = (
            f"the database user {facts['name']} owns the tables of {slice_name}, or may act as who does;"
            f" let {slice_name} log in as {slice_name}_app"
        )
    if facts["encoding"] != "UTF8":
        return excess, f"the database's encoding is {facts['encoding']}, not UTF8{_RECREATE}"
    return excess, await _trigrams(connection.fetchval)


async def _trigrams(fetch: Callable[[str], Awaitable[Any]]) -> str:
    # In a database of the locale C only ASCII letters are letters, and a search would find no others.
    try:
        known = await fetch("SELECT /* fitness */ extensions.show_trgm('ж') <> '{}'")
    except (
        asyncpg.UndefinedFunctionError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return "pg_trgm can't be used in schema extensions; run: seda db init"
    return "" if known else f"trigrams know ASCII letters alone in this database's locale{_RECREATE}"
