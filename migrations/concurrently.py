"""Changes of tables that are in use, outside a transaction or in several: a revision may be repeated after a failure.

A new revision that uses these does nothing else. Those that were rewritten do several things, all of them repeatable. A
changed function changes applied revisions on a new database: add functions, don't alter these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

Key = TypeVar("Key")

_BATCH_SECONDS = 0.05
_SMALLEST_BATCH, _LARGEST_BATCH = 10, 1_000
# Batches go along an index. A plan for all values, or one that trusts old statistics, may read the whole table for each.
_BATCH_SETTINGS = """
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_sort = off
"""
# Attempts per batch while another transaction holds its rows.
_ATTEMPTS = 30
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"
_VALID = """
SELECT i.indisvalid FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relname = :name
"""

_DEFINITION = "SELECT pg_get_indexdef(to_regclass(:name))"
_CHECKED = """
SELECT convalidated FROM pg_catalog.pg_constraint WHERE conrelid = CAST(:table AS regclass) AND conname = :name
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


def replace_index(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    *,
    schema: str,
    outdated: str,
    **options: Any,  # noqa: ANN401 - whatever op.create_index takes
) -> None:
    """Give an index another definition; the former one, which `outdated` is a part of, serves until the other is built."""
    new = f"{name}_new"
    if outdated in (_definition(schema, name) or ""):
        create_index(new, table, columns, schema=schema, **options)
        drop_index(name, schema=schema)
    if _definition(schema, name) is None and _definition(schema, new) is not None:
        op.execute(f"ALTER INDEX {schema}.{new} RENAME TO {name}")
        commit()
    create_index(name, table, columns, schema=schema, **options)


def add_check(name: str, table: str, condition: str, *, schema: str) -> None:
    """Add a CHECK without a lock while the rows are read; commits."""
    named = {"table": f"{schema}.{table}", "name": name}
    valid = op.get_bind().scalar(sa.text(_CHECKED), named)
    if valid is None:
        op.create_check_constraint(name, table, condition, schema=schema, postgresql_not_valid=True)
        commit()
    if not valid:
        op.execute(f"ALTER TABLE {schema}.{table} VALIDATE CONSTRAINT {name}")
        commit()


def exists(table: str, column: str | None = None, *, schema: str) -> bool:
    """Return whether a table or a column is there: what came before it in one transaction is done too."""
    inspector = sa.inspect(op.get_bind())
    return inspector.has_table(table, schema=schema) and (
        column is None or any(each["name"] == column for each in inspector.get_columns(table, schema=schema))
    )


def index_exists(name: str, *, schema: str) -> bool:
    """Return whether an index of this name is there."""
    return _definition(schema, name) is not None


def commit() -> None:
    """Commit what the revision did until now, and give up its locks; the rest is another transaction."""
    with op.get_context().autocommit_block():
        pass


def in_batches(batch: Callable[[sa.Connection, Key, int], Key | None], first: Key) -> None:
    """Change rows in transactions of a few hundredths of a second each, with pauses as long.

    `batch` changes about as many rows as it is told, from a key on, and returns the key to go on from; None at the end.
    When others hold its rows for long it is tried again.
    """
    key: Key | None = first
    size, attempts = 100, 0
    while key is not None:
        began = time.monotonic()
        try:
            with op.get_bind().begin_nested():
                for setting in _BATCH_SETTINGS.split(";"):
                    op.execute(setting)
                following = batch(op.get_bind(), key, size)
        except DBAPIError as error:
            attempts += 1
            locked = getattr(error.orig, "sqlstate", None) in {_LOCK_NOT_AVAILABLE, _DEADLOCK}
            if not locked or attempts == _ATTEMPTS:
                raise
        else:
            key, attempts = following, 0
        commit()
        seconds = max(0.001, time.monotonic() - began)
        size = round(size * min(2.0, max(0.5, _BATCH_SECONDS / seconds)))
        size = min(_LARGEST_BATCH, max(_SMALLEST_BATCH, size))
        time.sleep(min(seconds, 1.0))


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


def _definition(schema: str, name: str) -> str | None:
    found: str | None = op.get_bind().scalar(sa.text(_DEFINITION), {"name": f"{schema}.{name}"})
    return found
