"""CPU of processes, including that of all their children."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from bench import cpu

_BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def _started(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _used_by(program: str) -> float:
    process = _started(program)
    try:
        return cpu.seconds([process.pid])
    finally:
        process.kill()
        process.communicate()


def test_a_process_counts_what_it_used_itself() -> None:
    assert 0.25 < _used_by(_BURN + "print('ready', flush=True)\ninput()") < 1.5


def test_a_child_that_ended_still_counts() -> None:
    used = _used_by(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_BURN!r}], check=True)\n"
        "print('ready', flush=True)\ninput()"
    )
    assert used > 0.25


def test_a_child_that_runs_counts() -> None:
    child = _BURN + "print('ready', flush=True)\ninput()"
    used = _used_by(
        f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE)\nchild.stdout.readline()\nprint('ready', flush=True)\ninput()"
    )
    assert used > 0.25


def test_an_ended_process_is_an_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(psutil.NoSuchProcess):
        cpu.seconds([process.pid])


def test_the_machine_is_at_least_as_busy_as_we_are() -> None:
    (busy, there), began = cpu.machine(), time.process_time()
    while time.process_time() < began + 0.3:
        pass
    busy_after, there_after = cpu.machine()
    assert 0.25 < busy_after - busy < there_after - there + 0.05
