"""What our processes start lives, although grpc is loaded: its core does nothing at a fork."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from tests.effort import tries
from tests.ops.support.fake_suite import PROJECT

pytestmark = pytest.mark.timeout(120)
_COUNT = tries(30, 100)


# As it comes grpc fails at a third of them; with our way to wait for sockets it would be a few of a hundred.
_AS_IT_COMES = {"GRPC_EXPERIMENTS": ""}


async def ended(*command: str, **environ: str) -> int:
    """How Python ends with a command, grpc's variables being as given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=PROJECT,
        env={**inherited, **environ},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def failing(**environ: str) -> int:
    """The number of failures of programs that a process starts while it serves calls."""
    failed = await ended("-m", "tests.servicekit.forking", str(_COUNT), **_AS_IT_COMES, **environ)
    assert 0 <= failed <= _COUNT
    return failed


async def test_programs_are_started_while_calls_are_served() -> None:
    assert await failing() == 0


@pytest.mark.slow
async def test_what_grpc_does_at_a_fork_would_be_found() -> None:
    assert await failing(GRPC_ENABLE_FORK_SUPPORT="1") > 0


@pytest.mark.parametrize("package", ["ops", "servicekit"])
async def test_grpc_is_told_before_it_is_loaded(package: str) -> None:
    """A command of `seda` starts PostgreSQL as another user; how it forks has to be known by then."""
    look = f"import {package}, os, sys; assert 'grpc' not in sys.modules and 'GRPC_EXPERIMENTS' in os.environ"
    assert await ended("-c", look) == 0
