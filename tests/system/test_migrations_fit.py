"""Which code is ready on which schema, and that the log says why: what a rolling deployment stands on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.topology import TRACKS
from services.tracks.app import SCHEMA_HEAD
from tests.postgres import Database, administrator
from tests.system.support.health import Health, becomes, open_health
from tests.system.support.processes import RealProcess, real_suite

pytestmark = pytest.mark.timeout(120)
OLDER, NEWER = "20000101_0000", "29991231_2359"
_SECONDS = 20.0
_APPLY = """
    INSERT INTO tracks_migrations.applied (revision, checksum, applied_at, compatible_from)
    VALUES ($1, '', now(), $2)
"""


LEFT_BEHIND = f"the database needs code from revision {NEWER} on, this build is of {SCHEMA_HEAD}"
NOT_MIGRATED = f"revision {SCHEMA_HEAD} is not applied; run: seda migrate deploy"
TAKEN = f"revision {NEWER} works with code from {SCHEMA_HEAD} on, this build is of {SCHEMA_HEAD}"


@asynccontextmanager
async def tracks_on(
    database: Database, folder: Path, revision: str, compatible_from: str, misjudge: str = ""
) -> AsyncIterator[tuple[RealProcess, Health, asyncpg.Connection]]:
    """The service of tracks, or one that misjudges, on a schema whose newest revision is the given one."""
    async with administrator(database.server, database.name) as connection:
        if revision == OLDER:
            await connection.execute("DELETE FROM tracks_migrations.applied")
        await connection.execute(_APPLY, revision, compatible_from)
        with real_suite(folder, database.environ) as suite:
            module = "tests.system.support.misjudging_tracks" if misjudge else None
            tracks = suite.add(TRACKS, module, MISJUDGE=misjudge)
            async with open_health(tracks.address) as health:
                yield tracks, health, connection


def reasons(process: RealProcess, event: str) -> list[str]:
    """The reasons in the log lines that tell of an event."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in process.log.read_text().splitlines()]
    return [line["reason"] for line in lines if line["event"] == event]


async def faults_when_it_must_serve(tracks: RealProcess, health: Health) -> list[str]:
    """What is wrong with older code on a newer schema that still takes it."""
    await tracks.logged("listening")
    checks = {
        "is not ready": await health.check() == "SERVING",
        "does not say so": reasons(tracks, "schema_ahead") == [TAKEN],
        "was not ready": reasons(tracks, "not_ready") == [],
    }
    return [fault for fault, is_well in checks.items() if not is_well]


async def faults_when_it_must_wait(tracks: RealProcess, health: Health, why: str) -> list[str]:
    """What is wrong with code that does not fit the schema: alive, not ready, and it says why."""
    # It has looked by then.
    await tracks.logged("listening")
    checks = {
        "is ready": await health.check() == "NOT_SERVING",
        "is not alive": await health.check("live") == "SERVING",
        "does not say why": reasons(tracks, "db_incompatible") == [why],
    }
    return [fault for fault, is_well in checks.items() if not is_well]


async def test_older_code_on_a_newer_schema_is_ready(tmp_path: Path, fresh_database: Database) -> None:
    async with tracks_on(fresh_database, tmp_path, NEWER, SCHEMA_HEAD) as (tracks, health, _):
        assert await faults_when_it_must_serve(tracks, health) == []


async def test_older_code_on_a_schema_that_has_left_it_behind_is_not_ready(
    tmp_path: Path, fresh_database: Database
) -> None:
    """Not at its start, and not any more when the schema changes under it."""
    async with tracks_on(fresh_database, tmp_path, NEWER, NEWER) as (tracks, health, connection):
        assert await faults_when_it_must_wait(tracks, health, LEFT_BEHIND) == []
        await connection.execute(
            "UPDATE tracks_migrations.applied SET compatible_from = $1 WHERE revision = $2",
            SCHEMA_HEAD,
            NEWER,
        )
        assert await becomes(health, "SERVING", within=_SECONDS)
        await connection.execute("UPDATE tracks_migrations.applied SET compatible_from = $1", NEWER)
        assert await becomes(health, "NOT_SERVING", within=_SECONDS)
        assert reasons(tracks, "not_ready") == [LEFT_BEHIND]


async def test_newer_code_on_an_older_schema_is_not_ready_until_it_is_migrated(
    tmp_path: Path, fresh_database: Database
) -> None:
    async with tracks_on(fresh_database, tmp_path, OLDER, OLDER) as (tracks, health, connection):
        assert await faults_when_it_must_wait(tracks, health, NOT_MIGRATED) == []
        await connection.execute(_APPLY, SCHEMA_HEAD, OLDER)
        assert await becomes(health, "SERVING", within=_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize(("revision", "why"), [(NEWER, LEFT_BEHIND), (OLDER, NOT_MIGRATED)])
async def test_the_control_that_takes_any_schema_is_caught(
    tmp_path: Path, fresh_database: Database, revision: str, why: str
) -> None:
    async with tracks_on(fresh_database, tmp_path, revision, revision, "lenient") as (tracks, health, _):
        assert await faults_when_it_must_wait(tracks, health, why) == ["is ready", "does not say why"]


@pytest.mark.slow
async def test_the_control_that_takes_no_newer_schema_is_caught(
    tmp_path: Path, fresh_database: Database
) -> None:
    async with tracks_on(fresh_database, tmp_path, NEWER, SCHEMA_HEAD, "strict") as (tracks, health, _):
        assert await faults_when_it_must_serve(tracks, health) == ["is not ready", "does not say so"]
