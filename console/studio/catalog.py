"""What the tables of a slice are: the database's catalog, and what only the model in services/ says of their columns."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import asyncpg
import sqlalchemy as sa

Kind = Literal["array", "bool", "bytes", "instant", "json", "number", "other", "text", "uuid"]
Personal = Literal["", "identity", "text"]
"""identity: says who somebody is; text: what somebody wrote."""

_KINDS: Mapping[str, Kind] = {
    "bool": "bool",
    "bytea": "bytes",
    "json": "json",
    "jsonb": "json",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "timestamptz": "instant",
    "uuid": "uuid",
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "float4", "float8"), "number"),
}
BTREE = "btree"
_IS_NULL = re.compile(r"\((\w+) IS NULL\)")
ROOM = "room_id"
"""The column that says which room a row is in."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of a table, in any slice. `in_room`: the row meant is in the same room, and its key begins with it."""

    schema: str
    table: str
    column: str
    in_room: bool = False

    @property
    def full_table(self) -> str:
        """The table with its schema."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `refers`: the column whose values it has; an array has several."""

    name: str
    type: str
    kind: Kind
    nullable: bool
    default: str
    comment: str
    refers: Reference | None
    personal: Personal


@dataclass(frozen=True, slots=True)
class Index:
    """An index: how many bytes it takes, and how often it was used since statistics were reset."""

    name: str
    definition: str
    bytes: int
    scans: int
    leading: str
    """The column that it begins with, when it is a valid B-tree; else empty."""
    predicate: str
    """Which rows are in it; empty for all."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `estimate`: its rows as the planner knows them; None until somebody has counted."""

    schema: str
    name: str
    comment: str
    changed_by: str
    estimate: int | None
    bytes: int
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    constraints: Sequence[tuple[str, str]]
    indexes: Sequence[Index]

    @property
    def full_name(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def leading(self) -> frozenset[str]:
        """The columns that an index of all rows begins with."""
        return frozenset(each.leading for each in self.indexes if each.leading and not each.predicate)

    @property
    def halved(self) -> Mapping[str, str]:
        """The columns that two indexes begin with, of the rows where another column is NULL and of the others; with that one."""
        found = {(each.leading, each.predicate) for each in self.indexes}
        parts = {(column, _IS_NULL.fullmatch(predicate)) for column, predicate in found}
        return {
            column: null[1]
            for column, null in parts
            if null and (column, f"({null[1]} IS NOT NULL)") in found
        }


@cache
def model(schema: str) -> sa.MetaData:
    """The model of a slice, which names what the catalog can't: references between slices, and personal columns."""
    metadata: sa.MetaData = importlib.import_module(f"services.{schema}.schema").metadata
    return metadata


@cache
def references(schemas: tuple[str, ...]) -> Mapping[str, Sequence[Reference]]:
    """By the full name of a table: the columns, of all slices, that refer to its rows."""
    found: dict[str, list[Reference]] = defaultdict(list)
    for schema in schemas:
        for table in model(schema).sorted_tables:
            for column in table.columns:
                if target := refers(column):
                    found[target.full_table].append(Reference(schema, table.name, column.name))
    return found


def refers(column: sa.Column[object]) -> Reference | None:
    """What a column of a model refers to: as it declares, or by its foreign key."""
    declared = column.info.get("refers")
    keys = [f"{key.column.table.fullname}.{key.column.name}" for key in column.foreign_keys]
    if not declared and not keys:
        return None
    schema, table, name = str(declared or keys[0]).split(".")
    in_room = all(ROOM in each.columns for each in (column.table, model(schema).tables[f"{schema}.{table}"]))
    return Reference(schema, table, name, in_room)


async def read(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, schema: str
) -> dict[str, Table]:
    """The tables of a schema by name; partitions stand in their parent."""
    columns, constraints, indexes = [
        _by_table(await connection.fetch(sql, schema)) for sql in (_COLUMNS, _CONSTRAINTS, _INDEXES)
    ]
    found = {}
    for row in await connection.fetch(_TABLES, schema):
        oid, name = row["oid"], row["name"]
        known = model(schema).tables.get(f"{schema}.{name}")
        found[name] = Table(
            schema=schema,
            name=name,
            comment=row["comment"] or "",
            changed_by=str(known.info.get("changed_by", "")) if known is not None else "",
            estimate=row["estimate"] if row["estimate"] >= 0 else None,
            bytes=row["bytes"],
            columns={each["name"]: _column(each, known) for each in columns[oid]},
            key=tuple(next((each["columns"] for each in indexes[oid] if each["primary"]), ())),
            constraints=[(each["name"], each["definition"]) for each in constraints[oid]],
            indexes=[_index(each) for each in indexes[oid]],
        )
    return found


def _by_table(rows: Sequence[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["oid"]].append(row)
    return found


def _column(row: asyncpg.Record, table: sa.Table | None) -> Column:
    known = table.columns.get(row["name"]) if table is not None else None
    return Column(
        name=row["name"],
        type=row["type"],
        kind="array" if row["array"] else _KINDS.get(row["base"], "other"),
        nullable=not row["required"],
        default=row["default"] or "",
        comment=row["comment"] or "",
        refers=refers(known) if known is not None else None,
        # A column that the model doesn't know is from another release: nobody has said that it may be seen.
        personal=known.info.get("personal", "") if known is not None else "identity",
    )


def _index(row: asyncpg.Record) -> Index:
    ordered = row["method"] == BTREE and row["valid"] and row["columns"]
    return Index(
        name=row["name"],
        definition=row["definition"],
        bytes=row["bytes"],
        scans=row["scans"],
        leading=(row["columns"][0] or "") if ordered else "",
        predicate=row["predicate"] or "",
    )


_BLOCK = "current_setting('block_size')::int8"
# The sizes are those of the last vacuum: pg_relation_size would wait for whoever has locked the relation.
_TABLES = f"""
SELECT c.oid::int8 AS oid, c.relname::text AS name, obj_description(c.oid, 'pg_class') AS comment,
  CASE WHEN c.relkind <> 'p' THEN c.reltuples::int8
    WHEN leaves.unknown THEN -1 ELSE leaves.rows END AS estimate,
  coalesce(leaves.pages, c.relpages) * {_BLOCK} AS bytes
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL (
  SELECT sum(l.reltuples)::int8 AS rows, sum(l.relpages)::int8 AS pages, bool_or(l.reltuples < 0) AS unknown
  FROM pg_catalog.pg_partition_tree(c.oid) AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.relid
  WHERE t.isleaf AND c.relkind = 'p'
) AS leaves
WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname
"""
_COLUMNS = """
SELECT c.oid::int8 AS oid, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
  t.typname::text AS base, t.typcategory = 'A' AS array, a.attnotnull AS required,
  pg_get_expr(d.adbin, d.adrelid) AS default, col_description(c.oid, a.attnum) AS comment
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY a.attnum
"""
_CONSTRAINTS = """
SELECT conrelid::int8 AS oid, conname::text AS name, pg_get_constraintdef(oid) AS definition
FROM pg_catalog.pg_constraint
WHERE connamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) AND contype <> 'n' AND conparentid = 0
ORDER BY contype = 'p' DESC, conname
"""
_INDEXES = f"""
SELECT i.indrelid::int8 AS oid, c.relname::text AS name, pg_get_indexdef(c.oid) AS definition, am.amname::text AS method,
  i.indisprimary AS primary, i.indisvalid AS valid, pg_get_expr(i.indpred, i.indrelid) AS predicate,
  coalesce(leaves.pages, c.relpages) * {_BLOCK} AS bytes, coalesce(leaves.scans, s.idx_scan, 0) AS scans,
  ARRAY(
    SELECT a.attname::text
    FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (number, place)
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
    ORDER BY k.place
  ) AS columns
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS parent ON parent.oid = i.indrelid AND NOT parent.relispartition
JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_stat_user_indexes AS s ON s.indexrelid = c.oid
CROSS JOIN LATERAL (
  SELECT sum(l.relpages)::int8 AS pages, sum(u.idx_scan)::int8 AS scans
  FROM pg_catalog.pg_partition_tree(c.oid) AS t
  JOIN pg_catalog.pg_class AS l ON l.oid = t.relid
  LEFT JOIN pg_catalog.pg_stat_user_indexes AS u ON u.indexrelid = t.relid
  WHERE t.isleaf AND c.relkind = 'I'
) AS leaves
WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
ORDER BY i.indisprimary DESC, c.relname
"""
