"""`seda up` of the real suite with demo data; system/test_up_path.py runs the printed commands."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops import seed_data
from ops.database import SERVICES
from ops.topology import CHAT, GATEWAY, SUITE, Ports
from tests.ops.support.fake_suite import (
    RealSuite,
    alive,
    command,
    crash_until_down,
    free_base,
    seda,
    taken,
    until,
)

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

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


@pytest.mark.usefixtures("running")
def test_call_without_a_token_is_refused(folder: Path, base: int) -> None:
    refused = seda(folder, "call", "SendMessage", "-d", "{}", "--address", Ports(base).address(CHAT))
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


@pytest.mark.usefixtures("running")
def test_data_and_logs_are_closed_to_other_users(folder: Path) -> None:
    data = folder / ".seda"
    logs = [data / "log", *(data / "log").iterdir()]
    assert len(logs) > len(SUITE)
    # A look into the folder is closed, whether or not PostgreSQL's user gets through it.
    assert data.stat().st_mode & 0o067 == 0
    assert [str(each) for each in logs if each.stat().st_mode & 0o077] == []


@pytest.mark.usefixtures("running")
def test_services_log_in_as_themselves(folder: Path) -> None:
    logs = {each: (folder / ".seda/log" / f"{each}.log").read_text() for each in SERVICES}
    assert all('"event": "ready"' in text for text in logs.values())
    assert [each for each, text in logs.items() if "db_role_has_excessive_privileges" in text] == []


def test_demo_data_are_made_once_and_kept(running: RealSuite, folder: Path, base: int) -> None:
    ada = seda(folder, "call", "GetUser", "--as", "ada@demo.seda.fm")
    assert json.loads(ada.stdout)["user"]["displayName"] == "Ada"
    assert any("ok  demo data" in line and "5 people, 2 rooms" in line for line in running.err)
    began = time.monotonic()
    again = seda(folder, "up")
    assert again.returncode == 0
    assert again.stdout.startswith("Already running since")
    assert f"127.0.0.1:{base}" in again.stdout
    assert time.monotonic() - began < 30


@pytest.mark.usefixtures("running")
def test_composed_pages_of_the_demo_data_name_people_and_tracks(folder: Path) -> None:
    home = json.loads(seda(folder, "call", "GetHome", "--as", "ada").stdout)
    assert {each["room"]["name"] for each in home["rooms"]} == {"Morning coffee", "Basement dub"}
    authors = {each["displayName"] for each in home["authors"]}
    assert authors
    assert authors <= {"Ada", "Bo", "Chidi", "Dara", "Esme"}
    assert "unreachable" not in home
    me = json.loads(seda(folder, "call", "GetMe", "--as", "esme").stdout)
    assert (me["user"]["displayName"], me["artistProfile"]["verified"]) == ("Esme", True)
    assert "roomsRev" in me


@pytest.mark.usefixtures("running")
def test_demo_artists_are_verified_pending_and_refused(folder: Path, base: int) -> None:
    def states() -> list[tuple[str, str]]:
        listed = seda(folder, "admin", "verification", "list", "--json")
        claims = json.loads(listed.stdout)["data"]["verifications"]
        return sorted((each["target_url"], each["state"]) for each in claims)

    expected = [
        ("https://bo.demo.seda.fm/", "PENDING"),
        ("https://esme.demo.seda.fm/", "VERIFIED"),
        ("https://soundcloud.com/dara-low-demo", "PENDING"),
    ]
    assert states() == expected
    found = seda(folder, "call", "SearchArtists", "--as", "ada", "-d", '{"query": "esme ray"}')
    profiles = [each["artistProfile"] for each in json.loads(found.stdout)["matches"]]
    assert [each["verified"] for each in profiles] == [True]

    async def load_again() -> None:
        async def approve(claim_id: str) -> None:
            done = seda(folder, "admin", "verification", "approve", claim_id, "--reason", "Demo data")
            assert done.returncode == 0, done.stderr

        secret = (folder / ".seda/secrets/jwt").read_text().strip().encode()
        await seed_data.load(Ports(base).address(GATEWAY), secret, approve)

    asyncio.run(load_again())
    assert states() == expected


@pytest.mark.usefixtures("running")
def test_exported_variables_open_gateway_and_database_to_a_reader(folder: Path, base: int) -> None:
    exported = seda(folder, "status", "-o", "env")
    assert exported.returncode == 0, exported.stderr
    values = dict(shlex.split(line)[1].split("=", 1) for line in exported.stdout.splitlines())
    assert set(values) == {"DATABASE_URL", "SEDA_GATEWAY", "SEDA_TOKEN"}
    assert values["SEDA_GATEWAY"] == Ports(base).address(GATEWAY)
    called = seda(folder, "call", "GetUser", **values)
    assert json.loads(called.stdout)["user"]["displayName"] == "Ada"
    assert seda(folder, "status", "-o", "url").stdout.strip() == values["DATABASE_URL"]
    # It doesn't stand in the way of the commands that administer.
    assert seda(folder, "migrate", "status", **values).returncode == 0
    assert seda(folder, "up", **values).stdout.startswith("Already running since")


async def test_the_exported_database_can_be_read_alone(running: RealSuite, folder: Path) -> None:
    assert running.process.poll() is None
    url = seda(folder, "status", "-o", "url").stdout.strip()
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM users.users") > 0
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM users.users")
    finally:
        await connection.close()


@pytest.mark.usefixtures("running")
def test_status_of_the_running_suite_has_health_memory_and_heads(folder: Path, base: int) -> None:
    asked = seda(folder, "status", "-o", "json")
    assert asked.returncode == 0, asked.stdout
    report = json.loads(asked.stdout)["data"]
    assert report["serving"] is True
    assert [each["name"] for each in report["processes"]] == [
        "gateway",
        "tracks",
        "chat",
        "users",
        "postgres",
    ]
    for each in report["processes"]:
        assert each["status"] == "SERVING"
        assert each["rss_bytes"] > 1_000_000
        assert 0 <= each["uptime_seconds"] < 600
    assert [(each["schema"], each["current"] == each["head"]) for each in report["migrations"]] == [
        ("users", True),
        ("chat", True),
        ("tracks", True),
    ]
    shown = seda(folder, "status").stdout
    assert f"127.0.0.1:{base}" in shown
    assert re.search(r"^chat\tSERVING\t\d+\t\d+ (s|min)\t\d+ MB\t0$", shown, re.MULTILINE), shown
    assert "Schema chat    at 2026" in shown


@pytest.mark.slow
@pytest.mark.usefixtures("running")
def test_shell_of_the_running_suite_can_not_write(folder: Path) -> None:
    asked = "SELECT current_user, current_setting('transaction_read_only')"
    write = "RESET ROLE; SET default_transaction_read_only = off; BEGIN READ WRITE; DELETE FROM chat.messages"
    shell = seda(folder, "db", "shell", "chat", "-c", asked, "-c", "SELECT FROM users.users", "-c", write)
    assert re.search(r"chat_ro +\| on", shell.stdout), shell.stderr
    assert shell.stderr.count("permission denied") == 2
    owner = seda(
        folder, "db", "shell", "chat", "--write", "-c", "SELECT current_user", "-c", "DELETE FROM chat.pins"
    )
    assert (owner.returncode, "chat_owner" in owner.stdout) == (0, True), owner.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("running")
def test_demo_load_brings_life_at_its_rate(folder: Path) -> None:
    made = seda(folder, "demo", "load", "--rate", "40", "--duration", "2s", "--json")
    assert made.returncode == 0, made.stdout
    *events, last = map(json.loads, made.stdout.splitlines())
    counts = last["data"]
    assert counts["sent"] + counts["reactions"] + counts["reads"] + counts["skipped"] == 80
    assert min(counts["sent"], counts["reactions"], counts["reads"]) > 0
    # Each change comes to several users.
    assert counts["changes"] > counts["sent"]
    assert counts["failed"] == {}
    assert {each["event"] for each in events} == {"load"}


@pytest.mark.slow
@pytest.mark.usefixtures("running")
def test_demo_load_stops_at_ctrl_c_with_its_counts(folder: Path) -> None:
    with command(folder, "demo", "load", "--rate", "100", "--json") as load:
        assert load.stdout is not None
        assert json.loads(load.stdout.readline())["event"] == "load"
        load.send_signal(signal.SIGINT)
        out, err = load.communicate(timeout=30)
    assert (load.returncode, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["data"]["reads"] > 0


@pytest.mark.usefixtures("running")
def test_restored_snapshot_is_served_at_once(folder: Path) -> None:
    saved = seda(folder, "db", "snapshot", "save", "before")
    assert saved.returncode == 0, saved.stderr
    made = seda(folder, "call", "CreateRoom", "--as", "ada", "-d", '{"room": {"name": "Late night records"}}')
    request = json.dumps({"room_id": json.loads(made.stdout)["room"]["id"]})
    assert seda(folder, "call", "GetRoom", "--as", "ada", "-d", request).returncode == 0
    restored = seda(folder, "db", "snapshot", "restore", "before", "--json")
    assert restored.returncode == 0, restored.stdout
    assert json.loads(restored.stdout)["data"]["restarted"] == ["users", "chat", "tracks"]
    assert seda(folder, "status").returncode == 0
    gone = seda(folder, "call", "GetRoom", "--as", "ada", "-d", request)
    assert (gone.returncode, "ROOM_NOT_FOUND" in gone.stderr) == (64 + 5, True)
    known = seda(folder, "call", "GetUser", "--as", "ada")
    assert json.loads(known.stdout)["user"]["displayName"] == "Ada"


def test_gateway_reports_a_process_left_down_until_it_is_restarted(running: RealSuite, folder: Path) -> None:
    crash_until_down(running, "chat")
    until(lambda: system_state(folder, "chat") == "SERVICE_STATE_UNREACHABLE")
    assert system_state(folder, "users") == "SERVICE_STATE_SERVING"
    assert seda(folder, "status").returncode == 1
    assert seda(folder, "restart", "chat").returncode == 0
    until(lambda: system_state(folder, "chat") == "SERVICE_STATE_SERVING")
    assert seda(folder, "status").returncode == 0


def system_state(folder: Path, service: str) -> str:
    told = seda(folder, "call", "GetSystemStatus", "--as", "ada")
    assert told.returncode == 0, told.stderr
    services = json.loads(told.stdout)["services"]
    return str(next(each["state"] for each in services if each["name"] == service))
