"""`seda up` of the real suite, once: what a newcomer does with nothing but what is printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.topology import CHAT, Ports
from tests.ops.support.fake_suite import PROJECT, RealSuite, alive, free_base, taken

pytestmark = pytest.mark.timeout(400)

LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
# The promise is 60 s on a quiet machine; the reserve is for a busy one.
FIRST_START_SECONDS = 180.0


@pytest.fixture(scope="module")
def base() -> Iterator[int]:
    with free_base() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("my music") / "it's here"


@pytest.fixture(scope="module")
def running(folder: Path, base: int) -> Iterator[RealSuite]:
    folder.mkdir()
    with RealSuite(folder, "--port-base", str(base)) as started:
        yield started.ready(FIRST_START_SECONDS)
        pids = started.pids()
        assert started.interrupt() == 0, started.output()
    assert alive(list(pids.values())) == []
    assert taken(base) == []


def printed(running: RealSuite, heading: str) -> list[str]:
    """The indented lines below a heading, as somebody marks and copies them."""
    start = next(number for number, line in enumerate(running.out) if heading in line)
    found = []
    for line in running.out[start + 1 :]:
        if not line.startswith("    "):
            break
        found.append(line.strip())
    return found


def new_shell(folder: Path, lines: list[str], path: str) -> str:
    """Run the lines in a shell that knows nothing of the virtual environment."""
    done = subprocess.run(
        ["sh", "-e"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def replies(text: str) -> list[dict[str, object]]:
    """The JSON objects of an output, one after another."""
    decoder, found = json.JSONDecoder(), []
    position = text.find("\n{\n")
    while position >= 0:
        value, position = decoder.raw_decode(text, text.index("{", position))
        found.append(value)
        position = text.find("{", position)
    return found


def assert_room_page(text: str) -> None:
    """The last reply shows the author, the message and the track."""
    _, page = replies(text)
    said = json.dumps(page)
    assert LINK in said
    assert re.search(r'"display_?[nN]ame": "Ada"', said)
    assert len(page["messages"]) == 1  # type: ignore[arg-type] # JSON has no types
    assert len(page["tracks"]) == 1  # type: ignore[arg-type] # JSON has no types
    assert "unreachable" not in page


@pytest.fixture
def installed() -> None:
    """Printed lines name the installed command; without it they name a module that only the project's folder has."""
    if not (Path(sys.prefix) / "bin" / "seda").exists():
        pytest.skip("seda is not installed in this environment")


@pytest.mark.usefixtures("installed")
def test_printed_lines_with_seda_call(running: RealSuite, folder: Path) -> None:
    token = printed(running, "Paste, one after another")[0]
    lines = printed(running, "Without grpcurl")
    text = new_shell(folder, [token, *lines], os.defpath)
    assert "seda.gateway.v1.GatewayService" in text.splitlines()
    assert "seda.users.internal.v1.IdentityService" not in text
    assert_room_page(text)


@pytest.mark.usefixtures("installed")
@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
def test_printed_lines_with_grpcurl(running: RealSuite, folder: Path) -> None:
    program = shutil.which("grpcurl")
    assert program is not None
    lines = printed(running, "Paste, one after another")
    text = new_shell(folder, lines, f"{Path(program).parent}:{os.defpath}")
    assert "seda.gateway.v1.GatewayService" in text.splitlines()
    assert_room_page(text)


def seda(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: each for name, each in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_URL"))
    }
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("running")
def test_chat_answers_on_its_own_port(folder: Path, base: int) -> None:
    address = ("--address", Ports(base).address(CHAT), "--as", "bo")
    made = seda(folder, "call", "CreateRoom", "-d", '{"name": "Direct"}', *address)
    assert made.returncode == 0, made.stderr
    room = json.loads(made.stdout)["room"]["id"]
    body = json.dumps({"room_id": room, "text": "hello"})
    assert seda(folder, "call", "SendMessage", "-d", body, *address).returncode == 0
    listed = seda(folder, "call", "ListMessages", "-d", json.dumps({"room_id": room}), *address)
    assert "hello" in listed.stdout
    refused = seda(folder, "call", "SendMessage", "-d", body, "--address", Ports(base).address(CHAT))
    assert refused.returncode == 64 + 16
    assert "TOKEN_MISSING" in refused.stderr


@pytest.mark.usefixtures("running")
def test_health_and_migrations_of_the_running_suite(folder: Path) -> None:
    asked = seda(folder, "health", "--json")
    assert asked.returncode == 0, asked.stdout
    reports = json.loads(asked.stdout)["data"]["reports"]
    assert {each["process"] for each in reports} == {"users", "chat", "tracks", "gateway"}
    assert {"", "live", "seda.chat.v1.MessageService"} <= {
        each["service"] for each in reports if each["process"] == "chat"
    }
    # Without DATABASE_URL: the database of the running suite.
    assert seda(folder, "migrate", "status").returncode == 0


@pytest.mark.usefixtures("running")
def test_token_with_role_makes_an_administrator(folder: Path) -> None:
    made = seda(folder, "token", "--email", "chief@example.org", "--role", "admin")
    assert made.returncode == 0, made.stderr
    assert made.stdout.count(".") == 2
    user = seda(folder, "call", "GetUser", "--as", "chief@example.org")
    assert json.loads(user.stdout)["user"]["role"] == "ROLE_ADMIN"


def test_demo_data_are_made_once_and_kept(running: RealSuite, folder: Path, base: int) -> None:
    assert any("ok  demo data" in line and "5 people, 2 rooms" in line for line in running.err)
    began = time.monotonic()
    again = seda(folder, "up")
    assert again.returncode == 0
    assert again.stdout.startswith("Already running since")
    assert f"127.0.0.1:{base}" in again.stdout
    assert time.monotonic() - began < 30
