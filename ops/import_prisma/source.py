"""Reads the original's database, in one snapshot. Columns are named as in Prisma's models or in snake case."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg

from ops.database.connection import connected
from ops.errors import CliError
from servicekit.database_url import read_database_url

# A column with ? may be null, or missing.
_FIELDS = {
    "users": "id email supabase_id role muted_until? created_at updated_at",
    "artist_profiles": "id user_id artist_name bio? verified verified_at? website_url? spotify_url? soundcloud_url? created_at",
    "verification_requests": "id user_id claim_code status target_url created_at? expires_at?",
    "admin_actions": "id admin_id action target_id details? created_at?",
    "track_refs": "id provider provider_id url title artist artwork? duration? created_at?",
    "rooms": "id name description? is_private created_by created_at",
    "room_memberships": "id room_id user_id is_mod created_at?",
    "messages": "id room_id user_id type text? track_ref? parent_id? created_at deleted_at?",
    "reactions": "id message_id user_id emoji created_at?",
    "moderation_logs": "id room_id moderator_id action reason? created_at?",
}
TABLES = tuple(_FIELDS)
"""The tables that are taken over."""
REQUIRED = {
    table: [name for name in fields.split() if not name.endswith("?")] for table, fields in _FIELDS.items()
}
"""Their columns without which a row is none."""
CACHE = "crawler_cache"
"""A table whose rows are in the report and not taken over: what another program fetched proves nothing here."""
_OPTIONAL = frozenset(("verification_requests", "admin_actions", "track_refs", "moderation_logs"))
_NO_DATA = frozenset((CACHE, "_prisma_migrations"))
# Read as text, whatever their type.
_TEXT = re.compile("(.*_)?id|created_by|role|type|track_ref|status|action|details")
# All tables of the schema, those of extensions aside.
_COLUMNS = """
    SELECT c.relname AS table_name, array_agg(a.attname::text ORDER BY a.attnum) AS names
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     GROUP BY 1 ORDER BY 1
"""


def read_source_url(url: str) -> tuple[str, str]:
    """Return the DSN and the schema of a URL as Prisma has it. Raises CliError SOURCE_URL_INVALID, without the URL."""
    try:
        dsn = read_database_url(url)[0]
    except ValueError as error:
        raise CliError(
            "SOURCE_URL_INVALID", "The URL of the original's database can't be used.", why=f"It {error}."
        ) from None
    return dsn, parse_qs(urlsplit(url).query).get("schema", ["public"])[0]


class Source:
    """The original's tables, read in one transaction."""

    def __init__(self, connection: asyncpg.Connection, schema: str, names: dict[str, list[str]]) -> None:
        self._connection = connection
        self._schema = schema
        self._names = names

    async def rows(
        self, table: str, condition: str = "", *arguments: object, order: str = "t.id"
    ) -> list[asyncpg.Record]:
        """Return rows of a table, none if there is no such table; `condition` follows FROM and speaks of it as `t`."""
        if table not in self._names:
            return []
        columns = ", ".join(self._column(table, field) for field in _FIELDS[table].split())
        place, order = f"{self._name(table)} t {self._named(condition)}", self._named(order)
        query = f"SELECT {columns} FROM {place} ORDER BY {order}"  # noqa: S608 - constants in a quoted schema
        return await self._fetch(query, *arguments)

    async def cached_pages(self) -> list[str]:
        """Return the ids of the cached pages."""
        if CACHE not in self._names:
            return []
        query = f"SELECT id::text FROM {self._name(CACHE)} ORDER BY id"  # noqa: S608 - a constant in a quoted schema
        return [row["id"] for row in await self._fetch(query)]

    async def unknown(self) -> list[tuple[str, str | None, int]]:
        """Return other tables, and other columns of known ones, that are not empty, with the number of their values."""
        found: list[tuple[str, str | None, int]] = []
        for table, names in self._names.items():
            if table in _NO_DATA:
                continue
            known = {self._found(table, field.rstrip("?")) for field in _FIELDS.get(table, "").split()}
            for name in [each for each in names if each not in known] if known else [None]:
                count = await self.count(table, name)
                if count:
                    found.append((table, name, count))
        return found

    async def count(self, table: str, column: str | None = None) -> int:
        """Return how many rows a table has, or how many of them have a value in a column; 0 without such a table."""
        if table not in self._names:
            return 0
        what = "*" if column is None else _quoted(column)
        query = f"SELECT count({what}) FROM {self._name(table)}"  # noqa: S608 - quoted names
        return int((await self._fetch(query))[0][0])

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            return await self._connection.fetch(query, *arguments)
        except asyncpg.InsufficientPrivilegeError as error:
            raise CliError(
                "SOURCE_FORBIDDEN",
                "The user of the original's database may not read all of it.",
                why=f"The server says: {error}.",
                fix="Name the owner of the tables or a superuser in --from.",
            ) from error

    def _name(self, table: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(table)}"

    def _named(self, sql: str) -> str:
        """Replace {table} by a table's name and {table.column} by a column's."""

        def replace(match: re.Match[str]) -> str:
            table, _, field = match[1].partition(".")
            return _quoted(self._actual(table, field)) if field else self._name(table)

        return re.sub(r"\{([a-z_.]+)\}", replace, sql)

    def _column(self, table: str, field: str) -> str:
        name = field.rstrip("?")
        if name != field and self._found(table, name) is None:
            return f"NULL AS {name}"
        cast = "::text" if _TEXT.fullmatch(name) else ""
        return f"t.{_quoted(self._actual(table, name))}{cast} AS {name}"

    def _found(self, table: str, field: str) -> str | None:
        names = self._names[table]
        return next((name for name in (field, _camel(field)) if name in names), None)

    def _actual(self, table: str, field: str) -> str:
        found = self._found(table, field)
        if found is None:
            raise CliError(
                "SOURCE_UNKNOWN",
                f"The original's table {table} has no column {field} or {_camel(field)}.",
                why="It is no database of seda.fm.",
            )
        return found


def _camel(field: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), field)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@asynccontextmanager
async def opened(dsn: str, schema: str) -> AsyncIterator[Source]:
    """Open the original's database for reading. Raises CliError SOURCE_UNKNOWN or DATABASE_UNREACHABLE.

    Reading raises SOURCE_FORBIDDEN where not all rows may be read.
    """
    async with (
        connected(dsn, "import source") as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # A policy must not leave out rows without a word: then reading the table is an error.
        await connection.execute("SET LOCAL row_security = off")
        names = {row["table_name"]: row["names"] for row in await connection.fetch(_COLUMNS, schema)}
        missing = [table for table in TABLES if table not in names and table not in _OPTIONAL]
        if missing:
            raise CliError(
                "SOURCE_UNKNOWN",
                f"The original's database has no tables {', '.join(missing)} in schema {schema}.",
                fix="Check --from; another schema is named by ?schema=NAME.",
            )
        yield Source(connection, schema, names)
