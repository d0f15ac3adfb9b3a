"""SQL as named, typed values.

A statement states its row type and its parameter types once, as type arguments:

    MESSAGE = Query[MessageRow, UUID, UUID]("chat.message", "SELECT ... WHERE room_id = $1 AND id = $2")

mypy checks every use against them. A test PREPAREs each statement against the migrated schema and compares
them with PostgreSQL's types (tests/sql_check.py).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, TypeVarTuple, cast

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
    def make(self) -> Callable[[Iterable[Any]], Row]:
        """Converts a record of the driver to a row."""
        # As _make, without the column count, which tests/sql_check.py verifies.
        return cast(
            "Callable[[Iterable[Any]], Row]", functools.partial(tuple.__new__, self.type_arguments[0])
        )


class Command(Statement[*Params], Generic[*Params]):
    """A statement that returns no rows."""
