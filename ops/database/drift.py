"""Compare a live database with one that was migrated from zero to the same revisions, catalog by catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrations.heads import FOLDER
from ops.database import SERVICES
from ops.database.catalog import Catalog, read_catalog
from ops.database.connection import connected
from ops.database.history import History, read_histories, require_no_drift
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.database.scratch import scratch_database
from ops.errors import CliError, Exit

SCHEMAS = (*(name for each in SERVICES for name in (each, f"{each}_migrations")), "extensions")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `expected` is None for what is there and should not be, `found` for what is missing."""

    kind: str
    name: str
    expected: str | None
    found: str | None

    @property
    def text(self) -> str:
        """The difference as a sentence, with both definitions where there are two."""
        if self.found is None:
            return f"{self.kind} {self.name} is missing"
        if self.expected is None:
            return f"{self.kind} {self.name} is not of these migrations: {self.found}"
        return f"{self.kind} {self.name} differs\n  expected: {self.expected}\n  found:    {self.found}"


async def drift(admin_dsn: str, *, folder: Path = FOLDER) -> tuple[Difference, ...]:
    """Return how the live database differs from its applied revisions; pending ones count for nothing.

    Changes nothing in it. Raises CliError HISTORY_DRIFT, SCHEMA_AHEAD, SCRATCH_REFUSED and what reading does.
    """
    async with connected(admin_dsn, "migrate drift") as connection:
        histories = await read_histories(connection, folder)
        require_no_drift(histories)
        require_not_ahead(histories)
        found = await read_catalog(connection, SCHEMAS)
    reached = {each.schema: each.current or "" for each in histories}
    async with scratch_database(admin_dsn) as scratch:
        await migrate_scratch(scratch, histories, reached, folder)
        async with connected(scratch, "migrate drift") as connection:
            expected = await read_catalog(connection, SCHEMAS)
    return tuple(compare(expected, found))


async def migrate_scratch(
    scratch: str, histories: Sequence[History], reached: dict[str, str], folder: Path
) -> None:
    """Set a scratch database up like the live one and apply each schema's revisions up to `reached`."""
    await init_database(scratch, single_role=any(each.owner != f"{each.schema}_owner" for each in histories))
    await deploy(scratch, to=reached, folder=folder)


def require_not_ahead(histories: Sequence[History]) -> None:
    """Raise CliError SCHEMA_AHEAD when a newer build has migrated any schema: its revisions are unknown here."""
    ahead = [
        f"{each.schema} is at {each.current}, this build at {each.head}" for each in histories if each.ahead
    ]
    if ahead:
        raise CliError(
            "SCHEMA_AHEAD",
            "A newer version has migrated this database.",
            why="; ".join(ahead) + ".",
            fix="Use the seda command of that version.",
            exit_code=Exit.ACTION_NEEDED,
        )


def compare(expected: Catalog, found: Catalog) -> Iterator[Difference]:
    """Yield the differences between two catalogs by kind and name."""
    for thing in sorted(expected.keys() | found.keys()):
        wanted, present = expected.get(thing), found.get(thing)
        if wanted != present:
            yield Difference(thing.kind, thing.name, wanted, present)
