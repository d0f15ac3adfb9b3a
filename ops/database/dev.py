"""`seda migrate lint` and `seda migrate dev`: check revisions before anybody else applies them, and write new ones."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migrations.heads import FOLDER, Revision
from ops.database.catalog import Catalog, read_catalog
from ops.database.connection import connected
from ops.database.drift import SCHEMAS, Difference, compare, migrate_scratch, require_not_ahead
from ops.database.history import History, read_histories, require_no_drift
from ops.database.lint import LintFinding, lint_revision
from ops.database.migrate import DeployResult, deploy, targets
from ops.database.reset import require_development
from ops.database.scratch import scratch_database
from ops.errors import CliError, Exit

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_FILE = '''"""{title}."""

import sqlalchemy as sa
from alembic import op{imports}

revision = "{revision}"
down_revision = {down}
compatible_from = "{compatible}"


def upgrade() -> None:
    {body}
'''
_MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DevResult:
    """What `dev` wrote, what was applied, and where the new heads have to be named."""

    written: tuple[Path, ...]
    applied: tuple[DeployResult, ...]


async def lint(admin_dsn: str, *, since: str | None = None, folder: Path = FOLDER) -> tuple[LintFinding, ...]:
    """Return the findings in the revisions after `since`, by default those that the database lacks.

    They are applied to a scratch database for it. Raises CliError REVISION_UNKNOWN, SCRATCH_REFUSED,
    SQUAWK_MISSING and what reading does.
    """
    async with connected(admin_dsn, "migrate lint") as connection:
        histories = await read_histories(connection, folder)
    reached = targets(since, folder) or {each.schema: each.current or "" for each in histories}
    async with scratch_database(admin_dsn) as scratch:
        await migrate_scratch(scratch, histories, reached, folder)
        return await _lint_after(scratch, histories, reached, folder)


async def develop(admin_dsn: str, name: str, *, folder: Path = FOLDER) -> DevResult:
    """Write the revisions that lead from the files to the models, check everything that is pending, and apply it.

    Raises CliError NAME_INVALID, NOT_DEVELOPMENT, DATABASE_DRIFT, UNSAFE_REVISION and what a deployment does; files
    that were written stay.
    """
    if not _NAME.fullmatch(name):
        raise CliError(
            "NAME_INVALID",
            f"{name} can't be part of a file's name.",
            fix="Use words like add_room_topic.",
            exit_code=Exit.USAGE,
        )
    require_development(admin_dsn)
    async with connected(admin_dsn, "migrate dev") as connection:
        histories = await read_histories(connection, folder)
        require_no_drift(histories)
        require_not_ahead(histories)
        found = await read_catalog(connection, SCHEMAS)
    reached = {each.schema: each.current or "" for each in histories}
    async with scratch_database(admin_dsn) as scratch:
        await migrate_scratch(scratch, histories, reached, folder)
        await _require_no_drift(scratch, found)
        findings = await _lint_after(scratch, histories, reached, folder)
        written = await _write_revisions(scratch, histories, name, folder)
        if written:
            async with connected(scratch, "migrate dev") as connection:
                histories = await read_histories(connection, folder)
            now = {each.schema: each.current or "" for each in histories}
            findings += await _lint_after(scratch, histories, now, folder)
    if findings:
        raise unsafe(findings, written)
    return DevResult(written, await deploy(admin_dsn, folder=folder))


def unsafe(findings: Sequence[LintFinding], written: Sequence[Path] = ()) -> CliError:
    """Return the refusal of unsafe revisions, with the recipe of each finding."""
    lines = [
        f"{each.file}: {each.rule}: {each.statement}\n  {each.message}\n  Safe: {each.recipe}"
        for each in findings
    ]
    return CliError(
        "UNSAFE_REVISION",
        "These revisions are not safe while services run. Nothing was applied.",
        why="\n".join([*(f"Written: {each}" for each in written), *lines]),
        fix="Change the files as the recipes say. Where that is not needed, add a line to the file:"
        " # lint: ignore RULE: the reason",
        exit_code=Exit.UNSAFE,
        details={"findings": list(findings)},
    )


async def _lint_after(
    scratch: str, histories: Sequence[History], reached: dict[str, str], folder: Path
) -> tuple[LintFinding, ...]:
    from ops.database.replay import replay

    findings: list[LintFinding] = []
    for history in histories:
        later = [each for each in history.files if each.id > reached[history.schema]]
        for done in await replay(scratch, history, later, folder):
            findings += lint_revision(done.revision.path, done.statements)
    return tuple(findings)


async def _require_no_drift(scratch: str, found: Catalog) -> None:
    async with connected(scratch, "migrate dev") as connection:
        differences: list[Difference] = list(compare(await read_catalog(connection, SCHEMAS), found))
    if differences:
        raise CliError(
            "DATABASE_DRIFT",
            "The database was changed by other means than revisions.",
            why="\n".join(each.text for each in differences),
            fix="Undo the changes by hand, or start again: seda migrate reset",
            exit_code=Exit.DRIFT,
        )


async def _write_revisions(
    scratch: str, histories: Sequence[History], name: str, folder: Path
) -> tuple[Path, ...]:
    from ops.database.autogenerate import autogenerate

    written: list[Path] = []
    for history in histories:
        body = await autogenerate(scratch, history.schema, owner=history.owner)
        if body is not None:
            last = history.files[-1]
            revision = _next_id(last)
            path = folder / history.schema / "versions" / f"{revision}_{name}.py"
            path.write_text(
                _FILE.format(
                    title=name.replace("_", " ").capitalize(),
                    imports=body.imports,
                    revision=revision,
                    down=f'"{last.id}"',
                    compatible=last.compatible_from,
                    body=body.code,
                ),
                encoding="utf-8",
            )
            written.append(path)
    return tuple(written)


def _next_id(last: Revision) -> str:
    """Return the present minute as an id, or the one after the newest revision's if that is later."""
    newest = dt.datetime.strptime(last.id, "%Y%m%d_%H%M").replace(tzinfo=dt.UTC)
    return max(dt.datetime.now(dt.UTC), newest + _MINUTE).strftime("%Y%m%d_%H%M")
