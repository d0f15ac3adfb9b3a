"""The commands of deploy/README.md before the first rollout: what they make leads the migration and the processes in."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from migrations.heads import head
from ops.database import SERVICES
from servicekit.credentials import build_service_signer, build_token_verifier
from servicekit.privileges import excessive_privileges
from servicekit.settings import load
from servicekit.tokens import ServiceToken
from tests.certificates import Authority
from tests.deploy.manifests import FOLDER, Manifest, build, of_kind
from tests.deploy.test_manifests import HOSTED, environment, overlay
from tests.migrations.test_commands import seda
from tests.ops.test_compose import SETTINGS
from tests.postgres import Database, Server, administrator, empty_database, own_server

pytestmark = pytest.mark.slow
MOUNT = "/run/seda/"


def make_secrets(folder: Path, database: Database) -> Path:
    address = f"127.0.0.1:{database.server.port}/{database.name}"
    subprocess.run([FOLDER / "make-secrets.sh", "secrets", address], cwd=folder, check=True, timeout=60)
    return folder / "secrets"


def variables(name: str, process: str, files: Path) -> dict[str, str]:
    """The variables of a process in an environment, with the files that its pod mounts."""
    found = environment(build(overlay(name)), process)
    return {key: value.replace(MOUNT, f"{files}/") for key, value in found.items()}


@pytest.fixture
def bare_server() -> Iterator[Server]:
    """A server that knows no role of ours."""
    with own_server() as server:
        yield server


async def test_the_first_commands_lead_to_processes_that_log_in(
    bare_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with empty_database(bare_server) as database:
        secrets = make_secrets(tmp_path, database)
        assert {each.name for each in secrets.iterdir() if each.is_dir()} == {
            *(f"seda-{process}" for process in SETTINGS), "seda-migrate", "seda-operations", "seda-pgbouncer",
        }  # fmt: skip
        logins = {
            f"SEDA_{name.upper()}_DATABASE_URL_FILE": f"{secrets}/seda-{name}/database_url"
            for name in SERVICES
        }
        ended = await seda(database, tmp_path, "db", "init", "--logins", **logins)
        assert (ended.code, ended.stderr) == (0, "")
        async with administrator(bare_server, database.name) as connection:
            await connection.execute((secrets / "migrator.sql").read_text())

        (job,) = of_kind(build(overlay("production")), "Job").values()
        ended = await seda(None, tmp_path, *arguments(job), **files_as_variables(secrets / "seda-migrate"))
        assert (ended.code, ended.stderr) == (0, "")
        for name in HOSTED:
            await _let_in(name, secrets, monkeypatch)


async def _let_in(name: str, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signers = {}
    for process in ("gateway", *SERVICES):
        issue_certificate(secrets / f"seda-{process}", process)
        with monkeypatch.context() as patched:
            for key, value in variables(name, process, secrets / f"seda-{process}").items():
                patched.setenv(key, value)
            settings = load(SETTINGS[process])
        assert settings.env == name
        signers[process] = build_service_signer(settings)
        if process == "gateway":
            continue
        verified = build_token_verifier(settings).verify(signers["gateway"].token(process))
        assert isinstance(verified, ServiceToken)
        connection = await asyncpg.connect(settings.dsn)
        try:
            assert await excessive_privileges(connection, process) == ""
            newest = f"SELECT revision FROM {process}_migrations.applied ORDER BY revision DESC LIMIT 1"
            assert await connection.fetchval(newest) == head(process)
        finally:
            await connection.close()


def test_development_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = build(overlay("development"))
    for process in SETTINGS:
        pod = of_kind(manifests, "Deployment")[process]["spec"]["template"]["spec"]
        (source, _) = pod["volumes"][1]["projected"]["sources"]
        folder = tmp_path / process
        folder.mkdir()
        for key, value in of_kind(manifests, "Secret")[source["secret"]["name"]]["data"].items():
            (folder / key).write_bytes(base64.b64decode(value))
        with monkeypatch.context() as patched:
            for key, value in variables("development", process, folder).items():
                patched.setenv(key, value)
            settings = load(SETTINGS[process])
        assert settings.env == "development"


def issue_certificate(folder: Path, name: str) -> None:
    """Put in what cert-manager would: the certificate, its key, and the authority."""
    authority = Authority(folder)
    pair = authority.sign(name, name)
    pair.certificate.rename(folder / "tls.crt")
    pair.key.rename(folder / "tls.key")
    authority.certificate.rename(folder / "ca.crt")


def arguments(job: Manifest) -> list[str]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    program, *rest = container["args"]
    assert program == "seda"
    return list(rest)


def files_as_variables(folder: Path) -> dict[str, str]:
    """What `envFrom` makes of a Secret's keys."""
    return {each.name: each.read_text().strip() for each in folder.iterdir()}


def test_a_certificate_authority_goes_where_the_urls_name_it(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("certificate")
    command: list[str | Path] = [FOLDER / "make-secrets.sh", "made", "db.example.org:5432/seda", "ca.crt"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert len((tmp_path / "made/seda-pgbouncer/userlist.txt").read_text().splitlines()) == len(SERVICES)
    for name in (*SERVICES, "migrate"):
        secret = tmp_path / f"made/seda-{name}"
        assert (secret / "postgres_ca.crt").read_text() == "certificate"
        url = (secret / ("DATABASE_URL" if name == "migrate" else "database_url")).read_text().strip()
        assert url.endswith(
            "@db.example.org:5432/seda?sslmode=verify-full&sslrootcert=/run/seda/postgres_ca.crt"
        )
    assert {each.stat().st_mode & 0o077 for each in (tmp_path / "made").rglob("*")} == {0}
