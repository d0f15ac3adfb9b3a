"""SQL as named, typed values.

A statement states its row type and its parameter types once, as type arguments:

    MESSAGE = Query[MessageRow, UUID, UUID]("chat.message", "SELECT ... WHERE room_id = $1 AND id = $2")

A field of the row type may be another NamedTuple, which takes one column per field. A field `Entity | None` is None when
its first column is NULL, as after an outer join.

mypy checks every use against them. A test PREPAREs each statement against the migrated schema and compares
them with PostgreSQL's types (tests/sql_check.py).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    TypeVar,
    TypeVarTuple,
    cast,
    get_args,
    get_type_hints,
)

from servicekit.errors import ServiceError

Row = TypeVar("Row", bound=NamedTuple)
Params = TypeVarTuple("Params")


class Statement(Generic[*Params]):
    """A named statement. The name is in the text as a comment, so that pg_stat_statements shows it.

    `violations` maps the unique and check constraints that the statement may violate to errors; a violation of any
    other constraint is a defect.
    """

    registry: ClassVar[dict[str, Statement[*tuple[Any, ...]]]] = {}

    def __init__(
        self, name: str, text: str, violations: Mapping[str, Callable[[], ServiceError]] | None = None
    ) -> None:
        if name in Statement.registry:
            raise ValueError(f"two statements are named {name}")
        self.name = name
        self.violations = dict(violations or {})
        # After the first keyword: pg_stat_statements of every version keeps a comment there.
        self.text = re.sub(r"^\s*(\w+)", rf"\1 /* {name} */", text.strip(), count=1)
        Statement.registry[name] = cast("Statement[*tuple[Any, ...]]", self)

    @property
    def type_arguments(self) -> tuple[Any, ...]:
        """The type arguments of the statement: the row type first where it has rows."""
        return cast("tuple[Any, ...]", self.__orig_class__.__args__)  # type: ignore[attr-defined]  # set by typing


class Query(Statement[*Params], Generic[Row, *Params]):
    """A statement that returns rows of the NamedTuple type `Row`."""

    @functools.cached_property
    def make(self) -> Callable[[Sequence[Any]], Row]:
        """Converts a record of the driver to a row."""
        return cast("Callable[[Sequence[Any]], Row]", _row_maker(self.type_arguments[0]))


def nested_row(hint: object) -> type[Any] | None:
    """Return the NamedTuple type of a field `Entity` or `Entity | None`; None for a column."""
    for part in get_args(hint) or (hint,):
        if isinstance(part, type) and issubclass(part, tuple) and hasattr(part, "_fields"):
            return part
    return None


def _row_maker(row_type: type[Any]) -> Callable[[Sequence[Any]], Any]:
    """Return a function that converts the columns of a record to a row."""
    # As _make, without the column count, which tests/sql_check.py verifies.
    if not any(map(nested_row, get_type_hints(row_type).values())):
        return functools.partial(tuple.__new__, row_type)
    # Generated, as the methods of NamedTuple are: calls per entity would double the time of a row.
    names: dict[str, Any] = {"new": tuple.__new__}
    source, _ = _row_source(row_type, 0, names)
    return cast("Callable[[Sequence[Any]], Any]", eval(f"lambda c: {source}", names))  # noqa: S307 - generated from types


def _row_source(row_type: type[Any], start: int, names: dict[str, Any]) -> tuple[str, int]:
    """Return an expression for the row whose columns begin at `start`, and the column after it."""
    hints = get_type_hints(row_type).values()
    name = f"t{len(names)}"
    names[name] = row_type
    if not any(map(nested_row, hints)):
        end = start + len(hints)
        return f"new({name}, c[{start}:{end}])", end
    fields = []
    for hint in hints:
        nested = nested_row(hint)
        if nested is None:
            fields.append(f"c[{start}]")
            start += 1
        else:
            source, end = _row_source(nested, start, names)
            fields.append(source if hint is nested else f"None if c[{start}] is None else {source}")
            start = end
    return f"new({name}, ({', '.join(fields)},))", start


class Command(Statement[*Params], Generic[*Params]):
    """A statement that returns no rows."""


def row_count(result: object) -> int | None:
    """The number of rows in what the driver returns: records, one record, or the tag of a command."""
    if isinstance(result, str):
        count = result.rpartition(" ")[2]
        return int(count) if count.isdigit() else None
    if result is None:
        return None
    return len(result) if isinstance(result, list) else 1
