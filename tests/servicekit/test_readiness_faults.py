"""The probe of the database outlives whatever it runs into."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from servicekit import readiness
from servicekit.health import NOT_SERVING, SERVING, HealthBoard
from servicekit.readiness import DatabaseProbe
from services.users.config import Settings


async def state_becomes(board: HealthBoard, state: int) -> None:
    changed = board.watch()
    async with asyncio.timeout(10):
        while board.states[""] != state:
            await changed.wait()
            changed.clear()


async def test_a_fault_that_nobody_foresaw_is_a_miss_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "INTERVAL", 0.01)
    board = HealthBoard()
    board.own([])
    secret = "a secret for tests only, 32 bytes long"
    values = {"jwt_secret": secret, "service_secret": secret, "SEDA_USERS_DATABASE_URL": "postgresql://no"}
    settings = Settings.model_validate(values)
    probe = DatabaseProbe(settings, board, "1")
    faults: list[Exception] = []

    async def unfit() -> str:
        if faults:
            raise faults[0]
        return ""

    monkeypatch.setattr(probe, "_unfit", unfit)
    with capture_logs() as logs:
        await probe.start()
        await state_becomes(board, SERVING)
        faults.append(TypeError("Expected list, got dict"))
        await state_becomes(board, NOT_SERVING)
        faults.clear()
        await state_becomes(board, SERVING)
        await probe.stop()
    told = [line["why"] for line in logs if line["event"] == "the database can't be asked"]
    assert told == ["database unreachable (TypeError)"]
