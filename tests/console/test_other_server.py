"""A server that somebody else wrote, in Go: all that is known of it is its reflection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.settings import ConsoleSettings
from ops.probe import is_listening
from tests.console.serving import KEY, console_server
from tests.ops.support.fake_suite import free_base

pytestmark = pytest.mark.slow
_PROGRAM = "github.com/fullstorydev/grpcurl/internal/testing/cmd/bankdemo@v1.9.4"


def _program() -> str | None:
    paths = [os.environ.get("PATH", ""), str(Path("~/go/bin").expanduser())]
    return shutil.which("bankdemo", path=os.pathsep.join(paths))


@contextlib.asynccontextmanager
async def bank(folder: Path) -> AsyncIterator[str]:
    """Serve grpcurl's demonstration of a bank."""
    program = _program()
    if program is None:
        pytest.skip(f"go install {_PROGRAM}")
    with free_base() as port:
        running = await asyncio.create_subprocess_exec(
            program,
            "-port",
            str(port),
            "-datafile",
            str(folder / "accounts.json"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(30):
                while not await is_listening(f"127.0.0.1:{port}"):
                    await asyncio.sleep(0.05)  # another process cannot notify this one
            yield f"127.0.0.1:{port}"
        finally:
            running.terminate()
            await running.wait()


async def test_a_server_in_go_is_explored_and_called(tmp_path: Path) -> None:
    async with (
        bank(tmp_path) as address,
        console_server(ConsoleSettings(port=0, key=KEY, targets={"bank": address})) as server,
    ):
        (catalog,) = (await server.get("/api/catalog?target=bank")).lines
        services = {
            each["name"]: [method["name"] for method in each["methods"]] for each in catalog["services"]
        }
        assert {"Bank", "Support"} == set(services)
        assert catalog["differing"] == []
        (described,) = (await server.get("/api/method?target=bank&path=Bank/OpenAccount")).lines
        fields = described["messages"]["OpenAccountRequest"]["fields"]
        assert [each["proto"] for each in fields] == ["initial_deposit_cents", "type"]
        request = {"target": "bank", "metadata": [["authorization", "token somebody"]], "deadline": 10}
        opened = await server.post(
            "/api/call",
            {
                **request,
                "method": "Bank/OpenAccount",
                "request": json.dumps({"initialDepositCents": 10_000, "type": "CHECKING"}),
            },
        )
        assert opened.lines[-1]["name"] == "OK", opened.lines
        assert opened.lines[1]["value"]["balanceCents"] == 10_000
