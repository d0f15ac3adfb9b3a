"""Log files read from their end and followed, and `seda logs` over them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from ops.data_dir import DataDir
from ops.up.log_files import Follower, lines_from_end
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import PROJECT, until


class CountingFile(io.BytesIO):
    """Counts what is read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.taken += len(chunk)
        return chunk


def test_last_lines_are_read_without_the_rest_of_the_file() -> None:
    file = CountingFile(b"".join(b"line %d of the log\n" % number for number in range(200_000)))
    size = len(file.getvalue())
    found = lines_from_end(file, size)
    assert [next(found) for _ in range(3)] == [
        f"line {number} of the log" for number in (199_999, 199_998, 199_997)
    ]
    assert file.taken <= 64 * 1024


@pytest.mark.parametrize(
    "text", [b"", b"one", b"one\n", b"one\n\ntwo\n", b"x" * 70_000 + b"\ny\n" + b"z" * 140_000]
)
def test_lines_from_the_end_are_the_lines_of_the_file_reversed(text: bytes) -> None:
    expected = [line.decode() for line in text.split(b"\n") if line]
    assert list(lines_from_end(io.BytesIO(text), len(text)))[::-1] == expected


def test_a_line_without_end_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 30_000_000)
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            (line,) = lines_from_end(file, 30_000_000)
        follower = Follower(path, 0)
        for _ in range(31):
            assert list(follower.lines()) == []
        follower.close()
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()
    assert set(line) == {"x"}


def test_follower_survives_rotation_truncation_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follower = Follower(path)
    assert list(follower.lines()) == []
    path.write_text("first\nsec")
    assert list(follower.lines()) == ["first"]
    append(path, "ond\n")
    assert list(follower.lines()) == ["second"]
    # Written to the old file just before the new one, and without an end.
    append(path, "third\nfourth")
    path.rename(path.with_suffix(".1"))
    assert list(follower.lines()) == ["third"]
    path.write_text("fifth\n")
    assert list(follower.lines()) == ["fourth", "fifth"]
    path.write_text("")
    assert list(follower.lines()) == []
    append(path, "6\n")
    assert list(follower.lines()) == ["6"]
    follower.close()


def test_lines_written_while_the_file_is_rotated_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.touch()
    follower = Follower(path)
    is_replaced = Follower._replaced

    def rotate_first(self: Follower) -> bool:
        append(path, "last\n")
        path.rename(path.with_suffix(".1"))
        path.write_text("first\n")
        monkeypatch.setattr(Follower, "_replaced", is_replaced)
        return is_replaced(self)

    monkeypatch.setattr(Follower, "_replaced", rotate_first)
    assert list(follower.lines()) == ["last"]
    assert list(follower.lines()) == ["first"]
    follower.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def entry(second: int, event: str, **fields: object) -> str:
    return (
        json.dumps(
            {"level": "info", "event": event, "timestamp": f"2026-11-22T10:15:{second:02}.5Z", **fields}
        )
        + "\n"
    )


@pytest.fixture
def logs(seda: Seda) -> DataDir:
    data_dir = DataDir(seda.folder / ".seda")
    data_dir.create()
    data_dir.log("chat").write_text(entry(2, "b") + "Traceback of b\n" + entry(4, "d", request_id="abc"))
    data_dir.log("users").write_text(entry(1, "a", request_id="abc") + entry(3, "c", request_id="abcd"))
    data_dir.log("postgres").write_text("2026-11-22 10:15:05.000 UTC [7] LOG:  e\n")
    data_dir.log("up").write_text("chat    | ended (status -9)\n")
    return data_dir


def texts(told: Any) -> list[tuple[str, str]]:
    return [(each["process"], each["text"].split()[1]) for each in told.json["data"]["lines"]]


@pytest.mark.usefixtures("logs")
def test_lines_of_all_processes_come_in_the_order_of_time(seda: Seda) -> None:
    told = seda("logs", "--json")
    last = [("users", "c"), ("chat", "d"), ("postgres", "10:15:05.000")]
    assert texts(told) == [("users", "a"), ("chat", "b"), ("chat", "of"), *last]
    assert told.json["data"]["lines"][0]["time"] == "2026-11-22T10:15:01.500000Z"
    assert texts(seda("logs", "--lines", "2", "--json")) == last[-2:]
    assert texts(seda("logs", "chat", "--json"))[0] == ("chat", "b")
    assert "chat    | ended (status -9)" in seda("logs", "up").out
    shown = seda("logs", "chat").out.splitlines()
    assert shown[0].endswith(".500 chat    | INFO    b")
    assert shown[1] == "chat    | Traceback of b"


def test_lines_of_one_call_are_found_in_the_rotated_file_too(seda: Seda, logs: DataDir) -> None:
    (logs.logs / "chat.log.1").write_text(entry(0, "z", request_id="abc") + entry(0, "y"))
    told = seda("logs", "--request-id", "abc", "--json")
    assert [each["text"].split()[1] for each in told.json["data"]["lines"]] == ["z", "a", "d"]


def test_unknown_process_and_missing_logs(seda: Seda) -> None:
    assert seda("logs", "chad").code == 2
    assert seda("logs").err == "There are no logs in .seda.\nStart it: seda up\n"


def test_follow_shows_new_lines_of_one_call_until_it_is_interrupted(
    seda: Seda, logs: DataDir, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        following = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "logs", "-f", "chat", "--request-id", "abc", "--json"],
            cwd=seda.folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
    try:
        until(lambda: "INFO    d" in out.read_text())
        append(logs.log("chat"), entry(6, "other") + entry(7, "f", request_id="abc"))
        until(lambda: "INFO    f" in out.read_text())
        log = logs.log("chat")
        log.rename(log.with_suffix(".log.1"))
        log.write_text(entry(8, "g", request_id="abc"))
        until(lambda: "INFO    g" in out.read_text())
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
    finally:
        following.kill()
        following.wait()
    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert [each["text"].split()[1] for each in events] == ["d", "f", "g"]
    assert {each["event"] for each in events} == {"log"}
