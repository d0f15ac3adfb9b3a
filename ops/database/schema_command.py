"""`seda schema`: the tables of all services, as a page or as SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import CliError, console


def schema(
    sql: Annotated[
        bool, typer.Option("--sql", help="SQL that creates the tables, instead of a page.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="File to write; default: stdout.")] = None,
) -> None:
    """Describe the tables of this version: columns with their meaning, keys, indexes, and diagrams (mermaid).

    Needs no database. `make docs` writes docs/schema.md and docs/reference/schema.sql with it.

    Examples:
        seda schema --output docs/schema.md

        seda schema --sql
    """
    from ops.database.schema_pages import schema_page, schema_sql

    text = schema_sql() if sql else schema_page()
    if output is None:
        console.result({"text": text}, text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(
            "OUTPUT_NOT_WRITTEN", f"{output} can't be written.", why=str(error.strerror)
        ) from error
    console.result({"file": output}, f"Written to {output}.")
