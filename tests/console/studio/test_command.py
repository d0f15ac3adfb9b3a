"""`seda studio` serves the tables of DATABASE_URL, those of production only when it is told to."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.console.serving import ConsoleServer
from tests.postgres import Database

_SEDA = Path(sys.executable).with_name("seda")


async def started(folder: Path, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
    given = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_URL"))
    }
    return await asyncio.create_subprocess_exec(
        *(str(_SEDA), "studio", *arguments),
        env={**given, "SEDA_HOME": str(folder), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.slow
async def test_studio_serves_the_tables_of_a_database(tmp_path: Path, database: Database) -> None:
    process = await started(
        tmp_path, "--allow-production", DATABASE_URL=database.admin_dsn, SEDA_ENV="production"
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#k=([\w-]+)/tables\n", line)
        assert found, line
        server = ConsoleServer(int(found[1]))
        reply = None
        async with asyncio.timeout(20):
            while reply is None:
                try:
                    headers = server.headers(x_seda_key=found[2])
                    reply = await server.raw("POST", "/api/studio/slices", headers, b"{}")
                except ConnectionError:
                    await asyncio.sleep(0.05)  # it has just been started
        assert [each["problem"] for each in reply.lines[0]["slices"]] == ["", "", ""]
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, b"No database is named"),
        ({"DATABASE_URL": "postgresql://127.0.0.1/x", "SEDA_ENV": "production"}, b"--allow-production"),
    ],
    ids=["no database", "production"],
)
async def test_studio_says_why_it_does_not_start(
    tmp_path: Path, environ: dict[str, str], told: bytes
) -> None:
    process = await started(tmp_path, **environ)
    _, text = await process.communicate()
    assert process.returncode in {1, 4}
    assert told in text
