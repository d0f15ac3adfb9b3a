"""The server that the tests share: one for all workers, and gone with the run, however the run ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.postgres import Server

PROJECT = Path(__file__).parents[2]
# Each test writes down where its server is, and stays until it is killed when it is told to.
PROGRAM = """
import os, pathlib, time
import pytest

@pytest.mark.parametrize("number", range(4))
def test_shared(number, postgres_server):
    folder = os.environ["SEDA_TEST_RUN_FOLDER"]
    pathlib.Path(__file__).with_name(f"seen-{number}").write_text(f"{postgres_server.port} {os.getpid()} {folder}")
    if os.environ.get("STAY"):
        time.sleep(60)  # until the test that started this one kills it
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "test_program.py"
    path.write_text(PROGRAM)
    return path


async def start(program: Path, workers: int, **environ: str) -> asyncio.subprocess.Process:
    # A run of its own: neither this run's server nor its being a worker may be inherited.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SEDA_TEST_RUN"))
    }
    # Without the plugins that only take time to load: a run of three processes would load them three times.
    plugins = ("xdist.plugin", "tests.conftest", "no:cacheprovider")
    with said(program).open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-n", str(workers)),
            *(word for plugin in plugins for word in ("-p", plugin)),
            *("--rootdir", str(program.parent), "-c", os.devnull, str(program)),
            cwd=PROJECT,
            env=inherited | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environ,
            # No pipe: a worker that outlives its controller for some seconds would hold the other end.
            stdout=output,
            stderr=output,
        )


def said(program: Path) -> Path:
    """The file with the output of the run."""
    return program.with_name("output")


async def seen(program: Path, count: int) -> list[tuple[int, int, Path]]:
    """Wait until so many tests wrote down their server; return port, worker's pid and folder of each."""
    files: list[Path] = []
    for _ in range(800):
        files = [each for each in program.parent.glob("seen-*") if each.read_text().count(" ") == 2]
        if len(files) >= count:
            break
        await asyncio.sleep(0.05)  # until the other run gets there
    lines = [each.read_text().split(" ") for each in files]
    return [(int(port), int(pid), Path(folder)) for port, pid, folder in lines]


async def ended(server: tuple[int, int, Path]) -> bool:
    """Tell whether the server has stopped and its folder has gone, within 10 s."""
    port, _, folder = server
    for _ in range(100):
        if not folder.exists():
            break
        await asyncio.sleep(0.1)  # until the reaper has stopped the server
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return not folder.exists()
    writer.close()
    return False


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_run_without_workers_leaves_nothing(program: Path, postgres_server: Server) -> None:
    run = await start(program, workers=0)
    await run.wait()
    servers = await seen(program, 4)

    assert run.returncode == 0, said(program).read_text()
    assert len(set(servers)) == 1
    assert servers[0][0] != postgres_server.port
    assert await ended(servers[0])


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_workers_share_a_server_that_goes_with_the_controller(program: Path) -> None:
    run = await start(program, workers=2, STAY="1")
    servers = await seen(program, 2)
    assert len({(port, folder) for port, _, folder in servers}) == 1
    assert len({pid for _, pid, _ in servers}) == 2
    # A worker that dies takes nothing from the others.
    os.kill(servers[0][1], signal.SIGKILL)
    _, writer = await asyncio.open_connection("127.0.0.1", servers[0][0])
    writer.close()
    run.kill()
    await run.wait()

    assert await ended(servers[0])
    with suppress(ProcessLookupError):
        # It leaves by itself, but only some seconds after its controller.
        os.kill(servers[1][1], signal.SIGKILL)
