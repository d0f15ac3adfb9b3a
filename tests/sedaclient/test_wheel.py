"""The client's wheel alone, in an empty environment, against the real services; and what type checkers say of its example."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from sedaclient import AsyncSeda, ServiceToken
from tests.gateway.gateway_suite import gateway_suite
from tests.postgres import Database, administrator
from tests.services.running import SERVICE_SECRET, add_user

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "recommender.py"
DELEGATE = "recommender"


async def run(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=ROOT,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


async def test_the_example_runs_where_the_wheel_alone_is_installed(
    tmp_path: Path, database: Database
) -> None:
    await run(sys.executable, "-m", "tools.build_client", tmp_path)
    (wheel,) = tmp_path.glob("seda_client-*.whl")
    own, uv = tmp_path / "env", (sys.executable, "-m", "uv")
    await run(*uv, "venv", "-q", "--python", sys.executable, own)
    python = own / "bin" / "python"
    pinned = ("--constraints", ROOT / "requirements-runtime.lock")
    await run(*uv, "pip", "install", "-q", "--python", python, *pinned, wheel)
    # Nothing of the servers came along.
    installed = await run(*uv, "pip", "list", "-q", "--python", python)
    assert "asyncpg" not in installed
    outside = {"PATH": os.environ["PATH"], "SEDA_SERVICE_SECRET": SERVICE_SECRET}
    await run(
        python, "-I", "-c", "import sedaclient, sys; assert 'servicekit' not in sys.modules", environ=outside
    )
    async with (
        administrator(database.server, database.name) as admin,
        gateway_suite(database, delegates=DELEGATE) as suite,
    ):
        user_id = await add_user(admin, "client@a.example")
        address = suite.gateway.address
        async with AsyncSeda(address, auth=ServiceToken(DELEGATE, SERVICE_SECRET.encode())) as seda:
            made = await seda.acting_for(user_id).rooms.CreateRoom(CreateRoomRequest(room=Room(name="Mixes")))
        # -I: neither this folder nor the environment adds to what it imports.
        said = await run(python, "-I", EXAMPLE, address, user_id, made.room.id, environ=outside)
    assert "room Mixes" in said
    assert "sent New mix is up" in said


@pytest.mark.parametrize("checker", [("mypy", "--strict"), ("pyright",)], ids=["mypy", "pyright"])
async def test_the_example_is_typed(checker: tuple[str, ...], tmp_path: Path) -> None:
    command = (sys.executable, "-m", *checker)
    await run(*command, EXAMPLE)
    # A wrong method and a wrong field of a list are found.
    for right, wrong in (("SendMessage(\n", "SendMessages(\n"), ("room.room.name", "room.room.nam")):
        text = EXAMPLE.read_text().replace("SendMessage(", "SendMessage(\n").replace(right, wrong, 1)
        broken = tmp_path / "broken.py"
        broken.write_text(text)
        with pytest.raises(AssertionError):
            await run(*command, broken)
