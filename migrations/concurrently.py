"""Indexes on tables that are in use: outside a transaction, and so that a revision may be repeated after a failure.

A revision that uses these does nothing else. A changed function changes applied revisions on a new database: add
functions, don't alter these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

_VALID = """
SELECT i.indisvalid FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relname = :name
"""


class InvalidIndexError(Exception):
    """An index was not finished."""


def create_index(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    *,
    schema: str,
    **options: Any,  # noqa: ANN401 - whatever op.create_index takes
) -> None:
    """Create an index while the table is read and written; `options` are those of `op.create_index`.

    An invalid index of this name, which a run that failed has left, is dropped first; a valid one stays.
    """
    with _outside_transaction() as connection:
        valid = _is_valid(connection, schema, name)
        if valid:
            return
        if valid is False:
            op.execute(f"DROP INDEX CONCURRENTLY {schema}.{name}")
        op.create_index(name, table, columns, schema=schema, postgresql_concurrently=True, **options)
        if not _is_valid(connection, schema, name):
            raise InvalidIndexError(f"Index {schema}.{name} is not valid.")


def drop_index(name: str, *, schema: str) -> None:
    """Drop an index, if it is there, while its table is read and written."""
    with _outside_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name}")


@contextmanager
def _outside_transaction() -> Iterator[sa.Connection]:
    with op.get_context().autocommit_block():
        # It waits for transactions that are older than itself, and nobody waits for it meanwhile.
        op.execute("SET lock_timeout = 0")
        try:
            yield op.get_bind()
        finally:
            op.execute("RESET lock_timeout")


def _is_valid(connection: sa.Connection, schema: str, name: str) -> bool | None:
    found: bool | None = connection.scalar(sa.text(_VALID), {"schema": schema, "name": name})
    return found
