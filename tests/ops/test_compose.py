"""docker-compose.yml: what each container is given, and that its secrets and settings lead the services in."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from ruamel.yaml import YAML

from gateway.config import Settings as GatewaySettings
from migrations.heads import head
from ops.database import SERVICES
from ops.env import COMMAND_VARIABLES
from servicekit.privileges import excessive_privileges
from servicekit.settings import ServiceSettings, is_secret, load, variable
from services.chat.config import Settings as ChatSettings
from services.tracks.config import Settings as TracksSettings
from services.users.config import Settings as UsersSettings
from tests.architecture.project import ROOT
from tests.migrations.test_commands import seda
from tests.postgres import Server, empty_database, own_server

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "users": UsersSettings,
    "chat": ChatSettings,
    "tracks": TracksSettings,
    "gateway": GatewaySettings,
}
MOUNT = "/run/secrets/"

OURS = [
    name
    for name, container in CONTAINERS.items()
    if container["image"] in {"seda:local", "seda-operations:local"}
]
FOREIGN = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
"""Variables that OpenTelemetry reads."""

each_container = pytest.mark.parametrize("name", CONTAINERS)


def environment(name: str) -> dict[str, str]:
    """The variables of a container, where nobody sets those that compose takes from outside."""
    found: dict[str, str] = CONTAINERS[name].get("environment", {})
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in found.items()}


@each_container
def test_a_container_can_do_little_harm(name: str) -> None:
    container = CONTAINERS[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["pids_limit"]
    # PostgreSQL's image begins as root, to give the data to the user that it becomes.
    begins_as_root = name == "postgres"
    added = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"} if begins_as_root else set()
    assert set(container.get("cap_add", [])) == added
    assert begins_as_root or container["read_only"]


@each_container
def test_a_container_has_the_secrets_that_its_variables_name(name: str) -> None:
    configs = [COMPOSE["configs"][each["source"]]["content"] for each in CONTAINERS[name].get("configs", ())]
    named = set(re.findall(rf"{MOUNT}(\w+)", "\n".join([*environment(name).values(), *configs])))
    assert set(CONTAINERS[name].get("secrets", [])) == named <= COMPOSE["secrets"].keys()


def test_a_service_has_its_own_way_into_the_database_and_no_other() -> None:
    administrators = {"database_url", "postgres"}
    given = {name: set(container.get("secrets", [])) for name, container in CONTAINERS.items()}
    assert {name for name, secrets in given.items() if secrets & administrators} == {
        *("postgres", "init", "migrate")
    }
    for service in SERVICES:
        assert given[service] == {"jwt", "service", f"{service}_database_url"}
    assert given["gateway"] == {"jwt", "service"}


@pytest.mark.parametrize("name", OURS)
def test_variables_exist(name: str) -> None:
    settings = SETTINGS.get(name)
    of = [settings] if settings else SETTINGS.values()
    fields = [(each, field) for each in of for field in each.model_fields]
    known = {variable(*each) for each in fields}
    known |= {f"{variable(*each)}_FILE" for each in fields if is_secret(*each)} | COMMAND_VARIABLES.keys()
    # The environment is the same for all processes, which call different services.
    assert {each for each in environment(name) if not each.endswith("_TARGET")} <= known | FOREIGN


@pytest.fixture
def bare_server() -> Iterator[Server]:
    """A server that knows no role of ours."""
    with own_server() as server:
        yield server


async def test_the_first_lines_lead_to_services_that_log_in(
    bare_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands that make the secrets, then init and migrate, then each service's settings."""
    commands = re.findall(r"^#   (.*)$", FILE.read_text(), re.MULTILINE)
    until = next(number for number, line in enumerate(commands) if line.startswith("docker compose"))
    script = "set -eu\n" + "\n".join(commands[:until])
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=60)
    secrets = tmp_path / ".secrets"
    assert {each.name for each in secrets.iterdir()} == COMPOSE["secrets"].keys()
    assert {f".secrets/{name}" for name in COMPOSE["secrets"]} == {
        each["file"] for each in COMPOSE["secrets"].values()
    }

    async with empty_database(bare_server) as database:
        # The server here has another address and password than the one in the container.
        address = f"@127.0.0.1:{database.server.port}/{database.name}"
        for file in secrets.glob("*_database_url"):
            file.write_text(file.read_text().replace("@postgres:5432/seda", address))
        (secrets / "database_url").write_text(database.admin_dsn)

        def here(name: str) -> dict[str, str]:
            return {key: value.replace(MOUNT, f"{secrets}/") for key, value in environment(name).items()}

        for name in ("init", "migrate"):
            program, *arguments = CONTAINERS[name]["command"]
            assert program == "seda"
            ended = await seda(None, tmp_path, *arguments, **here(name))
            assert (ended.code, ended.stderr) == (0, ""), ended

        for service in SERVICES:
            with monkeypatch.context() as patched:
                for key, value in here(service).items():
                    patched.setenv(key, value)
                settings = load(SETTINGS[service])
            connection = await asyncpg.connect(settings.dsn)
            try:
                assert await excessive_privileges(connection, service) == ""
                newest = await connection.fetchval(
                    f"SELECT revision FROM {service}_migrations.applied ORDER BY revision DESC LIMIT 1"
                )
                assert newest == head(service)
            finally:
                await connection.close()
