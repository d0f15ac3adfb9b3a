"""`seda db doctor`: each check finds its fault, which is built for it, and nothing in a database without one."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.diagnose.check import Check, Limits, Probe
from ops.diagnose.doctor import CHECKS, Ignored, examine, read_ignored, without_ignored
from ops.errors import CliError
from ops.findings import Finding, Result
from tests.ops.diagnose import faults, faults_around
from tests.ops.diagnose.build import Fault
from tests.ops.diagnose.faults import SOUND
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import PROJECT
from tests.postgres import Database, Server, administrator, empty_database

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

FAULTS = (*faults.FAULTS, *faults_around.FAULTS)
ABSENT = ("size", "pools", "drift", "backup")
"""Checks that need more than a database: an earlier run, a suite, an option, a place for backups."""
QUIET = {Result.OK, Result.SKIPPED}
# PostgreSQL before 18 has no checksums by itself.
CHECKSUMS = ("settings:data_checksums", Result.INFO)


def test_each_check_has_a_fault_and_an_id_of_its_own() -> None:
    ids = [each.id for each in CHECKS]
    assert sorted({each.id for each in FAULTS}) == sorted(ids)


def test_each_check_is_documented() -> None:
    page = (PROJECT / "docs" / "operations.md").read_text()
    assert [each.id for each in CHECKS if f"`{each.id}`" not in page] == []


async def test_nothing_is_found_without_a_fault(sound: Database) -> None:
    async with administrator(sound.server, sound.name) as connection:
        await connection.execute(SOUND)
        # Half empty, as its fillfactor wants it, and indexes that only look alike.
        await connection.execute(
            "CREATE TABLE chat.made (id int PRIMARY KEY, a int, b text) WITH (fillfactor = 50);"
            "INSERT INTO chat.made SELECT n, n, repeat('x', 50) FROM generate_series(1, 5000) AS n;"
            "CREATE INDEX made_a_idx ON chat.made (a) WHERE a > 0; CREATE INDEX made_a_b_idx ON chat.made (a, b)"
        )
        await connection.execute("VACUUM ANALYZE chat.made")
    findings = await examine(sound.admin_dsn, limits=Limits(table_bloat_bytes=262_144))

    assert [each.id for each in findings] == [each.id for each in CHECKS]
    told = {(each.key, each.result) for each in findings if each.result is not Result.OK}
    assert told - {CHECKSUMS} == {(each, Result.SKIPPED) for each in ("unused-index", *ABSENT)}


@pytest.mark.parametrize(
    "fault",
    [
        # It migrates a database.
        pytest.param(each, id=f"{each.id}-{n}", marks=[pytest.mark.slow] if each.id == "drift" else [])
        for n, each in enumerate(FAULTS)
    ],
)
async def test_the_fault_is_found_and_nothing_else(shared_sound: Database, fault: Fault) -> None:
    async with fault.build(shared_sound) as inquiry:
        findings = await examine(shared_sound.admin_dsn, limits=fault.limits, inquiry=inquiry)

    told = [each for each in findings if each.result not in QUIET and (each.key, each.result) != CHECKSUMS]
    assert [(each.id, each.result) for each in told] == [(fault.id, fault.result)], [
        each.sentence for each in told
    ]
    (finding,) = told
    assert finding.sentence.endswith(".")
    assert finding.command


# A check alone


async def test_a_check_can_not_write_and_is_stopped(sound: Database) -> None:
    async def write(probe: Probe) -> list[Finding]:
        await probe.connection.execute("DELETE FROM users.leases")
        return []

    async def wait(probe: Probe) -> list[Finding]:
        shown = [
            await probe.connection.fetchval(f"SHOW {each}") for each in ("statement_timeout", "lock_timeout")
        ]
        return [probe.finding(Result.INFO, "limits", str(shown))]

    checks = (Check("write", "Write", write), Check("wait", "Wait", wait))
    first, second = await examine(sound.admin_dsn, checks=checks)

    assert (first.result, "ReadOnlySQLTransactionError" in first.sentence) == (Result.ERROR, True)
    assert second.sentence == "['2s', '200ms']"


async def test_a_locked_table_stops_no_other_check(sound: Database) -> None:
    async with administrator(sound.server, sound.name) as other, other.transaction():
        await other.execute("LOCK TABLE chat.messages")
        results = {each.id: each.result for each in await examine(sound.admin_dsn)}

    failed = {name for name, result in results.items() if result is Result.ERROR}
    assert failed == {"last-seq", "seq-gaps", "reply-counts", "purge-overdue"}
    assert set(results) == {each.id for each in CHECKS}


async def test_the_monitor_s_role_sees_all_but_the_tables(shared_sound: Database) -> None:
    async with login(shared_sound, "IN ROLE seda_monitor") as dsn:
        findings = await examine(dsn)

    skipped = {each.id for each in findings if each.result is Result.SKIPPED}
    assert skipped == {each.id for each in CHECKS if each.reads} | {"migrations", "unused-index", *ABSENT}
    assert {each.result for each in findings if (each.key, each.result) != CHECKSUMS} == QUIET


@pytest.mark.serial
@pytest.mark.slow
async def test_a_run_takes_less_than_five_seconds(shared_sound: Database) -> None:
    async with login(shared_sound, "IN ROLE seda_monitor") as dsn, asyncio.timeout(5.0):
        await examine(dsn)


async def test_what_a_role_may_not_see_is_never_fine(shared_sound: Database) -> None:
    async with login(shared_sound, "") as dsn:
        found = {each.id: each for each in await examine(dsn)}

    blind = {each.id for each in CHECKS if each.reads or each.sees_all} | {"migrations", "pss-missing"}
    assert {name for name in blind if found[name].result is not Result.SKIPPED} == set()
    assert "seda_monitor" in found["blocking"].sentence


async def test_an_empty_database_has_no_tables_to_examine(sound_server: Server) -> None:
    async with empty_database(sound_server) as blank:
        found = {each.id: each for each in await examine(blank.admin_dsn)}

    assert found["last-seq"].sentence == "Its tables are not there yet: seda migrate deploy"
    assert (found["migrations"].result, found["migrations"].command) == (Result.CRITICAL, "seda db init")


@asynccontextmanager
async def login(database: Database, options: str) -> AsyncIterator[str]:
    """Make a login that may connect, and nothing more but for `options`."""
    server = database.server
    async with administrator(server, database.name) as connection:
        await connection.execute(f"CREATE ROLE ada LOGIN PASSWORD '{server.password}' {options}")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database.name} TO ada")
        try:
            yield f"postgresql://ada:{server.password}@127.0.0.1:{server.port}/{database.name}"
        finally:
            await connection.execute("DROP OWNED BY ada; DROP ROLE ada")


# The ignore file and the command


def test_an_ignored_finding_is_skipped_until_its_day_is_over() -> None:
    warned = Finding("x", Result.WARN, "X", "a")
    entry = Ignored("x:a", "known", dt.date(2027, 1, 31))

    for day, result in ((30, Result.SKIPPED), (31, Result.SKIPPED), (32, Result.WARN)):
        today = dt.date(2027, 1, 1) + dt.timedelta(days=day - 1)
        (found,) = without_ignored([warned], [entry], today)
        assert found.result is result
    (other,) = without_ignored([Finding("x", Result.WARN, "X", "b")], [entry], dt.date(2027, 1, 1))
    assert other.result is Result.WARN


@pytest.mark.parametrize(
    "text",
    [
        "[[ignore]]\nkey = 'a'\nreason = 'b'",
        "[[ignore]]\nkey = 'a'\nreason = ' '\nuntil = 2027-01-31",
        "[[ignore]]\nkey = 'a'\nreason = 'b'\nuntil = '2027-01-31'",
        "ignore = ['a']",
        "ignore = 3",
        "[[ignore",
    ],
)
def test_an_unfit_ignore_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "ignore.toml").write_text(text)
    with pytest.raises(CliError) as caught:
        read_ignored(tmp_path / "ignore.toml")
    assert (caught.value.code, caught.value.exit_code) == ("IGNORE_INVALID", 2)


def test_the_command(seda: Seda, sound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", sound.admin_dsn)
    assert seda("db", "doctor").code == 0
    asyncio.run(execute(sound, "CREATE TABLE chat.made (a int)"))
    told = seda("db", "doctor")
    assert (told.code, told.out.splitlines()[0]) == (
        1,
        "warn      Tables without a primary key: chat.made. It has no primary key: rows can't be told apart, nor replicated.",
    )
    assert seda("db", "doctor", "--fail-on", "critical").code == 0
    assert seda("db", "doctor", "--fail-on", "info").code == 2
    (seda.folder / "ignore.toml").write_text(
        "[[ignore]]\nkey = 'no-primary-key:chat.made'\nreason = 'Gone soon'\nuntil = 9999-12-31\n"
    )
    told = seda("db", "doctor", "--ignore", "ignore.toml", "--json")
    assert told.code == 0
    found = {each["key"]: each for each in told.json["data"]["findings"]}
    assert found["no-primary-key:chat.made"]["sentence"] == "Ignored until 9999-12-31: Gone soon"
    monkeypatch.setenv("SEDA_SLOW_QUERY_MS", "soon")
    assert "SEDA_SLOW_QUERY_MS is not a number" in seda("db", "doctor").err


async def execute(database: Database, sql: str) -> None:
    async with administrator(database.server, database.name) as connection:
        await connection.execute(sql)
