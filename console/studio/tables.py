"""What the studio answers: lists of tables, pages, single rows with who refers to them, structure, exports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from console.studio import query
from console.studio.catalog import ROOM, Column, Reference, Table, references
from console.studio.errors import StudioError
from console.studio.query import Filter, PageQuery
from console.studio.reader import Reader
from console.studio.values import Cell, cell

MOST_REFERRERS = 100
"""Up to how many rows that refer to another are counted."""
MOST_EXPORTED = 10_000
_log = structlog.get_logger("studio")

Json = dict[str, Any]


class Studio:
    """The tables of all slices. `development`: texts of people are shown, too."""

    def __init__(self, readers: Mapping[str, Reader], *, development: bool) -> None:
        self._readers = readers
        self._hidden = {"identity"} if development else {"identity", "text"}

    @property
    def shows_texts(self) -> bool:
        """Whether what people wrote is shown."""
        return "text" not in self._hidden

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(each.close() for each in self._readers.values()))

    def masked(self, column: Column) -> bool:
        """Whether a column's values are shown only one by one."""
        return column.personal in self._hidden

    def reader(self, schema: str) -> Reader:
        """The reader of a slice. Raises StudioError NO_SLICE."""
        try:
            return self._readers[schema]
        except KeyError:
            raise StudioError("NO_SLICE", f"There is no slice {schema[:64]!r}.", 404) from None

    async def slices(self) -> Json:
        """All tables with what they are for, their estimated rows and bytes. A slice that is away is named."""
        found = await asyncio.gather(*map(self._slice, self._readers))
        return {"slices": found}

    async def _slice(self, schema: str) -> Json:
        try:
            tables = await self._readers[schema].tables()
        except StudioError as problem:
            return {"name": schema, "tables": [], "problem": problem.text}
        shown = [
            {"name": each.name, "comment": each.comment, "rows": each.estimate, "bytes": each.bytes}
            for each in tables.values()
        ]
        return {"name": schema, "tables": shown, "problem": ""}

    async def structure(self, schema: str, name: str) -> Json:
        """A table's columns, constraints and indexes, and which RPC changes its rows."""
        table = await self.reader(schema).table(name)
        return {
            "schema": schema,
            "name": name,
            "comment": table.comment,
            "changed_by": table.changed_by,
            "rows": table.estimate,
            "bytes": table.bytes,
            "key": table.key,
            "columns": [self._described(table, each) for each in table.columns.values()],
            "constraints": [{"name": each, "definition": text} for each, text in table.constraints],
            "indexes": [
                {"name": each.name, "definition": each.definition, "bytes": each.bytes, "scans": each.scans}
                for each in table.indexes
            ],
        }

    def _described(self, table: Table, column: Column) -> Json:
        return {
            "name": column.name,
            "type": column.type,
            "kind": column.kind,
            "nullable": column.nullable,
            "default": column.default,
            "comment": column.comment,
            "refers": column.refers.full_table if column.refers else "",
            "refers_column": column.refers.column if column.refers else "",
            "refers_in_room": column.refers is not None and column.refers.in_room,
            "masked": self.masked(column),
            "sortable": query.sortable(table, column, lambda _: not self.masked(column)),
            "operators": ["="] if self.masked(column) else query.OPERATORS[column.kind],
        }

    async def page(self, schema: str, name: str, asked: PageQuery, *, anyway: bool = False) -> Json:
        """A page of rows; `after` names the next one. Each row comes with its key."""
        reader = self.reader(schema)
        table = await reader.table(name)
        statement = query.page(table, asked, self.masked)
        columns = [each.column for each in asked.filters]
        rows = await reader.fetch(statement, table, columns, anyway=anyway)
        order = len(rows[0]) - 2 * len(table.columns) if rows else 0
        names = query.order_names(table, asked)
        places = [names.index(each) for each in table.key]
        shown = rows[: asked.rows]
        return {
            "rows": [
                {"key": [row[each] for each in places], "cells": self._cells(row, order, table)}
                for row in shown
            ],
            "after": list(rows[asked.rows - 1][:order]) if len(rows) > asked.rows else [],
        }

    def _cells(self, row: asyncpg.Record, start: int, table: Table) -> list[Cell]:
        columns = table.columns.values()
        return [
            cell(row[start + 2 * place], row[start + 2 * place + 1], column, masked=self.masked(column))
            for place, column in enumerate(columns)
        ]

    async def count(self, schema: str, name: str, filters: Sequence[Filter]) -> Json:
        """How many rows there are, one by one, within the time."""
        reader = self.reader(schema)
        table = await reader.table(name)
        statement = query.count(table, filters, self.masked)
        ((number,),) = await reader.fetch(statement, table, anyway=True)
        return {"rows": number}

    async def row(self, schema: str, name: str, key: Sequence[str]) -> Json:
        """One row: all its columns, and how many rows of which tables refer to it."""
        reader = self.reader(schema)
        table = await reader.table(name)
        found = await reader.fetch(query.row(table, key, table.columns.values(), self.masked), table)
        if not found:
            raise StudioError("NO_ROW", f"{table.full_name} has no row with this key.", 404)
        cells = self._cells(found[0], 0, table)
        values = dict(zip(table.columns, cells, strict=True))
        sources = references(tuple(self._readers)).get(table.full_name, ())
        counted = await asyncio.gather(*(self._referrer(each, values) for each in sources))
        return {"key": list(key), "cells": cells, "referrers": [each for each in counted if each]}

    async def _referrer(self, source: Reference, values: Mapping[str, Cell]) -> Json | None:
        """How many rows refer to this one by a column; None where they can't."""
        try:
            reader = self.reader(source.schema)
            other = await reader.table(source.table)
            filters = referring(other, source.column, values)
            if filters is None:
                return None
            statement = query.capped_count(other, filters, MOST_REFERRERS)
            ((number,),) = await reader.fetch(statement, other)
        except StudioError as problem:
            number, filters, told = None, [], problem.text
        else:
            told = ""
        shown = [{"column": each.column, "operator": each.operator, "value": each.value} for each in filters]
        return {
            "table": source.full_table,
            "column": source.column,
            "rows": number,
            "most": MOST_REFERRERS,
            "filters": shown,
            "problem": told,
        }

    async def reveal(self, schema: str, name: str, key: Sequence[str], column: str) -> Json:
        """The value of a masked column of one row. It is logged who was looked at, not what was seen."""
        reader = self.reader(schema)
        table = await reader.table(name)
        if column not in table.columns:
            raise StudioError("NO_COLUMN", f"{table.full_name} has no column {column[:64]!r}.")
        wanted = table.columns[column]
        found = await reader.fetch(query.row(table, key, [wanted], lambda _: False), table)
        if not found:
            raise StudioError("NO_ROW", f"{table.full_name} has no row with this key.", 404)
        _log.info("revealed", table=table.full_name, column=column, key=list(key))
        return {"cell": cell(found[0][0], found[0][1], wanted, masked=False)}

    async def export(
        self, schema: str, name: str, asked: PageQuery, *, anyway: bool = False
    ) -> AsyncIterator[tuple[Sequence[Column], list[list[Cell]]]]:
        """Pages of rows with their columns, up to 10,000 rows, each page in a transaction of its own."""
        reader = self.reader(schema)
        columns = tuple((await reader.table(name)).columns.values())
        left, after = MOST_EXPORTED, asked.after
        while left:
            step = PageQuery(
                asked.filters, asked.order, asked.descending, after, min(left, query.MOST_PAGE_ROWS)
            )
            found = await self.page(schema, name, step, anyway=anyway)
            yield columns, [each["cells"] for each in found["rows"]]
            left -= len(found["rows"])
            after = found["after"]
            if not after:
                return


def referring(other: Table, column: str, values: Mapping[str, Cell]) -> list[Filter] | None:
    """The filters that find the rows of another table which refer by a column to the row with these values."""
    target = other.columns[column].refers if column in other.columns else None
    value = values.get(target.column) if target else None
    if target is None or not isinstance(value, str):
        return None
    filters = [Filter(column, "has" if other.columns[column].kind == "array" else "=", value)]
    room = values.get(ROOM)
    return [Filter(ROOM, "=", room), *filters] if target.in_room and isinstance(room, str) else filters
