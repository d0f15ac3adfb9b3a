"""What a schema consists of, as lines that can be compared: everything pg_dump would write but owners and grants."""

from __future__ import annotations

import asyncpg

_TABLES = """
SELECT format('table %s kind %s options %s partition %s comment %s', c.relname, c.relkind, c.reloptions,
  CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, obj_description(c.oid, 'pg_class'))
FROM pg_class AS c WHERE c.relnamespace = $1::regnamespace AND c.relkind NOT IN ('i', 'I', 't')
"""
_COLUMNS = """
SELECT format('column %s.%s place %s type %s null %s default %s generated %s identity %s collation %s comment %s',
  c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
  pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attcollation,
  col_description(c.oid, a.attnum))
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0
  AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT format('constraint %s.%s %s validated %s comment %s', conrelid::regclass, conname,
  pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint'))
FROM pg_constraint WHERE connamespace = $1::regnamespace
"""
_INDEXES = """
SELECT format('index %s %s valid %s comment %s', c.relname, pg_get_indexdef(c.oid), i.indisvalid,
  obj_description(c.oid, 'pg_class'))
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.relnamespace = $1::regnamespace
"""
_FUNCTIONS = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace"
_TRIGGERS = """
SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal
"""


async def lines(connection: asyncpg.Connection, schema: str) -> frozenset[str]:
    """Return one line for each table, column, constraint, index, function and trigger of a schema."""
    found: set[str] = set()
    for query in (_TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES, _FUNCTIONS, _TRIGGERS):
        found.update([row[0] for row in await connection.fetch(query, schema)])
    return frozenset(found)
