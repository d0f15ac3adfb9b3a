"""What the services have stored: a digest of every table."""

from __future__ import annotations

import asyncpg

_SCHEMAS = ("users", "chat", "tracks")
# Written by the workers, whatever users call.
_OF_WORKERS = {"backfills", "leases"}


async def digests(admin: asyncpg.Connection, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A digest of the rows of every table, by the table's name; of all columns but `without`."""
    query = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY ($1) AND tablename <> ALL ($2)"
    names = [each[0] for each in await admin.fetch(query, list(_SCHEMAS), list(_OF_WORKERS))]
    # One statement for all: some tests take hundreds of digests.
    of_tables = (
        f"SELECT '{name}' AS name, md5(coalesce(string_agg(data, E'\\n' ORDER BY data), '')) AS digest"
        f" FROM (SELECT (to_jsonb(t) - $1::text[])::text AS data FROM {name} t) each"
        for name in names
    )
    rows = await admin.fetch(" UNION ALL ".join(of_tables), list(without))
    return {row["name"]: row["digest"] for row in rows}


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables with other rows than before."""
    return sorted(name for name in after if after[name] != before.get(name))
