"""`seda up` as its user meets it: real processes, real PostgreSQL, real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.processes import start_time
from ops.suite import SUITE, Ports
from tests.ops.support.little import PATIENCE, LittleUp, alive, free_base, taken, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def base() -> Iterator[int]:
    with free_base() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A path with a space, and readable for the server's user should it have to be another one.
    made = tmp_path / "my music"
    made.mkdir()
    return made


def up(folder: Path, base: int, *arguments: str, **environ: str) -> LittleUp:
    return LittleUp(folder, "--port-base", str(base), *arguments, **environ)


def order(lines: list[str], *wanted: str) -> list[int]:
    return [next(number for number, line in enumerate(lines) if each in line) for each in wanted]


def test_start_stop_and_start_again_keeps_the_data(folder: Path, base: int) -> None:
    with up(folder, base) as first:
        first.ready()
        pids = first.pids()
        assert sorted(pids) == ["chat", "gateway", "postgres", "tracks", "users"]
        assert taken(base) != []
        assert first.interrupt() == 0
    came = order(first.err, "data in .seda (kept", "ok  PostgreSQL", "ok  services", "Ready in", "Stopping")
    assert came == sorted(came)
    assert any("new cluster" in line for line in first.err)
    # The block is the result; progress and logs are not.
    assert f"127.0.0.1:{base}" in "\n".join(first.out)
    assert not any("  ok  " in line or "users   |" in line for line in first.out)
    assert any("export SEDA_TOKEN=" in line for line in first.out)
    assert not any("\x1b" in line for line in first.out + first.err)
    assert "Stopped. Data kept in .seda" in first.err[-1]
    assert alive(list(pids.values())) == []
    assert taken(base) == []
    secret = first.home.secret_file("jwt").read_text()
    with up(folder, base) as second:
        second.ready()
        assert any("data from before" in line for line in second.err)
        assert second.home.secret_file("jwt").read_text() == secret
        assert second.interrupt() == 0
    for each in ("jwt", "service", "postgres"):
        assert first.home.secret_file(each).stat().st_mode & 0o777 == 0o600


def test_log_lines_come_prefixed_and_only_from_warning_up(folder: Path, base: int) -> None:
    with up(folder, base, "--logs", "users") as running:
        running.ready()
        running.saw("users   | WARNING users serves")
        chat = running.pids()["chat"]
        os.kill(chat, signal.SIGKILL)
        # It is started again, and warns again: now after ready, so on screen.
        running.saw("chat    | ended (status -9); starting it again")
        running.saw("chat    | WARNING chat serves")
        running.interrupt()
    assert any("users   | INFO    starting" in line for line in running.err)
    assert not any("chat    | INFO" in line for line in running.err)
    assert not any("tracks  | WARNING tracks serves" in line for line in running.err)


def test_second_start_tells_what_runs(folder: Path, base: int) -> None:
    with up(folder, base) as first:
        first.ready()
        with up(folder, base) as second:
            assert second.end() == 0
        assert second.out[0].startswith("Already running since ")
        assert f"(pid {first.process.pid})" in second.out[0]
        assert f"127.0.0.1:{base}" in "\n".join(second.out)
        with LittleUp(folder) as unspecific:
            assert unspecific.end() == 0
        with free_base() as other, up(folder, other) as differing:
            assert differing.end() == 1
            assert f"Running with port base {base}, you asked for {other}." in differing.err[0]
            assert "SEDA_HOME" in differing.err[-1]
        assert first.interrupt() == 0


def test_taken_port_is_named_with_its_holder_and_the_flag(folder: Path, base: int) -> None:
    with (
        socket.create_server(("127.0.0.1", base + 1)),
        socket.create_server(("127.0.0.1", base + 5)),
        up(folder, base) as refused,
    ):
        assert refused.end() == 1
    said = refused.everything()
    assert "2 ports are taken." in said
    assert f"{base + 1} (users)" in said
    assert f"{base + 5} (postgres)" in said
    assert f"pid {os.getpid()}, yours" in said
    free = int(said.rpartition("--port-base ")[2].split()[0])
    assert taken(free) == []
    assert not list(refused.home.path.glob("postgres-*"))


def test_service_that_dies_at_start_is_named_with_its_last_lines(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="chat:dies") as failed:
        assert failed.end() == 1
    assert any("chat    | INFO    starting" in line for line in failed.err)
    assert failed.err[-2:] == [
        'chat did not start (exit status 1): SEDA_CHAT_DATABASE_URL names database "seda_x", which does not exist.',
        "Full log: .seda/log/chat.log",
    ]
    assert failed.out == []
    assert taken(base) == []


def test_service_that_never_serves_is_named(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="tracks:silent", LITTLE_SERVE_SECONDS="2") as failed:
        assert failed.end() == 1
    assert "tracks did not start: it does not serve after 2 s" in failed.err[-2]
    assert taken(base) == []


def test_ctrl_c_while_starting_ends_in_order(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="tracks:silent") as starting:
        state = until(starting.home.read_state)
        assert state is not None
        until(lambda: len((starting.home.read_state() or state).children) == len(SUITE))
        pids = starting.pids()
        assert starting.interrupt() == 0
    assert alive(list(pids.values())) == []
    assert taken(base) == []


def test_second_ctrl_c_stops_at_once(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="chat:deaf") as running:
        running.ready()
        pids = running.pids()
        running.process.send_signal(signal.SIGINT)
        running.saw("Stopping (Ctrl-C again: at once)")
        began = time.monotonic()
        assert running.interrupt() == 0
        # The patient stop waits 20 s for a deaf service.
        assert time.monotonic() - began < 15
    assert alive(list(pids.values())) == []


def test_nothing_outlives_a_killed_supervisor(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="chat:deaf") as running:
        running.ready()
        pids = list(running.pids().values())
        helpers = helpers_of(running.process.pid)
        assert len(helpers) == 2
        running.process.kill()
        killed = time.monotonic()
        until(lambda: not alive(pids + helpers) and not taken(base), 5.0 - (time.monotonic() - killed))
    with up(folder, base) as again:
        again.ready()
        assert any("did not end in order; cleaned up" in line for line in again.err)
        assert again.interrupt() == 0


def test_start_right_after_a_kill_waits_for_the_orphans(folder: Path, base: int) -> None:
    with up(folder, base, LITTLE_FAULTS="chat:deaf users:deaf") as running:
        running.ready()
        running.process.kill()
        running.process.wait()
        with up(folder, base) as again:
            again.ready()
            assert again.interrupt() == 0


def test_ephemeral_leaves_nothing_even_when_killed(folder: Path, base: int) -> None:
    for kill in (False, True):
        with up(folder, base, "--ephemeral", TMPDIR=str(folder)) as running:
            running.ready()
            assert any("(deleted at the end)" in line for line in running.err)
            (made,) = folder.glob("seda-*")
            assert (made / "state.json").exists()
            if kill:
                running.process.kill()
            else:
                assert running.interrupt() == 0
        until(lambda: not list(folder.glob("seda-*")))
    assert not (folder / ".seda").exists()


def test_json_writes_one_event_a_line(folder: Path, base: int) -> None:
    with up(folder, base, "--json") as running:
        running.ready()
        assert running.interrupt() == 0
    assert running.err == []
    events = running.events()
    done = [each for each in events if each["event"] == "phase" and each["status"] == "done"]
    assert [each["name"] for each in done] == ["postgres", "services"]
    assert all(isinstance(each["ms"], int) for each in done)
    (ready,) = [each for each in events if each["event"] == "ready"]
    assert ready["gateway"] == f"127.0.0.1:{base}"
    assert {each.name for each in SUITE} <= set(ready)
    assert events[-1]["event"] == "stopped"


def test_json_error_is_one_object(folder: Path, base: int) -> None:
    with socket.create_server(("127.0.0.1", base)), up(folder, base, "--json") as refused:
        assert refused.end() == 1
    (answer,) = refused.events()
    assert answer["ok"] is False
    assert set(answer["error"]) == {"code", "message", "why", "fix", "retry"}
    assert answer["error"]["code"] == "PORT_TAKEN"


def test_data_of_another_major_version_are_refused(folder: Path, base: int) -> None:
    old = folder / ".seda" / "postgres-14"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("14\n")
    with up(folder, base) as refused:
        assert refused.end() == 1
    said = refused.everything()
    assert "are of PostgreSQL 14" in said
    assert "pg_dump" in said
    assert "pg_restore" in said
    assert [each.name for each in old.parent.glob("postgres-*")] == ["postgres-14"]


def test_own_database_is_used_and_its_password_not_shown(folder: Path, base: int) -> None:
    url = f"postgresql://someone:s3cret@127.0.0.1:{base + 5}/mine"
    with up(folder, base, DATABASE_URL=url) as refused:
        assert refused.end() == 1
    said = refused.everything()
    assert f"127.0.0.1:{base + 5}/mine" in said
    assert "s3cret" not in said
    assert not list(refused.home.path.glob("postgres-*"))


def test_production_and_nonsense_are_refused(folder: Path) -> None:
    for arguments, environ, status in (
        ((), {"SEDA_ENV": "production"}, 4),
        (("--port-base", "80"), {}, 2),
        (("--logs", "chad"), {}, 2),
    ):
        with LittleUp(folder, *arguments, **environ) as refused:
            assert refused.end() == status, refused.everything()
    assert not (folder / ".seda").exists()


def test_folder_that_can_not_be_written_is_named(folder: Path, base: int) -> None:
    (folder / ".seda").write_text("a file stands in the way")
    with up(folder, base) as refused:
        assert refused.end() == 1
    assert f"Can't write to the data folder {folder}/.seda." in refused.err[0]


def test_children_do_not_take_code_from_the_working_directory(folder: Path, base: int) -> None:
    (folder / "grpc_health.py").write_text("raise SystemExit('taken from the working directory')")
    command = [
        sys.executable,
        "-P",
        "-m",
        "tests.ops.support.little_up",
        "up",
        "--port-base",
        str(base),
        "--json",
    ]
    project = str(Path(__file__).resolve().parents[2])
    running = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": project}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        lines = []
        for line in running.stdout:
            lines.append(line)
            if '"ready"' in line:
                break
        assert '"ready"' in lines[-1]
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=PATIENCE)


def helpers_of(supervisor: int) -> list[int]:
    """The watcher of PostgreSQL and the guard: children of the supervisor that are no services."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        command = entry.with_name("cmdline").read_bytes()
        if int(fields[1]) == supervisor and (b"guard.py" in command or b"watcher.py" in command):
            found.append(int(entry.parent.name))
    return [each for each in found if start_time(each)]


def test_ports_cover_every_listener() -> None:
    used = Ports(7400).used(SUITE, postgres=True)
    assert list(used) == [*range(7400, 7404), 7405, *range(7410, 7414), *range(7420, 7424)]
    assert used[7401] == "users"
    assert used[7412] == "chat admin"
