"""The probe of the database outlives whatever it runs into."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from servicekit import readiness
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry
from servicekit.readiness import DatabaseProbe
from services.users.config import Settings


def probe_of(health: HealthRegistry) -> DatabaseProbe:
    secret = "a secret for tests only, 32 bytes long"
    values = {"jwt_secret": secret, "service_secret": secret, "SEDA_USERS_DATABASE_URL": "postgresql://no"}
    return DatabaseProbe(Settings.model_validate(values), health, "1")


async def state_becomes(health: HealthRegistry, state: int) -> None:
    changed = health.watch()
    async with asyncio.timeout(10):
        while health.states[""] != state:
            await changed.wait()
            changed.clear()


async def test_a_fault_that_nobody_foresaw_is_a_miss_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "INTERVAL", 0.01)
    health = HealthRegistry()
    health.register([])
    probe = probe_of(health)
    violations: list[Exception] = []

    async def check() -> str:
        if violations:
            raise violations[0]
        return ""

    monkeypatch.setattr(probe, "_check", check)
    with capture_logs() as logs:
        await probe.start()
        await state_becomes(health, SERVING)
        violations.append(TypeError("Expected list, got dict"))
        await state_becomes(health, NOT_SERVING)
        violations.clear()
        await state_becomes(health, SERVING)
        await probe.stop()
    told = [line["reason"] for line in logs if line["event"] == "db_probe_failed"]
    assert told == ["database unreachable (TypeError)"]


async def test_one_miss_is_no_reason_to_turn_calls_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "INTERVAL", 0.01)
    health = HealthRegistry()
    health.register([])
    probe = probe_of(health)
    looks = 0
    enough = asyncio.Event()

    async def check() -> str:
        nonlocal looks
        looks += 1
        if looks >= 7:
            enough.set()
        if looks in {2, 4, 6}:
            raise TimeoutError
        return ""

    monkeypatch.setattr(probe, "_check", check)
    with capture_logs() as logs:
        await probe.start()
        await asyncio.wait_for(enough.wait(), 10)
        await probe.stop()
    assert [line["event"] for line in logs if line["event"].endswith("ready")] == ["ready"]
