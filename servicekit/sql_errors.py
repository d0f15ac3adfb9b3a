"""What PostgreSQL's and the driver's errors mean to a caller (contract: the SQLSTATE table)."""

from __future__ import annotations

from typing import Any

import asyncpg

from servicekit.errors import (
    ConflictError,
    DatabaseUnavailableError,
    DeadlineExceededError,
)
from servicekit.sql import Statement

DRIVER_ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    OSError,
)
"""Everything that running a statement may raise."""

CONNECT_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
)
"""What getting a connection may raise while PostgreSQL is away or full."""

_UNAVAILABLE_STATES = frozenset({"53300", "57P01", "57P02", "57P03"})
_CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
_CONSTRAINT_STATES = frozenset({"23505", "23514"})


class LockTimeoutError(ConflictError):
    """A lock did not become free in time."""


class UnexpectedDatabaseError(Exception):
    """An error that no statement may run into: a defect. Holds the SQLSTATE, never values."""

    def __init__(self, what: str, state: str) -> None:
        super().__init__(f"{what} {state}")
        self.state = state


class DataRefusedError(UnexpectedDatabaseError):
    """PostgreSQL refused a value that validation had let through: a defect, counted as such."""


def sqlstate(error: BaseException) -> str:
    """The five characters PostgreSQL gave, or an empty text."""
    return getattr(error, "sqlstate", None) or ""


def translate(error: BaseException, statement: Statement[*tuple[Any, ...]] | None) -> Exception:
    """The error to raise in place of a driver's one."""
    state = sqlstate(error)
    if state in _CONSTRAINT_STATES and statement is not None:
        constraint = getattr(error, "constraint_name", None) or ""
        make = statement.violations.get(constraint)
        if make is not None:
            return make()
    what = f"{statement.name if statement else 'transaction'}: {type(error).__name__}{_names(error)}"
    return _by_state(error, state) or (
        DataRefusedError(what, state or "22000")
        if _is_data_error(error, state)
        else UnexpectedDatabaseError(what, state)
    )


def _names(error: BaseException) -> str:
    """What an error names of the schema; its text may hold values."""
    names = (getattr(error, f"{kind}_name", None) for kind in ("constraint", "column"))
    return f" ({', '.join(found)})" if (found := [name for name in names if name]) else ""


def _by_state(error: BaseException, state: str) -> Exception | None:
    if state == "55P03":
        return LockTimeoutError()
    if state in _CONFLICT_STATES or isinstance(error, asyncpg.InvalidCachedStatementError):
        return ConflictError()
    if state == "57014":
        return DeadlineExceededError("the statement took too long")
    if state in _UNAVAILABLE_STATES or state.startswith("08") or _is_connection_loss(error):
        return DatabaseUnavailableError()
    return None


def _is_data_error(error: BaseException, state: str) -> bool:
    return state.startswith("22") or isinstance(error, asyncpg.DataError)


def _is_connection_loss(error: BaseException) -> bool:
    # asyncpg tells a lost connection as an OSError, or as an InterfaceError that says "closed" or, since its
    # pool takes a lost connection back by itself, "released".
    if isinstance(error, OSError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released back to the pool" in str(error)
    return is_taken_leave_of(error)


def is_taken_leave_of(error: BaseException) -> bool:
    """Whether a statement was not sent because the server had said its last word on the idle connection.

    asyncpg waits for the end of the connection then, and until that comes no operation can begin.
    """
    return isinstance(error, asyncpg.InternalClientError) and str(error).startswith("cannot switch to state")
