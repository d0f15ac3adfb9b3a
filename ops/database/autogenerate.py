"""Write the code that leads from a migrated schema to its model. Loads SQLAlchemy: import it late."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import CreateTableOp, UpgradeOps
from alembic.runtime.migration import MigrationContext

from migrations.support import history_options
from ops.database.alembic_runner import on_connection

# Where Alembic explains itself in the code.
_REMARK = re.compile(r"^\s*# .*\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Body:
    """The body of `upgrade()`, indented, and further import lines, each after a line end."""

    code: str
    imports: str


async def autogenerate(dsn: str, schema: str, *, owner: str) -> Body | None:
    """Return what a revision of this schema has to do, or None when it equals its model."""
    found: list[Body] = []

    def compare(connection: sa.Connection) -> None:
        metadata: sa.MetaData = importlib.import_module(f"services.{schema}.schema").metadata
        context = MigrationContext.configure(connection, opts=history_options(metadata))
        changes = produce_migrations(context, metadata).upgrade_ops
        if changes is not None and not changes.is_empty():
            found.append(_body(changes, context, schema))

    await on_connection(dsn, owner, compare)
    return found[0] if found else None


def _body(changes: UpgradeOps, context: MigrationContext, schema: str) -> Body:
    code = _REMARK.sub("", render_python_code(changes, migration_context=context)).strip()
    imports = ""
    if "postgresql." in code:
        imports += "\nfrom sqlalchemy.dialects import postgresql"
    tables = [each.table_name for each in changes.ops if isinstance(each, CreateTableOp)]
    if tables:
        # Rather too much than a service that is refused; test_grants.py has the tables that only grow.
        grants = ", ".join(f'"{each}": "SELECT, INSERT, UPDATE, DELETE"' for each in tables)
        code += f'\n    create_grants("{schema}", {{{grants}}})'
        imports += "\n\nfrom migrations.support import create_grants"
    return Body(code, imports)
