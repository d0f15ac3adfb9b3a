"""`seda up --reload`: what is replaced when a file changes, and what goes on when the new code fails."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2

from ops.topology import CHAT, Ports
from ops.up.imports import Imports, syntax_error
from tests.ops.support.fake_suite import PROJECT, FakeSuite, alive, seda, taken, until, up

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Code of chat and users, outside of the project, which both import `shared`, and chat alone `own`."""
    folder = tmp_path / "code"
    folder.mkdir()
    serve = "from tests.ops.support.fake_suite_service import main\nmain()\n"
    (folder / "fake_chat.py").write_text(f"import own, shared\n{serve}")
    (folder / "fake_users.py").write_text(f"import shared\n{serve}")
    (folder / "own.py").write_text("")
    (folder / "shared.py").write_text("")
    return folder


@pytest.fixture
def running(folder: Path, base: int, code: Path) -> Iterator[FakeSuite]:
    environ = {"PYTHONPATH": f"{PROJECT}:{code}", "FAKE_MODULES": "chat=fake_chat users=fake_users"}
    with up(folder, base, "--reload", FAKE_SERVE_SECONDS="20", **environ) as started:
        yield started.ready()


@pytest.mark.slow
def test_the_old_one_serves_until_the_new_one_does(running: FakeSuite, base: int, code: Path) -> None:
    before = running.pids()
    with probing(Ports(base).address(CHAT)) as failures:
        (code / "own.py").write_text("A = 1\n")
        until(lambda: running.pids()["chat"] != before["chat"])
        after = running.pids()
        until(lambda: not alive([before["chat"]]))
    assert failures == []
    assert {name for name in before if before[name] != after[name]} == {"chat"}

    (code / "shared.py").write_text("A = 1\n")
    until(lambda: sum("the new one serves" in each for each in running.err) == 3)
    last = running.pids()
    assert {name for name in after if after[name] != last[name]} == {"chat", "users"}
    state = running.data_dir.read_state()
    assert state is not None
    assert state.crashes == {}
    assert running.interrupt() == 0
    assert alive([*before.values(), *after.values(), *last.values()]) == []
    assert taken(base) == []


@pytest.mark.slow
def test_code_that_fails_leaves_the_old_one(running: FakeSuite, code: Path) -> None:
    before = running.pids()
    (code / "own.py").write_text("def (\n")
    running.wait_for_line("own.py:1: SyntaxError")
    running.wait_for_line("nothing is restarted")

    (code / "own.py").write_text("raise RuntimeError('of the new code')\n")
    running.wait_for_line("chat did not start (exit status 1): RuntimeError: of the new code")
    running.wait_for_line("the old one goes on")
    assert running.pids() == before
    assert alive(list(before.values())) == list(before.values())

    (code / "own.py").write_text("A = 1\n")
    until(lambda: running.pids()["chat"] != before["chat"])


@pytest.mark.slow
def test_a_restart_meanwhile_leaves_one_process(running: FakeSuite, folder: Path, code: Path) -> None:
    (code / "own.py").write_text("import time\ntime.sleep(2)\n")
    running.wait_for_line("own.py changed: replacing chat")
    assert seda(folder, "restart", "chat").returncode == 0
    assert any("the new one serves" in line for line in running.err)
    children = psutil.Process(running.process.pid).children()
    assert [each.pid for each in children if "fake_chat" in each.cmdline()] == [running.pids()["chat"]]


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_code_that_hangs(running: FakeSuite, base: int, code: Path) -> None:
    (code / "own.py").write_text("import os\nos.environ['FAKE_FAULTS'] = 'chat:hang'\n")
    until(lambda: running.data_dir.log("chat").read_text().count('"starting"') == 2)
    assert running.interrupt() == 0
    assert taken(base) == []


@pytest.mark.slow
def test_ctrl_c_takes_along_the_old_one_that_does_not_end(folder: Path, base: int, code: Path) -> None:
    environ = {"PYTHONPATH": f"{PROJECT}:{code}", "FAKE_MODULES": "chat=fake_chat users=fake_users"}
    with up(folder, base, "--reload", FAKE_FAULTS="chat:ignore-stop", **environ) as running:
        before = running.ready().pids()
        (code / "own.py").write_text("A = 1\n")
        running.wait_for_line("the new one serves")
        assert alive([before["chat"]])
        after = running.pids()
        running.process.send_signal(signal.SIGINT)
        running.wait_for_line("Stopping")
        assert running.interrupt() == 0
        assert alive([*before.values(), *after.values()]) == []


@contextmanager
def probing(address: str) -> Iterator[list[str]]:
    """Check the health of a process all the time, and yield what failed twice in a row."""
    failures, stop = list[str](), threading.Event()

    def probe() -> None:
        with grpc.insecure_channel(address) as channel:
            ask = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            failed = False
            while not stop.wait(0.005):
                try:
                    ask(health_pb2.HealthCheckRequest(), timeout=10)
                except grpc.RpcError as error:
                    # A server that stops may cancel a call that has just come, which can be repeated.
                    if failed:
                        failures.append(str(error))
                    failed = True
                else:
                    failed = False

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield failures
    finally:
        stop.set()
        thread.join()


# Imports


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    made = {
        "app/__init__.py": "import base",
        "app/__main__.py": "from app import first\n",
        "app/first.py": "def run():\n    from app.deep.second import thing\n    import json, missing\n",
        "app/deep/__init__.py": "",
        "app/deep/second.py": "import app.first",
        "app/other.py": "",
        "base.py": "",
    }
    for name, text in made.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    imports = Imports([tmp_path])
    expected = {tmp_path / name for name in made if name != "app/other.py"}
    assert imports.files("app") == expected

    # While it can't be parsed, it still stands for what it imported before.
    (tmp_path / "app/first.py").write_text("def (")
    assert imports.files("app") == expected
    assert syntax_error([tmp_path / "gone.py", *expected]).endswith("SyntaxError: invalid syntax\n    def (")
    (tmp_path / "app/first.py").write_text("import app.other")
    assert imports.files("app") == expected - {
        tmp_path / "app/deep/__init__.py",
        tmp_path / "app/deep/second.py",
    } | {tmp_path / "app/other.py"}


def test_a_service_does_not_run_the_code_of_another() -> None:
    files = {str(each.relative_to(PROJECT)) for each in Imports([PROJECT]).files("services.chat")}
    assert {"services/chat/app.py", "services/chat/actions/message_send.py", "servicekit/process.py"} <= files
    assert [each for each in files if each.startswith(("services/users", "ops", "tests"))] == []
