"""Squawk, a linter of migrations for PostgreSQL: which of its rules count here, and the recipe of each."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ops.database.lint.statements import Problem, bare, created_tables
from ops.errors import CliError

_OLDEST_SERVER = "15"
# The runner sets both time limits and repeats whole revisions; integers that count are no keys; a database without a
# constraint takes what it took before; rules.py tells which schemas may be named.
_EXCLUDED = (
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
    "prefer-robust-stmts",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "ban-drop-constraint",
)
_TWO_RELEASES = (
    "In two releases: first no code uses it, then a revision drops it, with a new compatible_from and a line"
    " `# lint: ignore {rule}: since when it is unused`."
)
_NEW_COLUMN = "Add a new column, write both, fill it in batches by a worker, read the new one, and drop the old in a later release."
_RECIPES = {
    "require-concurrent-index-creation": "A revision of its own with migrations.concurrently.create_index.",
    "require-concurrent-index-deletion": "A revision of its own with migrations.concurrently.drop_index.",
    "require-concurrent-reindex": "REINDEX INDEX CONCURRENTLY, outside of revisions: it changes nothing in the schema.",
    "require-concurrent-partition-detach": "DETACH PARTITION ... CONCURRENTLY in a revision of its own.",
    "ban-concurrent-index-creation-in-transaction": "migrations.concurrently.create_index.",
    "disallowed-unique-constraint": "migrations.concurrently.create_index(unique=True), then in the next revision"
    " ADD CONSTRAINT ... UNIQUE USING INDEX.",
    "constraint-missing-not-valid": "ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in the next revision.",
    "adding-foreign-key-constraint": "ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in the next revision.",
    "adding-not-nullable-field": "CHECK (column IS NOT NULL) NOT VALID; next revision: VALIDATE CONSTRAINT; next:"
    " SET NOT NULL and drop the check.",
    "adding-required-field": "Add it nullable or with a constant default, fill it in batches, then constrain it.",
    "adding-field-with-default": "Add it nullable, fill it in batches by a worker, and set the default for new rows.",
    "adding-serial-primary-key-field": "Add a nullable column, fill it in batches, index it concurrently, then constrain it.",
    "changing-column-type": _NEW_COLUMN,
    "renaming-column": _NEW_COLUMN,
    "renaming-table": "Keep the name; or a new table that both versions of the code write, and drop the old one later.",
    "prefer-text-field": "text with a named CHECK on its length.",
    "ban-char-field": "text with a named CHECK on its length.",
    "prefer-timestamp-tz": "timestamp with time zone: sa.DateTime(timezone=True).",
    "prefer-identity": "uuid keys made by the service, or GENERATED ALWAYS AS IDENTITY.",
    "ban-drop-not-null": "First release code that reads an empty value, with a new compatible_from; then drop it with a"
    " line `# lint: ignore ban-drop-not-null: reason`.",
    "transaction-nesting": "No BEGIN and no COMMIT: each revision is one transaction already.",
}


def squawk_problems(statements: Sequence[str]) -> Iterator[Problem]:
    """Yield what Squawk finds in the statements of one revision. Raises CliError SQUAWK_MISSING, SQUAWK_FAILED."""
    if not statements:
        return
    # First lines of the statements in the text.
    counts = [each.count("\n") + 2 for each in statements]
    starts = [0, *itertools.accumulate(counts)]
    text = "".join(f"{each};\n\n" for each in statements)
    created = created_tables(statements)
    for found in _run(text, in_transaction=not any("CONCURRENTLY" in each.upper() for each in statements)):
        place = max(index for index, start in enumerate(starts[:-1]) if start <= int(str(found["line"])))
        rule, statement = str(found["rule_name"]), statements[place]
        if not _on_created(statement, created):
            recipe = _RECIPES.get(rule) or (
                _TWO_RELEASES.format(rule=rule) if rule.startswith("ban-drop") else ""
            )
            yield Problem(
                rule, statement, str(found["message"]), recipe or str(found["help"] or found["message"])
            )


def _on_created(statement: str, created: set[str]) -> bool:
    words = bare(statement).split()
    return words[:2] == ["ALTER", "TABLE"] and words[2].lower() in created


def _run(text: str, *, in_transaction: bool) -> list[dict[str, object]]:
    program = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if program is None:
        raise CliError(
            "SQUAWK_MISSING",
            "The linter Squawk is not installed.",
            why="It comes with the packages for development.",
            fix="make setup",
        )
    done = subprocess.run(  # noqa: S603 - a program of this environment with fixed arguments
        [
            *(
                program,
                "--reporter",
                "json",
                "--pg-version",
                _OLDEST_SERVER,
                "--stdin-filepath",
                "revision.sql",
            ),
            *("--assume-in-transaction" if in_transaction else "--no-assume-in-transaction",),
            *(f"--exclude={each}" for each in _EXCLUDED),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.startswith("["):
        raise CliError("SQUAWK_FAILED", "The linter Squawk failed.", why=done.stderr or done.stdout)
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found
