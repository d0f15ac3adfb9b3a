"""Instants and spans on the wire, the clock, and new ids."""

from __future__ import annotations

from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.room_pb2 import Room
from servicekit.clock import Micros, SystemClock
from servicekit.ids import new_id
from servicekit.timestamps import from_proto, seconds_to_proto, to_proto


@pytest.mark.parametrize("micros", [0, 1, -1, 999_999, 1_000_000, -1_000_001, 1_795_356_611_123_456])
def test_instants_survive_the_wire(micros: int) -> None:
    message = Timestamp()
    to_proto(message, Micros(micros))
    assert message.ToMicroseconds() == micros
    assert 0 <= message.nanos < 1_000_000_000
    assert from_proto(message) == micros


def test_instant_of_zero_is_present() -> None:
    room = Room()
    to_proto(room.create_time, Micros(0))
    assert room.HasField("create_time")
    seconds_to_proto(room.slow_mode, 0)
    assert room.HasField("slow_mode")


def test_spans_survive_the_wire() -> None:
    message = Duration()
    seconds_to_proto(message, 1.25)
    assert message.ToMilliseconds() == 1250


def test_ids_are_new_and_of_version_7() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {type(each) for each in made} == {UUID}
    assert {each.version for each in made} == {7}


def test_clock_runs_on() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    # Later than this line was written.
    assert clock.now() > 1_700_000_000_000_000
