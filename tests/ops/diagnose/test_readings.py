"""Rates of `seda db doctor`, by two readings: of a sample, or of an earlier run; and findings as metrics."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.database.connection import connected
from ops.diagnose import textfile
from ops.diagnose.check import Limits, run_check
from ops.diagnose.doctor import CHECKS, Inquiry, examine
from ops.diagnose.here import history_folder, newest_backup
from ops.diagnose.readings import Counts, History, Reading, Surroundings
from ops.diagnose.scrape import Pool, watch_pools
from ops.errors import CliError
from ops.findings import Finding, Result
from servicekit.database import Database as ServiceDatabase
from servicekit.database import PoolOptions
from tests.ops.diagnose.faults_around import age, backed_up, exported, waiting
from tests.ops.support.command import Seda
from tests.postgres import Database, administrator

pytestmark = pytest.mark.timeout(120)

OUTLIERS = [each for each in CHECKS if each.id == "outliers"]
NOW = dt.datetime(2027, 1, 1, 12, tzinfo=dt.UTC)
SLOW = Limits(slow_query_ms=5.0)


SHAPES = ("test.was_slow", "test.gets_slow", "test.slow", "test.fast", "test.before")


async def call(database: Database, tag: str, milliseconds: int, times: int = 5) -> None:
    """Run a statement of a service; statements of one shape are counted as one, whatever their tags."""
    shape = ", 1" * SHAPES.index(tag)
    async with administrator(database.server, database.name) as connection:
        await connection.execute("SET ROLE users_app")
        for _ in range(times):
            await connection.execute(f"SELECT /* {tag} */ pg_sleep({milliseconds / 1000}){shape}")


async def reset(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        await connection.execute("SELECT extensions.pg_stat_statements_reset()")


async def test_a_statement_is_judged_by_what_an_earlier_run_has_not_seen(
    sound: Database, tmp_path: Path
) -> None:
    inquiry = Inquiry(history=tmp_path)
    await reset(sound)
    await call(sound, "test.was_slow", 10)
    await call(sound, "test.gets_slow", 0, times=100)
    found = await examine(sound.admin_dsn, checks=OUTLIERS, limits=SLOW, inquiry=inquiry)
    assert [each.object for each in found] == ["test.was_slow"]

    # Of less than an hour ago: too near to say something about rates.
    age(tmp_path, dt.timedelta(minutes=59))
    found = await examine(sound.admin_dsn, checks=OUTLIERS, limits=SLOW, inquiry=inquiry)
    assert [each.object for each in found] == ["test.was_slow"]

    age(tmp_path, dt.timedelta(minutes=1))
    await call(sound, "test.gets_slow", 10)
    found = await examine(sound.admin_dsn, checks=OUTLIERS, limits=SLOW, inquiry=inquiry)
    assert [(each.object, each.result) for each in found] == [("test.gets_slow", Result.WARN)]
    assert " ms on average over 5 calls, " in found[0].sentence

    age(tmp_path, dt.timedelta(hours=1))
    await reset(sound)
    await call(sound, "test.was_slow", 10)
    found = await examine(sound.admin_dsn, checks=OUTLIERS, limits=SLOW, inquiry=inquiry)
    assert [each.object for each in found] == ["test.was_slow"]


async def test_a_sample_tells_what_ran_in_it(sound: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(_targets: object, _seconds: float) -> list[Pool]:
        await call(sound, "test.slow", 20)
        await call(sound, "test.fast", 0, times=2)
        return []

    monkeypatch.setattr("ops.diagnose.doctor.watch_pools", watch)
    await call(sound, "test.before", 20)
    inquiry = Inquiry(sample_seconds=1.0, metrics={})
    findings = await examine(sound.admin_dsn, checks=OUTLIERS, limits=SLOW, inquiry=inquiry)
    found = {each.object: each for each in findings if each.object in SHAPES}

    assert {name: each.result for name, each in found.items()} == {
        "test.slow": Result.WARN,
        "test.fast": Result.INFO,
    }
    assert re.search(r"over [0-9.]+ calls a second, \d+% of the services' time", found["test.slow"].sentence)


async def test_a_table_of_unknown_size_has_not_grown(sound: Database) -> None:
    around = Surroundings(now=Reading(NOW), before=Reading(NOW - dt.timedelta(hours=2)))
    (check,) = [each for each in CHECKS if each.id == "size"]
    async with connected(sound.admin_dsn, "test") as connection:
        (found,) = await run_check(connection, check, Limits(growth_bytes=1), around)
    assert found.result is Result.OK


def test_readings_are_kept_an_hour_apart_and_survive_a_damaged_file(tmp_path: Path) -> None:
    file, hour = tmp_path / "kept" / "1-2.json", dt.timedelta(hours=1)
    first = Reading(NOW, {"chat.made": 8192}, {"a": Counts(1.0, 2.0, 3.0, 4.0, 5.0)}, 6.0)
    assert History(file).before(NOW) is None
    History(file).add(first)
    History(file).add(Reading(NOW + hour / 2))
    assert History(file).before(NOW + hour / 2) is None
    assert History(file).before(NOW + hour) == first
    for number in (1, 2, 3):
        History(file).add(Reading(NOW + number * hour))
    assert History(file).before(NOW + 3.5 * hour) == Reading(NOW + 2 * hour)
    assert History(file).before(NOW + 2 * hour) is None
    for damaged in ('[{"at": "soon"}]', "[1]", "7", "["):
        file.write_text(damaged)
        assert History(file).before(NOW + hour) is None
    assert Counts(1.0, 2.0, 3.0, 4.0, 5.0).since(Counts(2.0, 1.0, 1.0, 1.0, 1.0)).ms == 2.0


async def test_a_pool_is_watched_all_through_the_sample(sound: Database) -> None:
    async with waiting(sound) as inquiry:
        assert inquiry.metrics is not None
        (pool,) = await watch_pools(inquiry.metrics, 0.3)
        lost = await watch_pools({"users": "127.0.0.1:1"}, 0.0)

    assert (pool.process, pool.size, pool.waiters) == ("chat", 1, 1)
    assert pool.waited_seconds >= 0.3
    assert "127.0.0.1:1 can't be read" in lost[0].problem


@pytest.mark.slow
async def test_nothing_is_found_where_every_check_can_be_done(sound: Database, tmp_path: Path) -> None:
    async with (
        backed_up(sound) as backed,
        exported(ServiceDatabase(sound.admin_dsn, PoolOptions("chat"))) as metrics,
    ):
        inquiry = replace(backed, metrics=metrics, drift=True, history=tmp_path)
        limits = Limits(unused_index_window=0.0)
        await examine(sound.admin_dsn, limits=limits, inquiry=inquiry)
        age(tmp_path, dt.timedelta(hours=2))
        findings = await examine(sound.admin_dsn, limits=limits, inquiry=inquiry)

    found = [
        each for each in findings if each.result is not Result.OK and each.key != "settings:data_checksums"
    ]
    assert (found, {each.id for each in findings}) == ([], {each.id for each in CHECKS})


def test_without_a_place_a_backup_is_looked_for_in_production_alone(tmp_path: Path) -> None:
    assert newest_backup({"SEDA_HOME": str(tmp_path)}) is None
    look = newest_backup({"SEDA_HOME": str(tmp_path), "SEDA_ENV": "production"})
    assert look is not None
    assert look() == (None, str(tmp_path / "backups"))


async def test_a_place_of_backups_that_can_not_be_read_stops_no_other_check(sound: Database) -> None:
    look = newest_backup({"SEDA_BACKUP_LOCATION": "ftp://h/seda"})
    found = await examine(sound.admin_dsn, inquiry=Inquiry(newest_backup=look))
    assert {each.id: each.sentence for each in found if each.result is Result.ERROR} == {
        "backup": "Backups can't be read: ftp:// is no place for backups."
    }


def test_a_user_without_a_home_has_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    assert history_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/seda/db-doctor")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert history_folder({}) is None


# Metrics


def test_findings_become_gauges_that_prometheus_reads(tmp_path: Path) -> None:
    file = tmp_path / "seda.prom"
    twice = Finding("roles", Result.CRITICAL, "Roles", 'chat_app "x"\n\\')
    textfile.write(file, "postgresql://seda@h/music", [twice, twice, Finding("size", Result.OK, "Size")])
    text = file.read_text()

    samples = list(_samples(text))
    assert [each[1:] for each in samples[:2]] == [
        ({"database": "music", "check": "roles", "result": "critical", "object": 'chat_app "x"\n\\'}, 2.0),
        ({"database": "music", "check": "size", "result": "ok", "object": ""}, 1.0),
    ]
    assert abs(samples[2][2] - dt.datetime.now(dt.UTC).timestamp()) < 60
    assert [each.name for each in tmp_path.iterdir()] == ["seda.prom"]
    if promtool := shutil.which("promtool"):
        subprocess.run([promtool, "check", "metrics"], input=text, text=True, check=True)


def test_metrics_that_can_not_be_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(CliError) as caught:
        textfile.write(tmp_path / "none" / "seda.prom", "postgresql:///music", [])
    assert caught.value.code == "METRICS_UNWRITABLE"


def test_the_command_writes_metrics_and_keeps_a_reading(
    seda: Seda, sound: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", sound.admin_dsn)
    told = seda("db", "doctor", "--metrics", "seda.prom", "--sample", "1s", "--process", "127.0.0.1:1")

    assert told.code == 0, told.out
    results = {
        labels["check"]: labels["result"]
        for _, labels, _ in _samples((seda.folder / "seda.prom").read_text())
        if "check" in labels
    }
    assert results.keys() == {each.id for each in CHECKS}
    assert (results["pools"], results["size"]) == ("skipped", "ok")
    assert len(list((seda.folder / "state" / "seda" / "db-doctor").iterdir())) == 1
    assert seda("db", "doctor", "--sample", "soon").code == 2


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
