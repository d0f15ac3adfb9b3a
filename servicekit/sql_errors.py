"""What PostgreSQL's and the driver's errors mean to a caller (contract: the SQLSTATE table)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg

from servicekit.errors import ConflictError, DatabaseUnavailableError, DeadlineExceededError
from servicekit.sql import Statement

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Everything that running a statement may raise."""

CONNECT_ERRORS = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
)
"""What getting a connection may raise while PostgreSQL is away or full."""


class LockTimeoutError(ConflictError):
    """A lock did not become free in time."""


class UnexpectedDatabaseError(Exception):
    """An error that no statement may run into: a defect. Holds the SQLSTATE, never values."""

    def __init__(self, what: str, state: str) -> None:
        super().__init__(f"{what} {state}")
        self.state = state


class InvalidDataError(UnexpectedDatabaseError):
    """PostgreSQL refused a value that validation had let through: a defect, counted as such."""


_CONSTRAINT_STATES = frozenset({"23505", "23514"})
_BY_STATE: dict[str, Callable[[], Exception]] = {
    "40001": ConflictError,
    "40P01": ConflictError,
    "53300": DatabaseUnavailableError,
    "55P03": LockTimeoutError,
    "57014": partial(DeadlineExceededError, "the statement took too long"),
    "57P01": DatabaseUnavailableError,
    "57P02": DatabaseUnavailableError,
    "57P03": DatabaseUnavailableError,
}


def sqlstate(error: BaseException) -> str:
    """The five characters PostgreSQL gave, or an empty text."""
    return getattr(error, "sqlstate", None) or ""


def translate(error: BaseException, statement: Statement[*tuple[Any, ...]] | None) -> Exception:
    """The error to raise in place of a driver's one."""
    state = sqlstate(error)
    make = _BY_STATE.get(state)
    if state in _CONSTRAINT_STATES and statement is not None:
        make = statement.violations.get(getattr(error, "constraint_name", None) or "")
    elif isinstance(error, asyncpg.InvalidCachedStatementError):
        make = ConflictError
    elif state.startswith("08") or _is_connection_loss(error):
        make = DatabaseUnavailableError
    if make is not None:
        return make()
    what = f"{statement.name if statement else 'transaction'}: {type(error).__name__}{_names(error)}"
    if state.startswith("22") or isinstance(error, asyncpg.DataError):
        return InvalidDataError(what, state or "22000")
    return UnexpectedDatabaseError(what, state)


def _names(error: BaseException) -> str:
    """What an error names of the schema; its text may hold values."""
    names = (getattr(error, f"{kind}_name", None) for kind in ("constraint", "column"))
    return f" ({', '.join(found)})" if (found := [name for name in names if name]) else ""


def _is_connection_loss(error: BaseException) -> bool:
    # asyncpg tells a lost connection as an OSError, or as an InterfaceError that says "closed" or, since its
    # pool takes a lost connection back by itself, "released".
    if isinstance(error, OSError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released back to the pool" in str(error)
    return is_closed_by_server(error)


def is_closed_by_server(error: BaseException) -> bool:
    """Whether a statement was not sent because the server had said its last word on the idle connection.

    asyncpg waits for the end of the connection then, and until that comes no operation can begin.
    """
    return isinstance(error, asyncpg.InternalClientError) and str(error).startswith("cannot switch to state")
