"""Our own rules: what Squawk does not know, and what only this project wants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops.database import SERVICES
from ops.database.lint.statements import Problem, bare, created_tables

_CONCURRENT = re.compile(r"\bCONCURRENTLY\b", re.IGNORECASE)
_SETTING = re.compile(r"SET |RESET ", re.IGNORECASE)
_ADDED = re.compile(r"ADD CONSTRAINT (\w+)", re.IGNORECASE)
_VALIDATED = re.compile(r"VALIDATE CONSTRAINT (\w+)", re.IGNORECASE)
# Group 1: the table that is created, changed or written, which must be named with its schema.
_TARGET = re.compile(
    r"(?:CREATE (?:UNLOGGED )?TABLE(?: IF NOT EXISTS)?|ALTER TABLE(?: IF EXISTS)?(?: ONLY)?|DROP TABLE(?: IF EXISTS)?"
    r"|CREATE (?:UNIQUE )?INDEX\b.*? ON(?: ONLY)?|UPDATE(?: ONLY)?|INSERT INTO|DELETE FROM|TRUNCATE(?: TABLE)?"
    r"|COMMENT ON TABLE|CREATE(?: OR REPLACE)?(?: MATERIALIZED)? VIEW|CREATE(?: OR REPLACE)? FUNCTION"
    r"|CREATE SEQUENCE|CREATE(?: OR REPLACE)?(?: CONSTRAINT)? TRIGGER\b.*? ON|LOCK TABLE) ([\"\w.]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """`pattern` matches anywhere in a bare statement; tables that the revision creates may be excepted."""

    name: str
    pattern: re.Pattern[str]
    message: str
    recipe: str
    new_tables_too: bool = True


def _rule(name: str, pattern: str, message: str, recipe: str, *, new_tables_too: bool = True) -> _Rule:
    return _Rule(name, re.compile(pattern, re.IGNORECASE), message, recipe, new_tables_too)


_RULES = (
    _rule(
        "backfill-in-revision",
        r"^(?:UPDATE|DELETE FROM|MERGE INTO)\b|^INSERT INTO .* SELECT\b|^WITH\b.*\b(?:UPDATE|DELETE FROM|INSERT INTO)\b",
        "It writes many rows in one transaction and keeps them locked until the end.",
        "A worker of the service that writes batches of 1,000 to 10,000 rows and can resume: servicekit/backfills.py.",
        new_tables_too=False,
    ),
    _rule(
        "truncate",
        r"^TRUNCATE\b",
        "It removes every row under an ACCESS EXCLUSIVE lock.",
        "Delete in batches by `seda maintain` or a worker.",
        new_tables_too=False,
    ),
    _rule(
        "explicit-lock",
        r"^LOCK\b",
        "It locks a table for the rest of the transaction.",
        "Leave it out: each statement takes the lock that it needs, for as long as it needs it.",
        new_tables_too=False,
    ),
    _rule(
        "table-rewrite",
        r"^CLUSTER\b|^VACUUM\b|\bSET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b|^ALTER INDEX .* SET TABLESPACE\b",
        "It rewrites the whole table under an ACCESS EXCLUSIVE lock.",
        "Not in a revision: rewrite online with pg_repack, or move data to a new table in batches.",
        new_tables_too=False,
    ),
    _rule(
        "stored-generated-column",
        r"\bADD (?:COLUMN )?.*\bGENERATED ALWAYS AS \(.*\) STORED\b",
        "It rewrites the whole table under an ACCESS EXCLUSIVE lock.",
        "A nullable column that the service writes, filled in batches; or an index on the expression.",
        new_tables_too=False,
    ),
    _rule(
        "refresh-blocks-reads",
        r"^REFRESH MATERIALIZED VIEW (?!CONCURRENTLY\b)",
        "Reads of the view wait until it ends.",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, by a worker.",
    ),
    _rule(
        "no-enum",
        r"^CREATE TYPE\b.*\bAS ENUM\b|^ALTER TYPE\b.*\b(?:ADD|RENAME) VALUE\b",
        "Values of an enum type can't be removed, and its order is fixed.",
        "text with a named CHECK.",
    ),
    _rule(
        "no-json",
        r"[\w\"]+ json\b(?!\w)(?!\s*\()",
        "json has no equality and is parsed at each read.",
        "jsonb: sqlalchemy.dialects.postgresql.JSONB.",
    ),
    _rule(
        "small-key",
        r"\b(?:int|integer|int4|smallint|serial|smallserial)\b[^,]* PRIMARY KEY",
        "A 32-bit key runs out, and widening it rewrites the table.",
        "uuid made by the service, or bigint.",
    ),
    _rule(
        "search-path",
        r"^SET (?:LOCAL |SESSION )?search_path\b|^ALTER (?:ROLE|DATABASE|USER)\b.*\bsearch_path\b",
        "Statements and Alembic's comparison then mean other tables.",
        "Name the schema in every statement.",
    ),
    _rule(
        "grant-to-public",
        r"^GRANT\b.* TO PUBLIC\b",
        "Every role of the server gets it, other services included.",
        "migrations.support.create_grants, or GRANT to one role.",
    ),
    _rule(
        "definer-search-path",
        r"\bSECURITY DEFINER\b(?!.*\bSET search_path\b)(?<!\bSET search_path\b)",
        "Whoever calls it chooses with search_path what it runs as its owner.",
        "Leave SECURITY DEFINER out, or add SET search_path = pg_catalog, pg_temp.",
    ),
    _rule(
        "triggers-off",
        r"\bDISABLE TRIGGER\b|\bsession_replication_role\b",
        "Foreign keys and triggers let everything through meanwhile.",
        "Leave them on, and write rows in an order that they accept.",
    ),
    _rule(
        "drop-cascade",
        r"^(?:DROP|ALTER TABLE\b.*\bDROP)\b.*\bCASCADE\b",
        "It drops whatever depends on it, on each database something else.",
        "Name and drop what depends on it first.",
    ),
    _rule(
        "changes-of-roles",
        r"^(?:CREATE|ALTER|DROP) (?:ROLE|USER|DATABASE|SYSTEM)\b|^REASSIGN OWNED\b|^DROP OWNED\b",
        "Roles and databases belong to the whole server, and the schema's owner may not change them.",
        "ops/database/roles.py, which `seda db init` runs.",
    ),
)


def own_problems(statements: Sequence[str]) -> Iterator[Problem]:
    """Yield what our rules find in the statements of one revision."""
    created = created_tables(statements)
    for statement in statements:
        text = bare(statement)
        target = _TARGET.match(text)
        table = target[1].lower() if target else ""
        for rule in _RULES:
            if rule.pattern.search(text) and (rule.new_tables_too or table not in created):
                yield Problem(rule.name, statement, rule.message, rule.recipe)
        if table and table.partition(".")[0].strip('"') not in SERVICES:
            yield Problem(
                "schema-not-named",
                statement,
                "Where it ends up depends on search_path.",
                f"Name the schema: {', '.join(SERVICES)}.",
            )
    yield from _mixed(statements)
    yield from _validated_too_soon(statements)


def _mixed(statements: Sequence[str]) -> Iterator[Problem]:
    others = [each for each in statements if not _CONCURRENT.search(bare(each)) and not _SETTING.match(each)]
    if others and len(others) < len([each for each in statements if not _SETTING.match(each)]):
        yield Problem(
            "concurrently-alone",
            others[0],
            "The revision also works outside a transaction: after a failure in between, this is done and not recorded.",
            "One revision for what CONCURRENTLY does and another one for the rest.",
        )


def _validated_too_soon(statements: Sequence[str]) -> Iterator[Problem]:
    added = {name for each in statements for name in _ADDED.findall(bare(each))}
    created = created_tables(statements)
    for each in statements:
        target = _TARGET.match(bare(each))
        if added & set(_VALIDATED.findall(bare(each))) and not (target and target[1].lower() in created):
            yield Problem(
                "validate-apart",
                each,
                "All rows are read while the lock of ADD CONSTRAINT is still held.",
                "VALIDATE CONSTRAINT in the next revision.",
            )
