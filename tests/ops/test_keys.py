"""Keys of the terminal of `seda up`, pressed at a pseudo terminal."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ops.support.fake_suite import TIMEOUT_SECONDS, environment, seda, taken, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
_LOCAL_FLAGS = 3


class Terminal:
    """A `seda up` of fake services that a person runs at a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int, screen: int) -> None:
        self.process = process
        self.text = ""
        self._keyboard = keyboard
        self._screen = screen
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def press(self, key: str) -> None:
        os.write(self._keyboard, key.encode())

    def wait_for(self, text: str, times: int = 1) -> None:
        until(lambda: self.text.count(text) >= times)

    def local_flags(self) -> Any:
        return termios.tcgetattr(self._screen)[_LOCAL_FLAGS]

    def end(self) -> int:
        return self.process.wait(TIMEOUT_SECONDS)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._keyboard, 4096)
            except OSError:
                return
            self.text += chunk.decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)
        self._reader.join()
        os.close(self._keyboard)


@contextmanager
def terminal(folder: Path, base: int, *arguments: str) -> Iterator[Terminal]:
    keyboard, screen = os.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "tests.ops.support.fake_suite_up",
            "up",
            "--port-base",
            str(base),
            *arguments,
        ],
        cwd=folder,
        env=environment(folder, TERM="xterm", CI=""),
        stdin=screen,
        stdout=screen,
        stderr=screen,
        start_new_session=True,
        # It becomes the terminal of the session, whose group is in the foreground.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing of ours holds a lock
    )
    opened = Terminal(process, keyboard, screen)
    try:
        yield opened
    finally:
        opened.close()


def test_keys_show_logs_and_addresses_and_stop_it(folder: Path, base: int) -> None:
    with terminal(folder, base) as suite:
        before = suite.local_flags()
        suite.wait_for("Keys: l all logs, s this block again, q stop.")
        assert suite.local_flags() & (termios.ECHO | termios.ICANON) == 0
        assert suite.local_flags() & termios.ISIG

        assert seda(folder, "restart", "chat").returncode == 0
        suite.wait_for("chat serves")
        assert "INFO    starting" not in suite.text
        suite.press("l")
        suite.wait_for("Logs: all lines")
        assert seda(folder, "restart", "chat").returncode == 0
        suite.wait_for("INFO    starting")
        suite.press("l")
        suite.wait_for("Logs: warnings and errors")

        assert suite.text.count("Paste, one after another") == 1
        suite.press("xs")
        suite.wait_for("Paste, one after another", times=2)
        suite.press("q")
        assert suite.end() == 0
        suite.wait_for("Stopped. Data kept")
        assert suite.local_flags() == before
    assert taken(base) == []


def test_ctrl_c_is_still_a_signal(folder: Path, base: int) -> None:
    with terminal(folder, base, "--logs", "chat") as suite:
        suite.wait_for("Keys: ")
        suite.press("ll")
        suite.wait_for("Logs: warnings and errors, and all of chat")
        suite.press("\x03")
        assert suite.end() == 0
        suite.wait_for("Stopped. Data kept")


def test_json_leaves_the_keyboard_alone(folder: Path, base: int) -> None:
    with terminal(folder, base, "--json") as suite:
        before = suite.local_flags()
        suite.wait_for('"event":"ready"')
        assert suite.local_flags() == before
        suite.press("q\n")
        suite.press("\x03")
        assert suite.end() == 0
