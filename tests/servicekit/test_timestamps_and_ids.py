"""Instants and spans on the wire, the clock, and new ids."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.room_pb2 import Room
from servicekit.clock import Micros, SystemClock
from servicekit.ids import new_id, parse_id
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
    seconds_to_proto(room.slow_mode_interval, 0)
    assert room.HasField("slow_mode_interval")


def test_spans_survive_the_wire() -> None:
    message = Duration()
    seconds_to_proto(message, 1.25)
    assert message.ToMilliseconds() == 1250


def test_ids_are_new_and_of_version_7() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(isinstance(each, UUID) for each in made)
    assert {each.version for each in made} == {7}


@pytest.mark.parametrize(
    "spelled", [str, lambda each: str(each).upper(), lambda each: each.hex], ids=["usual", "upper", "hex"]
)
def test_parsed_ids_are_the_ids_of_the_standard_library(spelled: Callable[[UUID], str]) -> None:
    for _ in range(100):
        known = uuid4()
        parsed = parse_id(spelled(known))
        assert parsed == known
        assert {known: 1}[parsed] == 1
        assert (str(parsed), parsed.int, sorted([parsed, known])) == (str(known), known.int, [known, known])


@pytest.mark.parametrize("text", ["", "x" * 36, str(UUID(int=1))[:-1], f"{UUID(int=1)}0"])
def test_what_is_no_id_is_not_parsed(text: str) -> None:
    with pytest.raises(ValueError, match="invalid UUID"):
        parse_id(text)


def test_clock_runs_on() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    # Later than this line was written.
    assert clock.now() > 1_700_000_000_000_000
