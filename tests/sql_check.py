"""Compares what a statement declares with what PostgreSQL makes of it.

Meant for a test, with a connection to the migrated schema as the slice's application role. Each
statement is prepared, which tells its types, and planned, which checks the role's privileges and
tells which tables it touches; none is run.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import types
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg

from servicekit.clock import Micros
from servicekit.sql import Query, nested_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from servicekit.sql import Statement

PYTHON_TYPES: dict[str, object] = {
    "bool": bool,
    "bytea": bytes,
    "date": dt.date,
    "float4": float,
    "float8": float,
    "int2": int,
    "int4": int,
    "int8": int,
    "interval": dt.timedelta,
    "json": str,
    "jsonb": str,
    "numeric": Decimal,
    "text": str,
    "timestamptz": Micros,
    "uuid": UUID,
    "varchar": str,
}
"""What each of PostgreSQL's types is in Python. `typename[]` is a list of it. Others can't be used."""

_SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema"})
_COLUMN = re.compile(r"(?:(?P<alias>\w+)\.)?(?P<name>\w+)")
_NOT_NULL = """
    SELECT attnotnull FROM pg_attribute WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attname = $3
"""


async def faults(
    connection: asyncpg.Connection[Any], statement: Statement[*tuple[Any, ...]], slice_name: str
) -> list[str]:
    """What is wrong with a statement of a slice, one line each; empty when all is as declared."""
    try:
        prepared = await connection.prepare(statement.text)
        plan = await _plan(connection, statement.text, len(prepared.get_parameters()))
    except asyncpg.PostgresError as error:
        return [f"{type(error).__name__}: {error}"]
    declared = statement.type_arguments
    row_type = declared[0] if isinstance(statement, Query) else None
    parameters = declared[1:] if isinstance(statement, Query) else declared
    columns = [(attribute.name, attribute.type.name) for attribute in prepared.get_attributes()]
    return [
        *_name_faults(statement.name, slice_name),
        *_parameter_faults(parameters, [parameter.name for parameter in prepared.get_parameters()]),
        *_column_faults(row_type, columns),
        *_table_faults(plan, slice_name),
        *[fault async for fault in _null_faults(connection, row_type, columns, plan)],
    ]


def _name_faults(name: str, slice_name: str) -> Iterator[str]:
    if not name.startswith(f"{slice_name}."):
        yield f"its name does not begin with {slice_name}."


def _parameter_faults(declared: Sequence[object], found: Sequence[str]) -> Iterator[str]:
    if len(declared) != len(found):
        yield f"takes {len(found)} parameters, {len(declared)} are declared"
        return
    for number, (wanted, name) in enumerate(zip(declared, found, strict=True), start=1):
        if not _fits(wanted, name):
            yield f"${number} is {name}, declared {_shown(wanted)}"


def _column_faults(row_type: type[Any] | None, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    if row_type is None:
        if found:
            yield f"gives columns, but is no Query: {', '.join(name for name, _ in found)}"
        return
    declared = list(_declared_columns(row_type))
    names, wanted = [name for name, _ in found], [name for name, _ in declared]
    if names != wanted:
        yield f"gives ({', '.join(names)}), {row_type.__name__} has ({', '.join(wanted)})"
        return
    for (name, type_name), (_, hint) in zip(found, declared, strict=True):
        if not _fits(hint, type_name):
            yield f"column {name} is {type_name}, declared {_shown(hint)}"


def _declared_columns(row_type: type[Any], *, optional: bool = False) -> Iterator[tuple[str, Any]]:
    """The columns of a row type and their types; those of an optional entity are all optional."""
    for name, hint in get_type_hints(row_type).items():
        nested = nested_row(hint)
        if nested is not None:
            yield from _declared_columns(nested, optional=optional or _is_optional(hint))
        else:
            yield name, hint | None if optional else hint


def _table_faults(plan: dict[str, Any], slice_name: str) -> Iterator[str]:
    tables = sorted(
        {(node["Schema"], node["Relation Name"]) for node in _nodes(plan) if "Relation Name" in node}
    )
    for schema, table in tables:
        if schema not in {slice_name, *_SYSTEM_SCHEMAS}:
            yield f"uses {schema}.{table}, which is not the slice's own"


async def _null_faults(
    connection: asyncpg.Connection[Any],
    row_type: type[Any] | None,
    columns: Sequence[tuple[str, str]],
    plan: dict[str, Any],
) -> AsyncIterator[str]:
    """Columns that come straight from a nullable one of a table and are declared as if never NULL.

    An outer join can make any column NULL, which the plan does not tell; this finds the plain cases.
    """
    tables = {
        node["Alias"]: (node["Schema"], node["Relation Name"])
        for node in _nodes(plan)
        if "Relation Name" in node
    }
    declared = [hint for _, hint in _declared_columns(row_type)] if row_type is not None else []
    for (name, _), hint, output in zip(columns, declared, plan.get("Output", ()), strict=False):
        column = _COLUMN.fullmatch(output)
        alias = column["alias"] or next(iter(tables), "") if column else ""
        if column is None or alias not in tables or _is_optional(hint):
            continue
        if await connection.fetchval(_NOT_NULL, *tables[alias], column["name"]) is False:
            yield f"column {name} may be NULL, declared {_shown(hint)}"


async def _plan(connection: asyncpg.Connection[Any], text: str, parameters: int) -> dict[str, Any]:
    """The plan for any parameters at all."""
    arguments = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE checked AS {text}")
    try:
        explained = await connection.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE checked{arguments}")
    finally:
        await connection.execute("DEALLOCATE checked")
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _fits(declared: object, type_name: str) -> bool:
    declared = _without_none(declared)
    if not type_name.endswith("[]"):
        return type_name in PYTHON_TYPES and declared == PYTHON_TYPES[type_name]
    # The elements of an array may always be NULL; whether they are is the statement's business.
    return get_origin(declared) is list and _fits(get_args(declared)[0], type_name.removesuffix("[]"))


def _is_optional(declared: object) -> bool:
    return type(None) in get_args(declared)


def _without_none(declared: object) -> object:
    if get_origin(declared) is not types.UnionType and not _is_optional(declared):
        return declared
    left = [part for part in get_args(declared) if part is not type(None)]
    return left[0] if len(left) == 1 else declared


def _shown(declared: object) -> str:
    return getattr(declared, "__name__", str(declared)) if get_origin(declared) is None else str(declared)
