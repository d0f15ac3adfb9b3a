"""Rounds whose calls are counted by what they cause on streams."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator

import pytest
import uvloop

from bench import runner
from bench.http2 import LoadStats, PreparedCall, message
from bench.overhead import server
from bench.processes import Server
from bench.runner import Contender, Plan, Scenario, WrongReplyError
from bench.watchers import stamped_text
from seda.chat.v1.message_service_pb2 import SendMessageRequest

_SEND = "/seda.chat.v1.MessageService/SendMessage"
_STREAMS, _PACE = 20, 50.0


def sends() -> Iterator[PreparedCall]:
    room_id = str(uuid.uuid4())
    for _ in itertools.count():
        request = SendMessageRequest(room_id=room_id, text=stamped_text(40))
        yield PreparedCall(message(request.SerializeToString()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fan_out", "fan_out_joined"])
def test_deliveries_are_counted_on_all_streams(kind: str) -> None:
    with server(kind) as (pid, address):
        streams = [PreparedCall(message(b""))] * _STREAMS
        contender = Contender(
            kind,
            [Server(kind, pid, address)],
            [],
            _SEND,
            [next(sends())],
            lambda _: None,
            sends(),
            streams=streams,
            pace=_PACE,
        )
        result = runner.run(
            Scenario("fan-out", "Fan-out", 0, [contender]), os.getpid(), Plan(1, 1.0), lambda _: None
        )
    (measured,) = result.rounds[kind]
    # As fast as the clock, unless the machine is very busy.
    assert 0 < measured.rate <= 1.5 * _STREAMS * _PACE
    assert 0 < measured.median_ms <= measured.p99_ms < 60_000
    # A message of 40 characters, its ids and its frame.
    assert 150 < measured.reply_bytes < 300


def test_delivery_that_comes_twice_ends_the_scenario() -> None:
    contender = Contender("doubling", [], [], _SEND, [], lambda _: None)
    tally = LoadStats(seconds=[0.1, 0.1, 0.1])

    async def leave() -> None:
        await runner._require_deliveries(contender, tally, 2)

    with pytest.raises(WrongReplyError, match="3 of 2 deliveries"):
        uvloop.run(leave())
