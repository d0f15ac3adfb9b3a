"""Statements on one table: a page of rows, their number, one row. Every value is a parameter, and every column bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from console.studio.catalog import Column, Table
from console.studio.errors import StudioError

PAGE_ROWS = 50
MOST_PAGE_ROWS = 200
PAGE_CHARACTERS = 2_048
"""How much of a value a list shows."""
ROW_CHARACTERS = 65_536
"""How much of a value the view of one row shows."""
FEW_ROWS = 10_000
"""Up to so many rows a table is sorted by any column."""
MOST_FILTERS = 8
_HEAD_BYTES = 32

_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_PRESENCE = {"is null": "IS NULL", "is not null": "IS NOT NULL"}
OPERATORS = {
    "uuid": ("=", "<>"),
    "bool": ("=",),
    "bytes": ("=",),
    "json": ("contains",),
    "array": ("has",),
    "text": (*_COMPARISONS, "starts with", "contains"),
    "instant": _COMPARISONS,
    "number": _COMPARISONS,
    "other": ("=", "<>"),
}
"""What a column of each kind can be asked; also whether it is NULL, when it may be."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a column; `value` as text."""

    column: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which rows of a table: after the row whose values of the ordering columns are `after`, in that order."""

    filters: Sequence[Filter] = ()
    order: str = ""
    descending: bool = False
    after: Sequence[str] = ()
    rows: int = PAGE_ROWS


@dataclass(slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str = ""
    values: list[str | int] = field(default_factory=list)

    def parameter(self, value: str, type_: str) -> str:
        """Add a value, given as text, and return how SQL names it."""
        self.values.append(value)
        return f"${len(self.values)}::text::{type_}"


def name(identifier: str) -> str:
    """Return an identifier as SQL takes it."""
    return '"' + identifier.replace('"', '""') + '"'


def own(column: str) -> str:
    """A column of the table as SQL names it: a bare name in ORDER BY would mean the text that is selected."""
    return f"r.{name(column)}"


def relation(table: Table) -> str:
    """The table as SQL names it."""
    return f"{name(table.schema)}.{name(table.name)} AS r"


def cells(columns: Iterable[Column], characters: int, masked: Callable[[Column], bool]) -> str:
    """Two expressions for each column: its value as text, cut, and its whole length if that says more."""
    return ", ".join(part for each in columns for part in _cell(each, characters, masked=masked(each)))


def _cell(column: Column, characters: int, *, masked: bool) -> tuple[str, str]:
    value = own(column.name)
    if masked:
        return f"CASE WHEN {value} IS NOT NULL THEN '' END", f"char_length({value}::text)"
    match column.kind:
        case "text" | "json" | "array" | "other":
            text = value if column.kind == "text" else f"{value}::text"
            return f"left({text}, {characters})", f"char_length({text})"
        case "bytes":
            most = _HEAD_BYTES if characters == PAGE_CHARACTERS else characters // 2
            return f"encode(substring({value} FOR {most}), 'hex')", f"octet_length({value})"
        case "instant":
            shown = f"""to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
            return f"CASE WHEN isfinite({value}) THEN {shown} ELSE {value}::text END", "NULL::int4"
        case _:
            return f"{value}::text", "NULL::int4"


def conditions(
    table: Table, filters: Sequence[Filter], statement: Statement, shown: Callable[[str], bool]
) -> list[str]:
    """The filters as SQL. A column that isn't shown is only compared for equality, so that nobody can guess their way in."""
    if len(filters) > MOST_FILTERS:
        raise StudioError("TOO_MANY_FILTERS", f"At most {MOST_FILTERS} filters.")
    found = [_condition(_column(table, each.column), each, statement, shown) for each in filters]
    # True for every row; it lets the planner put two partial indexes together.
    halves = {
        table.halved[each.column] for each in filters if each.operator == "=" and each.column in table.halved
    }
    return [*found, *(f"({own(each)} IS NULL OR {own(each)} IS NOT NULL)" for each in sorted(halves))]


def _condition(column: Column, given: Filter, statement: Statement, shown: Callable[[str], bool]) -> str:
    asked = own(column.name)
    if given.operator in _PRESENCE:
        return f"{asked} {_PRESENCE[given.operator]}"
    if given.operator not in OPERATORS[column.kind]:
        raise StudioError(
            "BAD_OPERATOR", f"{column.name} can't be asked whether it {given.operator} a value."
        )
    if given.operator != "=" and not shown(column.name):
        raise StudioError("COLUMN_MASKED", f"{column.name} is masked: only = finds rows by it.")
    if len(given.value) > PAGE_CHARACTERS or "\0" in given.value:
        raise StudioError(
            "BAD_VALUE",
            f"The value for {column.name} is longer than {PAGE_CHARACTERS} characters, or has a NUL.",
        )
    match given.operator:
        case "starts with":
            return f"starts_with({asked}, {statement.parameter(given.value, 'text')})"
        case "contains":
            return f"strpos({asked}::text, {statement.parameter(given.value, 'text')}) > 0"
        case "has":
            return f"{asked} @> ARRAY[{statement.parameter(given.value, column.type.removesuffix('[]'))}]"
        case _:
            return f"{asked} {given.operator} {statement.parameter(given.value, column.type)}"


def ordering(table: Table, query: PageQuery, shown: Callable[[str], bool]) -> list[Column]:
    """The columns that rows go by: the one asked for, then the key. Refuses what would sort a large table."""
    if not table.key:
        raise StudioError("NO_KEY", f"{table.full_name} has no primary key to page by.")
    if query.order and not sortable(table, _column(table, query.order), shown):
        raise StudioError(
            "BAD_ORDER",
            f"Rows of {table.full_name} don't go by {query.order}: it has no index, or is masked.",
        )
    names = order_names(table, query)
    return [table.columns[each] for each in names]


def order_names(table: Table, query: PageQuery) -> list[str]:
    """The names of the columns that rows go by: the one asked for, then those of the key."""
    return list(dict.fromkeys([*([query.order] if query.order else []), *table.key]))


def sortable(table: Table, column: Column, shown: Callable[[str], bool]) -> bool:
    """Whether rows may go by a column: an index leads to it, or the table is not known to be large."""
    indexed = (table.estimate or 0) <= FEW_ROWS or column.name in table.leading
    return indexed and column.kind not in {"json", "array", "other"} and shown(column.name)


def page(table: Table, query: PageQuery, masked: Callable[[Column], bool]) -> Statement:
    """The statement of a page: for each row its ordering columns as text, then its cells; one row more than the page has.

    Rows without a value in the column asked for are left out: they are in no order, and an index would not lead to them.
    """

    def shown(column: str) -> bool:
        return not masked(_column(table, column))

    if not 1 <= query.rows <= MOST_PAGE_ROWS:
        raise StudioError("BAD_PAGE", f"A page has 1 to {MOST_PAGE_ROWS} rows.")
    statement = Statement()
    order = ordering(table, query, shown)
    where = conditions(table, query.filters, statement, shown)
    if order[0].nullable:
        where.append(f"{own(order[0].name)} IS NOT NULL")
    where += _after(order, query, statement)
    direction = " DESC" if query.descending else ""
    statement.sql = (
        f"SELECT {', '.join(f'{own(each.name)}::text' for each in order)},"
        f" {cells(table.columns.values(), PAGE_CHARACTERS, masked)}"
        f" FROM {relation(table)}{_where(where)}"
        f" ORDER BY {', '.join(f'{own(each.name)}{direction}' for each in order)} LIMIT {query.rows + 1}"
    )
    return statement


def _after(order: Sequence[Column], query: PageQuery, statement: Statement) -> list[str]:
    if not query.after:
        return []
    if len(query.after) != len(order):
        raise StudioError("BAD_PAGE", "That page was made for another order.")
    values = [statement.parameter(value, each.type) for each, value in zip(order, query.after, strict=True)]
    sign = "<" if query.descending else ">"
    return [f"({', '.join(own(each.name) for each in order)}) {sign} ({', '.join(values)})"]


def count(table: Table, filters: Sequence[Filter], masked: Callable[[Column], bool]) -> Statement:
    """The statement that counts rows one by one."""
    statement = Statement()
    where = conditions(table, filters, statement, lambda column: not masked(table.columns[column]))
    statement.sql = f"SELECT count(*) FROM {relation(table)}{_where(where)}"
    return statement


def row(
    table: Table, key: Sequence[str], columns: Iterable[Column], masked: Callable[[Column], bool]
) -> Statement:
    """The statement of the row with a key, values as text."""
    statement = Statement()
    if len(key) != len(table.key):
        raise StudioError("BAD_KEY", f"The key of {table.full_name} is {', '.join(table.key)}.")
    where = [
        f"{own(each)} = {statement.parameter(value, table.columns[each].type)}"
        for each, value in zip(table.key, key, strict=True)
    ]
    statement.sql = f"SELECT {cells(columns, ROW_CHARACTERS, masked)} FROM {relation(table)}{_where(where)}"
    return statement


def capped_count(table: Table, filters: Sequence[Filter], most: int) -> Statement:
    """The statement that counts rows up to a number."""
    statement = Statement()
    where = conditions(table, filters, statement, lambda _: True)
    statement.sql = (
        f"SELECT count(*) FROM (SELECT FROM {relation(table)}{_where(where)} LIMIT {most}) AS found"
    )
    return statement


def _where(found: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(found)}" if found else ""


def _column(table: Table, column: str) -> Column:
    try:
        return table.columns[column]
    except KeyError:
        raise StudioError("NO_COLUMN", f"{table.full_name} has no column {column[:64]!r}.") from None
