"""The studio on a database of full size: 900,000 messages."""

from __future__ import annotations

import io
import time

import pytest

from ops.console import Console
from ops.row_progress import RowProgress
from ops.seed import load
from tests.console.serving import console_server
from tests.console.studio.conftest import StudioClient, settings
from tests.effort import LONG
from tests.postgres import Database, administrator

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(1_200)]
FIRST_PAGE_SECONDS = 0.2
LONGEST_SECONDS = 5.5
_ROUNDS = 5


@pytest.mark.skipif(not LONG, reason="SEDA_TEST_LONG=1: the seed alone takes minutes")
async def test_first_pages_come_at_once_and_nothing_lasts_longer_than_its_limit(
    fresh_database: Database,
) -> None:
    await load.load(fresh_database.admin_dsn, 1, RowProgress(Console(io.StringIO(), io.StringIO()), 0))
    async with administrator(fresh_database.server, fresh_database.name) as admin:
        before = await admin.fetchval(
            "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'messages'"
        )
        async with console_server(settings(fresh_database)) as server:
            studio = StudioClient(server)
            found = (await studio.ask("slices"))["slices"]
            tables = [f"{each['name']}.{table['name']}" for each in found for table in each["tables"]]
            seconds = {table: min([await timed(studio, table) for _ in range(_ROUNDS)]) for table in tables}
            assert {name: each for name, each in seconds.items() if each > FIRST_PAGE_SECONDS} == {}
            # Nothing was counted one by one.
            after = "SELECT sum(seq_tup_read) - $1 FROM pg_stat_user_tables WHERE relname = 'messages'"
            assert await admin.fetchval(after, before) == 0
            began = time.monotonic()
            filters = [{"column": "text", "operator": "contains", "value": "no such text anywhere"}]
            reply = await studio.reply("page", "chat.messages", filters=filters, anyway=True)
            assert reply.status in {200, 504}
            assert time.monotonic() - began < LONGEST_SECONDS


async def timed(studio: StudioClient, table: str) -> float:
    began = time.monotonic()
    await studio.ask("page", table)
    return time.monotonic() - began
