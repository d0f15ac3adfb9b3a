"""The track lister: in the background, in batches, again after a failure, and never more than its queue holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from servicekit.errors import ServiceUnavailableError
from services.chat.workers import track_lister
from services.chat.workers.track_lister import TrackLister


@dataclass
class FakeCatalog:
    """Remembers the calls; fails while `down`, waits while `gate` is cleared."""

    calls: list[list[UUID]] = field(default_factory=list)
    listed: list[UUID] = field(default_factory=list)
    down: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def mark_listed(self, track_ids: list[UUID]) -> None:
        """Implements services.chat.workers.track_lister.TrackCatalog."""
        self.calls.append(track_ids)
        self.called.set()
        await self.gate.wait()
        if self.down:
            raise ServiceUnavailableError("tracks")
        self.listed += track_ids

    async def until_called(self, count: int) -> None:
        """Wait until so many calls were made."""
        async with asyncio.timeout(10):
            while len(self.calls) < count:
                self.called.clear()
                await self.called.wait()


@pytest.fixture
def catalog() -> FakeCatalog:
    made = FakeCatalog()
    made.gate.set()
    return made


@pytest.fixture
async def lister(catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TrackLister]:
    monkeypatch.setattr(track_lister, "_FIRST_PAUSE", 0.001)
    made = TrackLister(catalog)
    await made.start()
    yield made
    await made.stop()


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


async def test_tracks_are_sent_once_in_batches(catalog: FakeCatalog, lister: TrackLister) -> None:
    catalog.gate.clear()
    for each in ids(0, 0):
        lister.add(each)
    await catalog.until_called(1)
    for each in ids(*range(150), *range(150)):
        lister.add(each)
    catalog.gate.set()
    await catalog.until_called(3)
    assert [len(each) for each in catalog.calls] == [1, 100, 49]
    assert sorted(catalog.listed) == ids(*range(150))


async def test_a_listed_track_is_not_sent_again(catalog: FakeCatalog, lister: TrackLister) -> None:
    for number in (1, 1, 2):
        lister.add(UUID(int=number))
        await catalog.until_called(number)
        # The second 1 comes when the first one is listed.
        while lister._queued:
            await asyncio.sleep(0)
    assert catalog.calls == [ids(1), ids(2)]


async def test_tracks_are_sent_again_until_they_are_listed(catalog: FakeCatalog, lister: TrackLister) -> None:
    catalog.down = True
    lister.add(UUID(int=1))
    await catalog.until_called(3)
    catalog.down = False
    lister.add(UUID(int=2))
    async with asyncio.timeout(10):
        while lister._queued:
            # Polled: the queue has no event for its end.
            await asyncio.sleep(0.001)
    assert sorted(catalog.listed) == ids(1, 2)


async def test_the_queue_is_bounded(
    catalog: FakeCatalog, lister: TrackLister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_lister, "MAX_QUEUED", 3)
    catalog.gate.clear()
    for each in ids(1, 2, 3, 4):
        lister.add(each)
    catalog.gate.set()
    async with asyncio.timeout(10):
        while lister._queued:
            await asyncio.sleep(0)
    assert catalog.listed == ids(1, 2, 3)
    lister.add(UUID(int=4))
    await catalog.until_called(2)


async def test_stopping_sends_what_is_queued(catalog: FakeCatalog) -> None:
    made = TrackLister(catalog)
    await made.start()
    for each in ids(*range(150)):
        made.add(each)
    await made.stop()
    assert sorted(catalog.listed) == ids(*range(150))


async def test_stopping_does_not_wait_for_a_service_that_hangs(
    catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_lister, "_STOP_SECONDS", 0.01)
    catalog.gate.clear()
    made = TrackLister(catalog)
    await made.start()
    made.add(UUID(int=1))
    await catalog.until_called(1)
    async with asyncio.timeout(10):
        await made.stop()
    assert catalog.listed == []
