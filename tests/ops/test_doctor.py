"""`seda doctor`: each check finds its fault, which is built for it, and nothing on a machine without one."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from ops.data_dir import DataDir
from ops.doctor import CHECKS, run_checks
from ops.doctor.surroundings import Surroundings
from ops.findings import Finding, Result, fails
from tests.ops.support.command import Seda
from tests.postgres import Database, Server

pytestmark = pytest.mark.timeout(120)

CRITICAL, WARN = Result.CRITICAL, Result.WARN
QUIET = {Result.OK, Result.SKIPPED}
DAY = 86_400


@pytest.fixture
def sound(tmp_path: Path, base: int) -> Surroundings:
    """The surroundings in which a suite can be started."""
    return Surroundings({"SEDA_PORT_BASE": str(base)}, DataDir(tmp_path / ".seda"), tmp_path)


async def found(surroundings: Surroundings) -> list[tuple[str, Result]]:
    return [(each.id, each.result) for each in await run_checks(surroundings) if each.result not in QUIET]


def with_environ(surroundings: Surroundings, **environ: str) -> Surroundings:
    return replace(surroundings, environ={**surroundings.environ, **environ})


# Without a database


def old_python(sound: Surroundings) -> Surroundings:
    return replace(sound, python=(3, 10, 14))


def missing_package(sound: Surroundings) -> Surroundings:
    return replace(sound, requirements=(*sound.requirements, "no-such-package-of-seda<2,>=1.5"))


def old_package(sound: Surroundings) -> Surroundings:
    return replace(sound, requirements=("typer<1000,>=999.1",))


def too_new_package(sound: Surroundings) -> Surroundings:
    return replace(sound, requirements=("typer<0.0.2,>=0.0.1",))


def no_programs(sound: Surroundings) -> Surroundings:
    return with_environ(sound, SEDA_PG_BIN=str(sound.cwd))


def data_of_another_major(sound: Surroundings) -> Surroundings:
    data = sound.data_dir.postgres_data(9)
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    sound.data_dir.path.chmod(0o700)
    return sound


def bad_port_base(sound: Surroundings) -> Surroundings:
    return with_environ(sound, SEDA_PORT_BASE="80")


def nearly_full(sound: Surroundings) -> Surroundings:
    return replace(sound, free_bytes=999_000_000)


def full(sound: Surroundings) -> Surroundings:
    return replace(sound, free_bytes=199_000_000)


def clock_of_last_year(sound: Surroundings) -> Surroundings:
    return replace(sound, now=sound.now - 365 * DAY)


def file_in_the_way(sound: Surroundings) -> Surroundings:
    sound.data_dir.path.write_text("")
    return sound


def open_folder(sound: Surroundings) -> Surroundings:
    sound.data_dir.create()
    sound.data_dir.path.chmod(0o755)
    return sound


def open_log(sound: Surroundings) -> Surroundings:
    sound.data_dir.create()
    sound.data_dir.log("chat").touch(mode=0o644)
    sound.data_dir.log("chat").chmod(0o644)
    return sound


def open_secret(sound: Surroundings) -> Surroundings:
    sound.data_dir.create()
    sound.data_dir.ensure_secret("jwt").chmod(0o640)
    return sound


def unknown_environment(sound: Surroundings) -> Surroundings:
    return with_environ(sound, SEDA_ENV="staging")


def secret_of_production(sound: Surroundings) -> Surroundings:
    return with_environ(sound, SEDA_ENV="qa", SEDA_JWT_SECRET_FILE="/run/secrets/prod/jwt")


def misnamed_file(sound: Surroundings) -> Surroundings:
    (sound.cwd / ".env.production").write_text("# ours\nexport SEDA_ENV='qa'\n")
    return sound


def unreachable(sound: Surroundings) -> Surroundings:
    base = int(sound.environ["SEDA_PORT_BASE"])
    return with_environ(sound, DATABASE_URL=f"postgresql://ada:hunter2@127.0.0.1:{base + 5}/seda")


FAULTS: list[tuple[Callable[[Surroundings], Surroundings], str, Result]] = [
    (old_python, "python", CRITICAL),
    (missing_package, "packages", CRITICAL),
    (old_package, "packages", CRITICAL),
    (too_new_package, "packages", CRITICAL),
    (no_programs, "postgres-programs", CRITICAL),
    (data_of_another_major, "postgres-programs", CRITICAL),
    (bad_port_base, "ports", CRITICAL),
    (nearly_full, "disk", WARN),
    (full, "disk", CRITICAL),
    (clock_of_last_year, "clock", CRITICAL),
    (file_in_the_way, "permissions", CRITICAL),
    (open_folder, "permissions", WARN),
    (open_log, "permissions", WARN),
    (open_secret, "permissions", CRITICAL),
    (unknown_environment, "environment", CRITICAL),
    (secret_of_production, "environment", WARN),
    (misnamed_file, "environment", WARN),
    (unreachable, "database", CRITICAL),
]


def test_each_check_has_a_fault() -> None:
    assert {check for _, check, _ in FAULTS} == set(CHECKS)


async def test_nothing_is_found_without_a_fault(sound: Surroundings) -> None:
    for surroundings in (sound, with_environ(sound, SEDA_ENV="qa", SEDA_JWT_SECRET_FILE="/run/secrets/jwt")):
        findings = await run_checks(surroundings)
        assert {each.id for each in findings} == set(CHECKS)
        assert [each for each in findings if each.result not in QUIET] == []
    sound.data_dir.create()
    sound.data_dir.ensure_secret("jwt")
    # As it is when PostgreSQL runs as another user.
    sound.data_dir.path.chmod(0o710)
    (sound.cwd / ".env.example").write_text("SEDA_ENV=development\n")
    (sound.cwd / ".env.production").write_text("SEDA_ENV=production\n")
    assert await found(sound) == []


@pytest.mark.parametrize(("build", "check", "result"), FAULTS, ids=lambda each: getattr(each, "__name__", ""))
async def test_the_fault_is_found_and_nothing_else(
    sound: Surroundings, build: Callable[[Surroundings], Surroundings], check: str, result: Result
) -> None:
    surroundings = build(sound)
    (finding,) = [each for each in await run_checks(surroundings) if each.result not in QUIET]
    assert (finding.id, finding.result) == (check, result)
    assert finding.sentence.endswith(".")
    assert finding.command
    assert "hunter2" not in repr(finding)


async def test_taken_port_is_named_with_its_holder(sound: Surroundings, base: int) -> None:
    with socket.create_server(("127.0.0.1", base + 2)):
        (finding,) = [each for each in await run_checks(sound) if each.result is CRITICAL]
    assert finding.id == "ports"
    assert f"{base + 2} (chat)" in finding.sentence
    assert "--port-base" in finding.command


# With a database


async def test_a_database_that_fits_is_fine(sound: Surroundings, blank_database: Database) -> None:
    given = with_environ(sound, DATABASE_URL=blank_database.admin_dsn)
    assert await found(given) == []
    results = {each.id: each.result for each in await run_checks(given)}
    assert (results["database"], results["clock"]) == (Result.OK, Result.OK)


@pytest.mark.parametrize(("seconds", "result"), [(-20, WARN), (20, WARN), (-40, CRITICAL), (40, CRITICAL)])
async def test_clock_away_from_the_databases_is_found(
    sound: Surroundings, blank_database: Database, seconds: float, result: Result
) -> None:
    given = with_environ(sound, DATABASE_URL=blank_database.admin_dsn)
    assert await found(replace(given, now=given.now + seconds)) == [("clock", result)]


async def test_old_server_is_found(
    sound: Surroundings, blank_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.doctor.database._OLDEST_SERVER", 99)
    assert await found(with_environ(sound, DATABASE_URL=blank_database.admin_dsn)) == [("database", CRITICAL)]


async def test_unfit_encoding_is_found(sound: Surroundings, postgres_server: Server) -> None:
    async with database_in_ascii(postgres_server) as dsn:
        assert await found(with_environ(sound, DATABASE_URL=dsn)) == [("database", CRITICAL)]


@asynccontextmanager
async def database_in_ascii(server: Server) -> AsyncIterator[str]:
    name = f"ascii_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        yield server.dsn(name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


# The model and the command


async def test_a_check_that_fails_is_a_finding(sound: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Surroundings) -> list[Finding]:
        raise OSError("no disk")

    monkeypatch.setattr("ops.doctor.CHECKS", {**CHECKS, "disk": broken})
    findings = await run_checks(sound)
    assert {each.id for each in findings} == set(CHECKS)
    (finding,) = [each for each in findings if each.result not in QUIET]
    assert (finding.id, finding.result, "no disk" in finding.sentence) == ("disk", Result.ERROR, True)


def test_exit_code_follows_the_worst_finding() -> None:
    by_result = {each: Finding("x", each, "X") for each in Result}
    assert [each for each in Result if fails([by_result[each]])] == [CRITICAL, Result.ERROR, WARN]
    assert [each for each in Result if fails([by_result[each]], CRITICAL)] == [CRITICAL]


def test_command_prints_the_worst_first_and_folds_what_is_fine(
    seda: Seda, base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEDA_PORT_BASE", str(base))
    monkeypatch.setenv("SEDA_JWT_SECRET_FILE", "/secrets/production/jwt")
    monkeypatch.setenv("SEDA_PG_BIN", str(seda.folder))
    told = seda("doctor")
    assert told.code == 1
    first, *_ = told.out.splitlines()
    assert first.startswith("critical  PostgreSQL's programs.")
    assert told.out.index("warn      Environment: SEDA_JWT_SECRET_FILE.") < told.out.index(
        "skipped   Database."
    )
    assert told.out.splitlines()[-1].startswith("ok        Python, Packages, Ports")
    assert seda("doctor", "--fail-on", "critical").code == 1
    monkeypatch.delenv("SEDA_PG_BIN")
    assert seda("doctor", "--fail-on", "critical").code == 0
    findings = seda("doctor", "--json").json["data"]["findings"]
    assert set(findings[0]) == {
        "id",
        "result",
        "title",
        "object",
        "value",
        "threshold",
        "sentence",
        "command",
        "key",
    }
    assert findings[0]["key"] == "environment:SEDA_JWT_SECRET_FILE"
