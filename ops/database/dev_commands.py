"""`seda migrate lint` and `dev`: the commands that write and check revisions."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import console
from ops.database.commands import run
from ops.database.migrate_commands import migrate_app

__all__ = ["migrate_app"]


@migrate_app.command("lint")
def migrate_lint(
    since: Annotated[
        str | None,
        typer.Option(
            help="Check the revisions after this one; default: the pending ones.", metavar="REVISION"
        ),
    ] = None,
) -> None:
    """Find unsafe operations in new revisions and name the safe recipe. Exit code 4: there are some.

    Applies them to a scratch database for it. A line `# lint: ignore RULE: the reason` in a revision excepts it.

    Examples:
        seda migrate lint

        seda migrate lint --since 20261129_1900
    """
    from ops.database.connection import admin_dsn
    from ops.database.dev import lint, unsafe

    findings = run(lint(admin_dsn(), since=since))
    if findings:
        raise unsafe(findings)
    console.result({"findings": findings}, "Nothing unsafe.")


@migrate_app.command("dev")
def migrate_dev(
    name: Annotated[str, typer.Option(help="What the new revisions do, such as add_room_topic.")],
) -> None:
    """Write the revisions that lead to the models, check what is pending, and apply it; for development only.

    Replays the history in a scratch database, refuses drift (exit code 6), compares the models, writes one revision
    per schema that differs, checks it (exit code 4: unsafe, the file stays to be changed) and applies it.

    Examples:
        seda migrate dev --name add_room_topic

        seda migrate dev --name add_room_topic --json
    """
    from ops.database.connection import admin_dsn
    from ops.database.dev import develop

    done = run(develop(admin_dsn(), name))
    lines = [f"Written: {each}" for each in done.written] or ["The models have nothing new."]
    for each in done.applied:
        if each.applied:
            lines.append(f"{each.schema}: +{len(each.applied)}, now at {each.current}")
            lines.append(f'  Next: SCHEMA_HEAD = "{each.current}" in services/{each.schema}/app.py')
    console.result(done, "\n".join(lines))
