"""What the services have stored: a digest of every table."""

from __future__ import annotations

import asyncpg

_SCHEMAS = ("users", "chat", "tracks")
# Written by the workers, whatever users call.
_OF_WORKERS = {"backfills", "leases"}


async def digests(admin: asyncpg.Connection, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A digest of the rows of every table, by the table's name; of all columns but `without`."""
    found = {}
    query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY ($1)"
    for schema, table in await admin.fetch(query, list(_SCHEMAS)):
        if table not in _OF_WORKERS:
            rows = f"SELECT (to_jsonb(t) - $1::text[])::text AS data FROM {schema}.{table} t"
            digest = f"SELECT md5(coalesce(string_agg(data, E'\\n' ORDER BY data), '')) FROM ({rows}) each"
            found[f"{schema}.{table}"] = await admin.fetchval(digest, list(without))
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables with other rows than before."""
    return sorted(name for name in after if after[name] != before.get(name))
