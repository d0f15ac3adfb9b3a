"""Send messages into rooms as fast as a number of callers can, and say how fast that was.

Every send has a request_id and takes the whole way: token, validation, rules, room lock, commit. Callers don't wait
between their sends, so the throughput is that of `--callers` calls in flight, and latencies include their queueing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from uuid_utils.compat import uuid7

from seda.chat.v1 import (
    message_service_pb2,
    message_service_pb2_grpc,
    room_service_pb2,
    room_service_pb2_grpc,
)

_CALL_SECONDS = 30.0
_PERCENTILES = (50, 95, 99)

Metadata = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class LoadStats:
    """What the callers saw: seconds of each acknowledged send, and how often each error came."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Run the load and print one line per figure. Returns 0 when every send was acknowledged, else 1."""
    arguments = _arguments()
    token = os.environ.get("SEDA_TOKEN", "")
    if not token:
        print(
            "Set SEDA_TOKEN first: export SEDA_TOKEN=$(seda token --email ada@demo.seda.fm)", file=sys.stderr
        )
        return 2
    try:
        tally, elapsed = asyncio.run(_run(arguments, (("authorization", f"Bearer {token}"),)))
    except grpc.aio.AioRpcError as error:
        print(
            f"No room could be made at {arguments.target}: {_named(error)}: {error.details()}",
            file=sys.stderr,
        )
        return 1
    _report(tally, elapsed)
    return 1 if tally.errors or not tally.seconds else 0


async def _run(arguments: argparse.Namespace, metadata: Metadata) -> tuple[LoadStats, float]:
    tally = LoadStats()
    # Several connections: one alone is bounded by its own HTTP/2 flow control and event loop turn.
    channels = [_channel(arguments.target) for _ in range(arguments.channels)]
    try:
        rooms = await _rooms(channels[0], arguments.rooms, metadata)
        end = time.monotonic() + arguments.seconds
        began = time.monotonic()
        async with asyncio.TaskGroup() as callers:
            for number in range(arguments.callers):
                stub = message_service_pb2_grpc.MessageServiceStub(channels[number % len(channels)])
                callers.create_task(_caller(stub, rooms[number % len(rooms)], metadata, end, tally))
        return tally, time.monotonic() - began
    finally:
        for channel in channels:
            await channel.close()


async def _rooms(channel: grpc.aio.Channel, count: int, metadata: Metadata) -> list[str]:
    stub = room_service_pb2_grpc.RoomServiceStub(channel)
    made = []
    for number in range(count):
        request = room_service_pb2.CreateRoomRequest(name=f"Load {number + 1}", request_id=str(uuid7()))
        reply = await stub.CreateRoom(request, metadata=metadata, timeout=_CALL_SECONDS)
        made.append(reply.room.id)
    return made


async def _caller(
    stub: message_service_pb2_grpc.MessageServiceStub,
    room_id: str,
    metadata: Metadata,
    end: float,
    tally: LoadStats,
) -> None:
    while time.monotonic() < end:
        request = message_service_pb2.SendMessageRequest(
            room_id=room_id, text="a line of a conversation of the usual length", request_id=str(uuid7())
        )
        began = time.perf_counter()
        try:
            await stub.SendMessage(request, metadata=metadata, timeout=_CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            tally.errors[_named(error)] += 1
        else:
            tally.seconds.append(time.perf_counter() - began)


def _channel(target: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])


def _named(error: grpc.aio.AioRpcError) -> str:
    """Return the code, and the reason where the server gave one."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads only what AioRpcError has too
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else ():
        detail.Unpack(info)
    return f"{error.code().name} {info.reason}".strip()


def _report(tally: LoadStats, elapsed: float) -> None:
    sent = len(tally.seconds)
    print(f"acknowledged  {sent} in {elapsed:.1f} s, {sent / elapsed:.0f}/s")
    if sent > 1:
        cuts = statistics.quantiles(tally.seconds, n=100, method="inclusive")
        print(
            "latency       " + "  ".join(f"p{each} {cuts[each - 1] * 1000:.1f} ms" for each in _PERCENTILES)
        )
    for name, count in tally.errors.most_common():
        print(f"refused       {count} {name}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--target", default="127.0.0.1:7402", help="chat, or the gateway at 7400 (default: %(default)s)"
    )
    parser.add_argument("--callers", type=int, default=64, help="calls in flight (default: %(default)s)")
    parser.add_argument("--rooms", type=int, default=1, help="rooms that they share (default: %(default)s)")
    parser.add_argument("--channels", type=int, default=4, help="connections (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
