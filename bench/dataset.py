"""The dataset, once in the baselines' tables and once in ours, kept as template databases between runs.

The baselines' tables are made by `baselines/dataset.sql`; `dataset.sql` derives ours from the very same rows, with the same
ids. Both sides of a measurement get a fresh copy of their template, so that no run sees the writes of an earlier one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import asyncpg

from migrations.heads import revisions
from ops.database import SERVICES
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.dev_tokens import development_subject
from ops.postgres import Cluster

ROOTS = 500_000
USERS, ROOMS = 10_000, 500
# Every so many rooms one, which is private, has texts only: no replies, reactions or tracks.
PLAIN_EVERY = 10
_FOLDER = Path(__file__).parent
_THEIRS, _OURS = _FOLDER / "baselines" / "dataset.sql", _FOLDER / "dataset.sql"


@dataclass(frozen=True, slots=True)
class Databases:
    """The two databases of a run, as DSNs of the superuser."""

    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Templates:
    """The names of the two databases that each run copies."""

    ours: str
    theirs: str


def uid(kind: str, number: int) -> UUID:
    """The id of a row of the dataset: "u" a user, "r" a room, "m" a root; see baselines/dataset.sql."""
    digits = hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).hexdigest()
    return UUID(f"{digits[:12]}4{digits[13:16]}8{digits[17:]}")


def description(scale: float) -> str:
    """The dataset of this scale, in words."""
    roots = _roots(scale)
    full = roots * (1 - 1 / PLAIN_EVERY)
    return (
        f"{USERS:,} users, {ROOMS} rooms, {roots:,} roots, {full * 0.8:,.0f} replies and {full * 2.7:,.0f} reactions;"
        f" one room in {PLAIN_EVERY} has texts only"
    )


def email(user: int) -> str:
    """The address of a user of the dataset."""
    return f"user{user}@example.test"


def ensure(cluster: Cluster, scale: float, log: Callable[[str], None]) -> Templates:
    """Make both templates unless they are there, made of the same scripts, revisions and scale."""
    roots = _roots(scale)
    theirs = _key(roots, PLAIN_EVERY, _THEIRS.read_text(encoding="utf-8"))
    migrations = [revision.checksum for each in SERVICES for revision in revisions(each)]
    ours = _key(theirs, _OURS.read_text(encoding="utf-8"), *migrations)
    templates = Templates(ours=f"bench_ours_{ours}", theirs=f"bench_theirs_{theirs}")
    there = asyncio.run(_tidy(cluster, templates))
    if templates.theirs not in there:
        log(f"Loading the dataset: {USERS} users, {ROOMS} rooms, {roots} roots.")
        asyncio.run(_administer(cluster, f"CREATE DATABASE {templates.theirs}"))
        program, dsn = cluster.binaries.program("psql"), cluster.dsn(templates.theirs)
        sizes = {"users": USERS, "rooms": ROOMS, "messages": roots, "plain_every": PLAIN_EVERY}
        psql(program, dsn, _THEIRS, **sizes)
        asyncio.run(_administer(cluster, f"ALTER DATABASE {templates.theirs} IS_TEMPLATE true"))
    if templates.ours not in there:
        log("Deriving our tables from it.")
        asyncio.run(_make_ours(cluster, templates))
    return templates


def copies(cluster: Cluster, templates: Templates) -> Databases:
    """Fresh copies of both templates."""

    async def copy() -> Databases:
        connection = await asyncpg.connect(cluster.dsn())
        try:
            for name, template in (("bench", templates.ours), ("baseline", templates.theirs)):
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
            # Dirty pages of the copies are written now, not during a round.
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()
        return Databases(ours=cluster.dsn("bench"), theirs=cluster.dsn("baseline"))

    return asyncio.run(copy())


async def derive(dsn: str) -> None:
    """Fill Seda's tables from the dataset's, which are in schema public of the same migrated database."""
    connection = await asyncpg.connect(dsn, timeout=60)
    try:
        await connection.execute("CREATE TEMP TABLE subjects (number int, email text, subject text)")
        await connection.copy_records_to_table(
            "subjects",
            records=[(user, email(user), development_subject(email(user))) for user in range(USERS)],
        )
        await connection.execute(_OURS.read_text(encoding="utf-8"))
        await connection.execute("VACUUM (FREEZE, ANALYZE)")
    finally:
        await connection.close()


def _roots(scale: float) -> int:
    return max(ROOMS, round(ROOTS * scale) // ROOMS * ROOMS)


async def _tidy(cluster: Cluster, templates: Templates) -> set[str]:
    """Drop templates of other scripts and of interrupted loads; return the existing ones of these."""
    connection = await asyncpg.connect(cluster.dsn())
    try:
        # A database becomes a template last of all: a load that was interrupted leaves none.
        found = await connection.fetch(
            "SELECT datname, datistemplate FROM pg_database"
            " WHERE datname LIKE 'bench_ours_%' OR datname LIKE 'bench_theirs_%'"
        )
        kept = {name for name, complete in found if complete} & {templates.ours, templates.theirs}
        for name in {name for name, _ in found} - kept:
            await connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE false")
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
    return kept


async def _make_ours(cluster: Cluster, templates: Templates) -> None:
    await _administer(
        cluster, f"CREATE DATABASE {templates.ours} TEMPLATE {templates.theirs} STRATEGY file_copy"
    )
    await init_database(cluster.dsn(templates.ours))
    await deploy(cluster.dsn(templates.ours))
    await derive(cluster.dsn(templates.ours))
    await _administer(cluster, f"ALTER DATABASE {templates.ours} IS_TEMPLATE true")


async def _administer(cluster: Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.dsn(), timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def psql(program: str, dsn: str, script: Path, **variables: int) -> None:
    """Run a script with psql, whose variables and conditions it uses; raises RuntimeError with its output."""
    given = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    # The DSN holds a password: in the environment other users can't see it.
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [program, "-X", "-q", *given, "-f", str(script)],
        env={**_libpq(dsn), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{script.name}: {done.stderr.strip()[-800:]}")


def _libpq(dsn: str) -> dict[str, str]:
    url = urlsplit(dsn)
    return {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": unquote(url.path.removeprefix("/")),
    }


def _key(*parts: object) -> str:
    """Everything that a template depends on, in twelve characters."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
