"""How PostgreSQL runs a search once its plan is generic, under default settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg

from servicekit.database import Database
from servicekit.sql import Params, Query, Row

# Enough executions for PostgreSQL to switch to a generic plan.
_TIMES = 7


class Watched(Database):
    """A service's pool, which records the last statement."""

    asked: tuple[Query[Any, *tuple[Any, ...]], tuple[Any, ...]]

    async def rows(self, query: Query[Row, *Params], *args: *Params) -> list[Row]:
        """All rows of a query."""
        self.asked = (query, args)
        return await super().rows(query, *args)


async def explained(session: asyncpg.Connection, pool: Watched) -> dict[str, Any]:
    """The plan of the pool's last statement on its seventh execution, with the rows that it read."""
    query, values = pool.asked
    types = [each.name for each in (await session.prepare(query.text)).get_parameters()]
    text = re.sub(r"/\*.*?\*/", "", query.text)
    await session.execute(f"PREPARE watched({', '.join(types)}) AS {text}")
    literals = [await session.fetchval("SELECT quote_literal($1::text)", str(value)) for value in values]
    run = f"EXECUTE watched({', '.join(literals)})"
    try:
        for _ in range(_TIMES - 1):
            await session.execute(run)
        found = await session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {run}")
    finally:
        await session.execute("DEALLOCATE watched")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """The indexes of a plan, and the tables that it scans sequentially."""
    for each in nodes(plan):
        if "Index Name" in each:
            yield each["Index Name"]
        elif each["Node Type"] == "Seq Scan":
            yield each["Relation Name"]


def buffers(plan: dict[str, Any]) -> int:
    """The shared buffers that a plan read."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
