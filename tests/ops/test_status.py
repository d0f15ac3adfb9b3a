"""`seda status` when something does not serve."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from ops.env import database_url
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import crash_until_down, seda, up

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
ADMIN = "postgresql://ada:hunter2@db.example/seda"


def test_nothing_runs(seda: Seda) -> None:
    told = seda("status")
    assert (told.code, told.out) == (1, "")
    assert told.err == "Nothing runs on .seda.\nStart it: seda up\n"
    assert seda("status", "--json").json["error"]["code"] == "NOT_RUNNING"


def test_process_that_crashes_too_often_stays_down_and_is_reported(folder: Path, base: int) -> None:
    with up(folder, base) as running:
        running.ready()
        crash_until_down(running, "chat")
        asked = seda(folder, "status", "--json")
        report = json.loads(asked.stdout)["data"]
        assert asked.returncode == 1
        assert report["serving"] is False
        states = {
            each["name"]: (each["status"], each["crashes"], each["pid"]) for each in report["processes"]
        }
        assert states["chat"] == ("DOWN", 4, None)
        assert states["users"][:2] == ("SERVING", 0)
        told = seda(folder, "status")
        assert told.returncode == 1
        assert "chat crashed too often and stays down. Why: seda logs chat" in told.stderr
        assert running.interrupt() == 0


def test_stopped_process_is_unreachable(folder: Path, base: int) -> None:
    with up(folder, base) as running:
        running.ready()
        pid = running.pids()["tracks"]
        os.kill(pid, signal.SIGSTOP)
        try:
            asked = seda(folder, "status")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert asked.returncode == 1
        assert "tracks is UNREACHABLE." in asked.stderr
        assert running.interrupt() == 0


def test_url_of_the_reader_is_no_administrators() -> None:
    reader = ADMIN.replace("ada", "seda_ro")
    assert database_url({"DATABASE_URL": reader}) is None
    assert database_url({"DATABASE_URL": ADMIN}) == ADMIN
    assert database_url({}) is None
