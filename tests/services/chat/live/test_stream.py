"""The queue of a stream: what may be dropped, and what a position may say."""

from __future__ import annotations

from uuid import uuid4

from seda.chat.v1 import live_service_pb2 as pb
from services.chat.live.stream import MAX_QUEUED_BYTES, Stream

ROOM = uuid4()


def _stream() -> Stream:
    return Stream(uuid4(), all_my_rooms=False, include_typing=False)


def test_a_page_of_the_past_is_queued_beside_what_the_hub_queued_meanwhile() -> None:
    stream = _stream()
    assert stream.push([b"live"], 4)
    stream.add(b"x" * MAX_QUEUED_BYTES, b"last")
    taken = [stream.take() for _ in range(3)]
    assert taken == [b"live", b"x" * MAX_QUEUED_BYTES, b"last"]


def test_a_full_queue_takes_no_more_and_a_single_large_change_fits() -> None:
    stream = _stream()
    assert stream.push([b"x" * 2 * MAX_QUEUED_BYTES], 2 * MAX_QUEUED_BYTES)
    assert not stream.push([b"y"], 1)
    assert stream.take()
    assert stream.push([b"y"], 1)
    assert stream.take() == b"y"


def test_a_closing_stream_takes_no_position_after_a_change_that_it_dropped() -> None:
    stream = _stream()
    stream.close(pb.CLOSING_REASON_SHUTDOWN)
    assert stream.push([b"a change"], 8)
    stream.passed(ROOM, 12)
    assert stream.take() == b""
    assert stream.take_checkpoint() == []


def test_a_stream_that_drops_its_queue_drops_the_positions_after_it() -> None:
    stream = _stream()
    stream.push([b"a change"], 8)
    stream.shown(ROOM)
    stream.passed(ROOM, 12)
    stream.close(pb.CLOSING_REASON_SLOW_CONSUMER, drop=True)
    assert stream.take_checkpoint() == []


def test_a_stream_that_ends_in_order_tells_where_it_ended() -> None:
    stream = _stream()
    stream.push([b"a change"], 8)
    stream.passed(ROOM, 12)
    stream.close(pb.CLOSING_REASON_MAX_AGE)
    assert stream.take() == b"a change"
    assert stream.take_checkpoint() == [(ROOM, 12)]
