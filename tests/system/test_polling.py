"""How grpc's core waits for its sockets in our processes: docs/decisions/0016-grpc-polling.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ops.topology import SUITE, USERS
from tests.postgres import Database
from tests.system.support.processes import real_suite

pytestmark = pytest.mark.timeout(200)
_TRACED = {"GRPC_TRACE": "event_engine_endpoint"}
_TRACING = "gRPC Tracers: event_engine_endpoint"
# Each line about a socket of the EventEngine's names the core's file.
_READ_BY_AN_EVENT_ENGINE = "posix_endpoint"


@pytest.mark.slow
async def test_no_process_has_an_event_engine_read_its_sockets(
    tmp_path: Path, fresh_database: Database
) -> None:
    with real_suite(tmp_path, fresh_database.environ) as suite:
        processes = [suite.add(each, **_TRACED) for each in SUITE]
        await asyncio.gather(*(each.serving() for each in processes))
        for each in processes:
            log = each.log.read_text()
            assert _TRACING in log
            assert _READ_BY_AN_EVENT_ENGINE not in log, f"{each.process.name} imports grpc before servicekit"


@pytest.mark.slow
async def test_what_the_environment_says_holds(tmp_path: Path, fresh_database: Database) -> None:
    """Also the control: the trace is there to be found."""
    with real_suite(tmp_path, fresh_database.environ) as suite:
        users = await suite.add(USERS, GRPC_EXPERIMENTS="", **_TRACED).serving()
        assert _READ_BY_AN_EVENT_ENGINE in users.log.read_text()
