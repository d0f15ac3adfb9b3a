"""Maps errors of PostgreSQL and asyncpg to typed errors (contract: the SQLSTATE table)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg

from servicekit.errors import ConflictError, DatabaseUnavailableError, DeadlineExceededError
from servicekit.sql import Statement

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""The errors of running a statement."""

CONNECT_ERRORS = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    # The password was changed, or the login or the database renamed: until the service has the new ones.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""The errors of connecting while PostgreSQL is unavailable, full, or refuses the login."""


class LockTimeoutError(ConflictError):
    """A lock was not free within lock_timeout."""


class StatementTimeoutError(DeadlineExceededError):
    """A statement ran longer than statement_timeout."""

    default_message = "statement timeout"


class UnexpectedDatabaseError(Exception):
    """An error that indicates a defect. Contains the SQLSTATE, never values."""

    def __init__(self, what: str, state: str) -> None:
        super().__init__(f"{what} {state}")
        self.state = state


class InvalidDataError(UnexpectedDatabaseError):
    """PostgreSQL rejected a value that passed validation: a defect with its own metric."""


READ_ONLY = "25006"
"""The state of a write on a server that takes none: a primary that became a standby on kept connections."""
_CONSTRAINT_STATES = frozenset({"23505", "23514"})
_BY_STATE: dict[str, Callable[[], Exception]] = {
    READ_ONLY: DatabaseUnavailableError,
    "40001": ConflictError,
    "40P01": ConflictError,
    "53300": DatabaseUnavailableError,
    "55P03": LockTimeoutError,
    "57014": StatementTimeoutError,
    "57P01": DatabaseUnavailableError,
    "57P02": DatabaseUnavailableError,
    "57P03": DatabaseUnavailableError,
}


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of an error, or an empty text."""
    return getattr(error, "sqlstate", None) or ""


def translate(error: BaseException, statement: Statement[*tuple[Any, ...]] | None) -> Exception:
    """The typed error of a driver error."""
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
    """The schema names in an error; its text may contain values."""
    names = (getattr(error, f"{kind}_name", None) for kind in ("constraint", "column"))
    return f" ({', '.join(found)})" if (found := [name for name in names if name]) else ""


def _is_connection_loss(error: BaseException) -> bool:
    # asyncpg reports a lost connection as an OSError, or as an InterfaceError with "closed", or with "released" after
    # its pool has taken the connection back.
    if isinstance(error, OSError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released back to the pool" in str(error)
    return is_closed_by_server(error)


def is_closed_by_server(error: BaseException) -> bool:
    """True if asyncpg refused to send because the server had already closed this idle connection.

    asyncpg then waits for EOF, and no operation can start until it arrives.
    """
    return isinstance(error, asyncpg.InternalClientError) and str(error).startswith("cannot switch to state")
