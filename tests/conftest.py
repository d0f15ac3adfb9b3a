"""Fixtures that any test may use: the run's PostgreSQL server and databases cloned from its template."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.matrix import is_ignored, is_selected
from tests.postgres import (
    Database,
    Server,
    ServerOnDemand,
    cloned_database,
    empty_database,
    wait_for_server,
)

_owner = pytest.StashKey[ServerOnDemand]()


def pytest_configure(config: pytest.Config) -> None:
    """Offer a server in the process that owns the run; xdist's workers find it through the environment."""
    # A shell starts background jobs with SIGINT ignored, and tests send it to the processes that they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A traceback drawn with all its values takes seconds, in which no call of the same process goes on.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput"):
        config.stash[_owner] = ServerOnDemand()


def pytest_xdist_auto_num_workers() -> int:
    """One more worker than cores: tests also wait, for processes to start and for time limits."""
    return (os.cpu_count() or 1) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove everything it wrote."""
    if _owner in config.stash:
        config.stash[_owner].close()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where the run's server will write."""
    return f"postgres: {config.stash[_owner].folder}" if _owner in config.stash else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't even import what the pass that was asked for does not run."""
    if is_ignored(collection_path):
        return True
    only_serial = config.getoption("markexpr").startswith("serial")
    is_test = collection_path.suffix == ".py" and collection_path.name.startswith("test_")
    return True if only_serial and is_test and "serial" not in collection_path.read_text() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the pass that was asked for does not repeat; several workers begin with what may take longest."""
    others = [each for each in items if not is_selected(each)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [each for each in items if is_selected(each)]
    if hasattr(config, "workerinput"):
        # A long file that is begun last would be the end of the run with all other workers idle.
        longest: dict[Path, float] = {}
        for each in items:
            marker = each.get_closest_marker("timeout")
            seconds = float(marker.args[0]) if marker is not None else 0.0
            longest[each.path] = max(longest.get(each.path, 0.0), seconds)
        items.sort(key=lambda each: -longest[each.path])


@pytest.fixture(scope="session")
def postgres_server() -> Server:
    """The server of this run, shared by all workers; roles in it are shared as well, so leave them as they are."""
    return wait_for_server()


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> AsyncIterator[Database]:
    """A migrated database for the tests of one module."""
    async with cloned_database(postgres_server) as made:
        yield made


@pytest.fixture
async def fresh_database(postgres_server: Server) -> AsyncIterator[Database]:
    """A migrated database for one test."""
    async with cloned_database(postgres_server) as made:
        yield made


@pytest.fixture
async def blank_database(postgres_server: Server) -> AsyncIterator[Database]:
    """An empty database for one test, without roles' grants, schemas and tables of ours."""
    async with empty_database(postgres_server) as made:
        yield made
