"""Shared code of the environments and revisions of all histories.

`run_history` is the whole of every env.py; `create_grants` is how a revision hands its tables to the roles.
A changed function changes applied revisions on a new database: add functions, don't alter these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from alembic.util import CommandError

from migrations.heads import checksum

_VERSION_TABLE = "alembic_version"


def run_history(metadata: sa.MetaData) -> None:
    """Run Alembic's present command on the history of the schema that `metadata` describes.

    The connection is the caller's, in `config.attributes["connection"]`; it must not be in a transaction. Every
    revision runs in a transaction of its own, together with its entry in `<schema>_migrations.applied`.
    """
    schema = str(metadata.schema)
    attributes = context.config.attributes
    connection = attributes.get("connection")
    if connection is None or context.is_offline_mode():
        raise CommandError("Use `seda migrate`: it takes the lock and becomes the schema's owner.")
    with connection.begin():
        prepare_history(connection, schema)

    def finish(**step: Any) -> None:  # noqa: ANN401 - Alembic's own arguments, passed on
        """End a revision, in its transaction."""
        _record(**step)
        for observer in attributes.get("observers", ()):
            observer(**step)

    options = history_options(metadata) | {"on_version_apply": finish}
    context.configure(connection=connection, **options)
    with context.begin_transaction():
        context.run_migrations()


def history_options(metadata: sa.MetaData) -> dict[str, Any]:
    """Return how Alembic is to treat the history and the model of a schema."""
    schema = str(metadata.schema)
    return {
        "target_metadata": metadata,
        "version_table": _VERSION_TABLE,
        "version_table_schema": _history_schema(schema),
        "include_schemas": True,
        "include_name": lambda name, kind, _parents: kind != "schema" or name == schema,
        "compare_server_default": True,
        "transaction_per_migration": True,
    }


def create_grants(schema: str, app: Mapping[str, str]) -> None:
    """Give the service's role the named privileges on each table of `app`, and the reading role SELECT on it.

    Does nothing where one role owns and runs everything (`seda db init --single-role`).
    """
    if not _has_roles(op.get_bind(), schema):
        return
    for table, privileges in app.items():
        op.execute(f"GRANT {privileges} ON {schema}.{table} TO {schema}_app")
        op.execute(f"GRANT SELECT ON {schema}.{table} TO {schema}_ro")


def _history_schema(schema: str) -> str:
    return f"{schema}_migrations"


def _has_roles(connection: sa.Connection, schema: str) -> bool:
    # Roles belong to the whole cluster: that chat_app exists proves nothing about this database. That the schema
    # belongs to chat_owner does.
    owner = connection.scalar(
        sa.text("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = :schema"),
        {"schema": schema},
    )
    return bool(owner == f"{schema}_owner")


def _applied(schema: str) -> sa.Table:
    return sa.Table(
        "applied",
        sa.MetaData(schema=_history_schema(schema)),
        sa.Column("revision", sa.Text, nullable=False, comment="Id of the revision"),
        sa.Column("checksum", sa.Text, nullable=False, comment="SHA-256 of its file in hex"),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False, comment="When it was applied"),
        sa.Column(
            "compatible_from",
            sa.Text,
            nullable=False,
            comment="The oldest revision whose build still runs on the schema as this one leaves it",
        ),
        sa.PrimaryKeyConstraint("revision", name="applied_pkey"),
        comment="What was applied to this schema. Services read it to tell whether they fit.",
    )


def prepare_history(connection: sa.Connection, schema: str) -> None:
    """Create the tables of a history unless they exist."""
    history = _history_schema(schema)
    if sa.inspect(connection).has_table("applied", schema=history):
        return
    _applied(schema).create(connection)
    # Alembic would create this table too, but without a comment and too late for the grants below.
    sa.Table(
        _VERSION_TABLE,
        sa.MetaData(schema=history),
        sa.Column("version_num", sa.String(32), nullable=False, comment="Id of the newest revision"),
        sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
        comment="Where Alembic keeps its place.",
    ).create(connection)
    if _has_roles(connection, schema):
        connection.execute(sa.text(f"GRANT SELECT ON {history}.applied TO {schema}_app, {schema}_ro"))
        connection.execute(sa.text(f"GRANT SELECT ON {history}.{_VERSION_TABLE} TO {schema}_ro"))


def _record(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
    """Enter a revision in `applied`; Alembic calls this inside the revision's transaction."""
    script = step.up_revision
    if not step.is_upgrade or not isinstance(script, Script):
        raise CommandError("Histories only go forward: write a new revision that undoes the change.")
    schema = str(ctx.version_table_schema).removesuffix("_migrations")
    ctx.impl.execute(
        sa.insert(_applied(schema)).values(
            revision=script.revision,
            checksum=checksum(Path(script.path)),
            applied_at=sa.func.clock_timestamp(),
            compatible_from=script.module.compatible_from,
        )
    )
