"""`seda import`: options in, a table or one JSON object out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import CliError, console

if TYPE_CHECKING:
    from ops.import_prisma.load import ImportResult
    from ops.import_prisma.report import Report


def import_original(
    source_url: Annotated[
        str,
        typer.Option(
            "--from", envvar="SEDA_IMPORT_URL", help="URL of the original's database, as Prisma has it."
        ),
    ],
    report_file: Annotated[
        Path, typer.Option("--report", help="File for the rows that did not fit, a line of JSON each.")
    ] = Path("seda-import.jsonl"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; with --database.")] = False,
    database: Annotated[
        str | None, typer.Option(help="Name of the database here, where --yes is not enough.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: fail instead.")] = False,
) -> None:
    """Take over a database of the original, which was made by Prisma, into the one in DATABASE_URL.

    Rooms go in one by one: run it again after an interruption, and what is there is not written again. The report names every
    row that was left out or changed, and why (docs/operations.md). At the end counts and checksums are compared; exit code
    1: they differ. A URL with a password belongs in SEDA_IMPORT_URL.

    Examples:
        seda import --from postgresql://seda_user@localhost:5432/seda_prod --dry-run

        seda import --from postgresql://seda_user@localhost:5432/seda_prod --yes --database seda
    """
    from ops import bulk_load
    from ops.database.commands import run
    from ops.database.connection import admin_dsn
    from ops.import_prisma import load, source
    from ops.import_prisma.report import Report
    from ops.row_progress import RowProgress

    dsn = admin_dsn()
    source_dsn, schema = source.read_source_url(source_url)
    run(bulk_load.require_migrated(dsn))
    total = run(load.count_rows(source_dsn, schema))
    if not dry_run:
        bulk_load.confirm_target(
            console,
            dsn,
            "This adds the original's users and rooms to a database that people use.",
            real=run(load.has_other_users(dsn, source_dsn, schema)),
            yes=yes,
            no_input=no_input,
            database=database,
        )
    with report_file.open("w", encoding="utf-8") as file, RowProgress(console, total) as progress:
        report = Report(file)
        try:
            result = run(load.run_import(source_dsn, schema, dsn, report, progress, dry_run=dry_run))
        except KeyboardInterrupt:
            console.message("What is there stays; run the same command again for the rest.")
            raise
    _show(result, report, report_file)
    if result.differences:
        raise CliError(
            "ROWS_DIFFER",
            f"What is there is not what was taken over: {', '.join(result.differences[:5])}.",
            why="Rows were changed since, by services that run already or by hand.",
            details={"differences": result.differences},
        )


def _show(result: ImportResult, report: Report, file: Path) -> None:
    if console.json:
        outcomes = [
            {"table": table, "outcome": outcome, "reason": reason, "rows": rows}
            for (table, outcome, reason), rows in sorted(report.outcomes.items())
        ]
        if not result.differences:
            console.result({"result": result, "outcomes": outcomes, "report": file})
        return
    console.table(
        ("table", "read", "fit", "skipped"),
        [
            (table, result.read.get(table, 0), result.written.get(table, 0), skipped)
            for table, skipped in result.skipped.items()
        ],
    )
    for (table, outcome, reason), rows in sorted(report.outcomes.items()):
        console.message(f"{table}: {rows:,} {outcome}, {reason}")
    console.message(f"Each of these rows: {file}")
    if not (result.dry_run or result.differences):
        console.message("What is here is what was read: counts and checksums agree.")
