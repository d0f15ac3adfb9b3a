"""How PostgreSQL runs a statement: under default planner settings, as the service's own role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import asyncpg

from servicekit.clock import Micros
from servicekit.database import set_codecs
from servicekit.sql import Statement
from tests.postgres import Database


@dataclass(frozen=True)
class Plan:
    """A plan that was run. `buffers` are the shared ones that it touched, in memory or not."""

    root: dict[str, Any]

    @property
    def buffers(self) -> int:
        """Pages of 8 KiB, each time they were looked at."""
        return int(self.root["Shared Hit Blocks"]) + int(self.root["Shared Read Blocks"])

    @property
    def max_node_buffers(self) -> int:
        """The same of the step that touched the most: what a statement writes may be beside its result."""
        return max(
            int(each["Shared Hit Blocks"]) + int(each["Shared Read Blocks"]) for each in _nodes(self.root)
        )

    @property
    def loops(self) -> int:
        """How often the step ran that ran the most."""
        return max(int(each["Actual Loops"]) for each in _nodes(self.root))

    @property
    def scanned(self) -> set[str]:
        """The tables that were read from one end to the other."""
        return {
            each["Relation Name"]
            for each in _nodes(self.root)
            if each["Node Type"] == "Seq Scan" and each["Actual Loops"]
        }

    @property
    def rows_scanned(self) -> float:
        """The most rows that were read from one end of a table or partition to the other."""
        return max(
            (
                each["Actual Rows"] + each.get("Rows Removed by Filter", 0)
                for each in _nodes(self.root)
                if each["Node Type"] == "Seq Scan"
            ),
            default=0,
        )

    @property
    def indexes(self) -> set[str]:
        """The indexes that were used."""
        return {
            each["Index Name"] for each in _nodes(self.root) if "Index Name" in each and each["Actual Loops"]
        }


class Explainer:
    """A connection as the service's role."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, database: Database, service: str = "chat") -> Explainer:
        """Connect to a database as a service does."""
        connection = await asyncpg.connect(database.app_dsn(service))
        await set_codecs(connection)
        return cls(connection)

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()

    async def plan(self, statement: Statement[*tuple[Any, ...]], *args: object) -> Plan:
        """Run a statement as its first callers do, planned for their arguments."""
        return _plan(
            await self._connection.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}", *args
            )
        )

    async def generic_plan(self, statement: Statement[*tuple[Any, ...]], *args: object) -> Plan:
        """Run a statement as a connection does that has run it many times, planned for any arguments."""
        declared = statement.type_arguments[-len(args) :]
        pairs = zip(args, declared, strict=True)
        listed = ", ".join([await self._literal(each, kind) for each, kind in pairs])
        await self._connection.execute("SET plan_cache_mode = force_generic_plan")
        await self._connection.execute(f"PREPARE explained AS {statement.text}")
        try:
            return _plan(
                await self._connection.fetchval(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained({listed})"
                )
            )
        finally:
            await self._connection.execute("DEALLOCATE explained")
            await self._connection.execute("RESET plan_cache_mode")

    async def plans_anew(self, statement: Statement[*tuple[Any, ...]], *args: object) -> bool:
        """Whether PostgreSQL still plans a statement at each call once it has been called often."""
        for _ in range(12):
            await self._connection.fetch(statement.text, *args)
        row = await self._connection.fetchrow(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement = $1",
            statement.text,
        )
        assert row is not None
        return bool(row["custom_plans"] > row["generic_plans"])

    async def _literal(self, value: object, kind: object) -> str:
        if value is None:
            return "NULL"
        if kind is Micros:
            return f"timestamptz 'epoch' + {value} * interval '1 microsecond'"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, list) and get_args(kind) == (Micros,):
            return f"ARRAY[{', '.join([await self._literal(each, Micros) for each in value])}]"
        if isinstance(value, list):
            quoted = (f'"{each}"' if isinstance(each, str) else str(each) for each in value)
            value = f"{{{','.join(quoted)}}}"
        return str(await self._connection.fetchval("SELECT quote_literal($1::text)", str(value)))


def _plan(text: str) -> Plan:
    return Plan(json.loads(text)[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
