"""Watching that goes on: over ends of streams, breaks and silence, without a gap and without a double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest

from seda.chat.v1.live_service_pb2 import (
    ROOM_OUTCOME_FRESH,
    ROOM_OUTCOME_RESET,
    ROOM_OUTCOME_RESUMED,
    Change,
    Closing,
    Frame,
    Hello,
    RoomLost,
    RoomState,
    WatchRequest,
    WatchResponse,
)
from sedaclient import AsyncSeda, Entered, PermissionDenied, Positions, Reset, Seda
from tests.gateway.fake_server import Context, FakeServer
from tests.sedaclient.scripts import WATCH

BREAK, SILENCE = "break", "silence"
Step = Frame | str


def hello(epoch: str = "e1", heartbeat_ms: int = 60_000) -> Frame:
    frame = Frame(hello=Hello(epoch=epoch))
    frame.hello.heartbeat_interval.FromMilliseconds(heartbeat_ms)
    return frame


def state(outcome: Any, rev: int) -> Frame:
    return Frame(room_state=RoomState(room_id="r", outcome=outcome, rev=rev))


def change(rev: int) -> Frame:
    return Frame(change=Change(room_id="r", rev=rev))


def script_streams(server: FakeServer, *streams: Sequence[Step]) -> None:
    """Serve each stream in turn; the last one stays open."""
    waiting = list(streams)

    async def watch(_data: bytes, context: Context) -> AsyncIterator[bytes]:
        steps, last = waiting.pop(0), not waiting
        for step in steps:
            if step == BREAK:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            elif step == SILENCE:
                await asyncio.Event().wait()
            else:
                assert isinstance(step, Frame)
                yield WatchResponse(frames=[step]).SerializeToString()
        if last:
            await asyncio.Event().wait()

    server.handlers[WATCH] = watch


FRESH = (hello(), state(ROOM_OUTCOME_FRESH, 3))
STREAMS: tuple[Sequence[Step], ...] = (
    (*FRESH, change(4), Frame(closing=Closing())),
    # It has been seen before.
    (hello(), state(ROOM_OUTCOME_RESUMED, 4), change(4), change(5), BREAK),
    (hello(heartbeat_ms=50), state(ROOM_OUTCOME_RESUMED, 5), change(6), SILENCE),
    (hello("e2"), state(ROOM_OUTCOME_RESET, 1), change(2)),
)


def after_revs(server: FakeServer) -> list[tuple[str, int | None]]:
    requests = [WatchRequest.FromString(call.data) for call in server.calls]
    return [(each.epoch, each.rooms[0].after_rev or None) for each in requests]


async def test_a_watch_resumes_after_drain_break_and_silence(server: FakeServer, seda: AsyncSeda) -> None:
    script_streams(server, *STREAMS)
    seen: list[object] = []
    async with asyncio.timeout(30), seda.watch(["r"]) as live:
        async for event in live:
            seen.append(event.rev if isinstance(event, Change) else event)
            if len(seen) == 6:
                break
        assert live.positions == Positions("e2", {"r": 2})
    assert seen == [Entered("r", 3), 4, 5, 6, Reset("r", 1), 2]
    assert after_revs(server) == [("", None), ("e1", 4), ("e1", 5), ("e1", 6)]


async def test_a_program_without_an_event_loop_sees_the_same(server: FakeServer) -> None:
    script_streams(server, *STREAMS)

    def watch() -> list[object]:
        seen: list[object] = []
        with Seda(server.target) as seda, seda.watch(["r"]) as live:
            for event in live:
                seen.append(event.rev if isinstance(event, Change) else event)
                if len(seen) == 6:
                    return seen
        return seen

    assert await asyncio.wait_for(asyncio.to_thread(watch), 30) == [
        Entered("r", 3),
        4,
        5,
        6,
        Reset("r", 1),
        2,
    ]


async def test_a_watch_begins_at_stored_positions_and_forgets_lost_rooms(
    server: FakeServer, seda: AsyncSeda
) -> None:
    lost = Frame(room_lost=RoomLost(room_id="r"))
    script_streams(server, (hello(), state(ROOM_OUTCOME_RESUMED, 7), change(8), lost))
    stored = Positions.from_json(Positions("e1", {"r": 7, "left": 1}).to_json())
    async with asyncio.timeout(30), seda.watch(["r"], positions=stored) as live:
        events = aiter(live)
        first, second = await anext(events), await anext(events)
        assert isinstance(first, Change)
        assert isinstance(second, RoomLost)
        assert live.positions.revs == {}
    assert after_revs(server) == [("e1", 7)]
    with pytest.raises(ValueError, match="positions"):
        Positions.from_json("{}")


async def test_an_error_that_a_repeat_would_not_mend_is_raised(server: FakeServer, seda: AsyncSeda) -> None:
    async def refuse(_data: bytes, context: Context) -> AsyncIterator[bytes]:
        for code in (grpc.StatusCode.PERMISSION_DENIED,):
            await context.abort(code, "no")
        yield b""

    server.handlers[WATCH] = refuse
    async with seda.watch(["r"]) as live:
        with pytest.raises(PermissionDenied):
            await anext(aiter(live))
