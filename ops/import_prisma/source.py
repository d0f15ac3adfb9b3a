"""Reads the original's database, in one snapshot. Columns are named as in Prisma's models or in snake case."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ops.database.connection import connected
from ops.errors import CliError
from servicekit.database_url import read_database_url

if TYPE_CHECKING:
    import asyncpg

_FIELDS = {
    "users": "id email supabase_id role muted_until created_at updated_at",
    "artist_profiles": "id user_id artist_name bio verified website_url spotify_url soundcloud_url created_at",
    "rooms": "id name description is_private created_by created_at",
    "room_memberships": "id room_id user_id is_mod",
    "messages": "id room_id user_id type text track_ref parent_id created_at deleted_at",
    "reactions": "id message_id user_id emoji",
}
TABLES = tuple(_FIELDS)
"""The tables that are taken over."""
LEFT_OUT = ("verification_requests", "track_refs", "crawler_cache", "admin_actions", "moderation_logs")
"""Tables that the original may have as well. Their rows are in the report and not taken over."""
_TEXT = frozenset(
    ("id", "user_id", "room_id", "message_id", "parent_id", "created_by", "role", "type", "track_ref")
)
_COLUMNS = """
    SELECT c.table_name, array_agg(c.column_name::text) AS names
      FROM information_schema.columns c WHERE c.table_schema = $1 AND c.table_name = ANY ($2::text[])
     GROUP BY 1
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
        self._schema = schema.replace('"', '""')
        self._names = names

    async def rows(
        self, table: str, condition: str = "", *arguments: object, order: str = "t.id"
    ) -> list[asyncpg.Record]:
        """Return rows of a table; `condition` follows FROM and speaks of it as `t`."""
        columns = ", ".join(self._column(table, field) for field in _FIELDS[table].split())
        place, order = f"{self._name(table)} t {self._named(condition)}", self._named(order)
        query = f"SELECT {columns} FROM {place} ORDER BY {order}"  # noqa: S608 - constants in a quoted schema
        return await self._connection.fetch(query, *arguments)

    async def ids(self, table: str) -> list[str]:
        """Return the ids of a table's rows; none if there is no such table."""
        if table not in self._names:
            return []
        query = f"SELECT id::text FROM {self._name(table)} ORDER BY id"  # noqa: S608 - a constant in a quoted schema
        return [row["id"] for row in await self._connection.fetch(query)]

    async def count(self, table: str) -> int:
        """Return how many rows a table has; 0 if there is no such table."""
        if table not in self._names:
            return 0
        query = f"SELECT count(*) FROM {self._name(table)}"  # noqa: S608 - a constant in a quoted schema
        return int(await self._connection.fetchval(query))

    def _name(self, table: str) -> str:
        return f'"{self._schema}"."{table}"'

    def _named(self, sql: str) -> str:
        """Replace {table} by a table's name and {table.column} by a column's."""

        def replace(match: re.Match[str]) -> str:
            table, _, field = match[1].partition(".")
            return f'"{self._actual(table, field)}"' if field else self._name(table)

        return re.sub(r"\{([a-z_.]+)\}", replace, sql)

    def _column(self, table: str, field: str) -> str:
        cast = "::text" if field in _TEXT else ""
        return f't."{self._actual(table, field)}"{cast} AS {field}'

    def _actual(self, table: str, field: str) -> str:
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), field)
        for name in (field, camel):
            if name in self._names[table]:
                return name
        raise CliError(
            "SOURCE_UNKNOWN",
            f"The original's table {table} has no column {field} or {camel}.",
            why="It is no database of seda.fm.",
        )


@asynccontextmanager
async def opened(dsn: str, schema: str) -> AsyncIterator[Source]:
    """Open the original's database for reading. Raises CliError SOURCE_UNKNOWN or DATABASE_UNREACHABLE."""
    async with (
        connected(dsn, "import source") as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await connection.fetch(_COLUMNS, schema, [*TABLES, *LEFT_OUT])
        names = {row["table_name"]: row["names"] for row in found}
        missing = [table for table in TABLES if table not in names]
        if missing:
            raise CliError(
                "SOURCE_UNKNOWN",
                f"The original's database has no tables {', '.join(missing)} in schema {schema}.",
                fix="Check --from; another schema is named by ?schema=NAME.",
            )
        yield Source(connection, schema, names)
