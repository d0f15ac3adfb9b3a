"""One group of measurements: its sides are checked, then measured one after the other in every round.

A round of a side is a load of some seconds over fresh connections. Between its warm-up and its end the replies are
counted, and the CPU that the side's servers, PostgreSQL, the driver and everybody else used meanwhile. Each reply
must have grpc-status 0 and, where it is known, the right length; a few of each round are decoded and compared.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

import uvloop

from bench import cpu
from bench.http2 import Call, Load, Tally
from bench.processes import Server

CONNECTIONS = 4
_WARM_UP_SECONDS = 0.7
_CHECK_SECONDS = 30.0
_KEEP_EVERY = 97
_QUIET_SECONDS, _QUIET_SHARE = 0.4, 0.15


class WrongReplyError(Exception):
    """A side answered with an error or something else than it had to; its rate means nothing."""


@dataclass(slots=True)
class Side:
    """One contestant: its servers, the method, and the calls that are made.

    `samples` are requests with what their replies must say, all of which are checked before the first round.
    `calls` yields those of the rounds; without it the samples are repeated. `read` turns a reply's message into
    what `expected` is compared with. `written` counts the rows that the calls have left in the database; it must
    grow by one for each acknowledged call. `batches` counts the statements that wrote them.
    """

    name: str
    servers: Sequence[Server]
    beside: Sequence[Server]
    path: str
    samples: Sequence[Call]
    read: Callable[[bytes], object]
    calls: Iterator[Call] | None = None
    written: Callable[[], int] | None = None
    batches: Callable[[], float] | None = None

    @property
    def pids(self) -> list[int]:
        """Whose CPU counts as the side's."""
        return [server.pid for server in (*self.servers, *self.beside)]


@dataclass(frozen=True, slots=True)
class Group:
    """Sides that do the same work. `pairs` names sides whose ratio is told beside the table, ours first."""

    name: str
    title: str
    in_flight: int
    sides: Sequence[Side]
    notes: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in one round. CPU is in microseconds per call, latencies are in milliseconds.

    `others` is the share of the machine's CPU that processes outside the measurement used; `in_flight` the calls
    that really were under way, on average; `batch` the messages that one statement wrote.
    """

    side: str
    rate: float
    server_us: float
    postgres_us: float
    driver_us: float
    median_ms: float
    p99_ms: float
    in_flight: float
    reply_bytes: float
    others: float
    batch: float | None


@dataclass(slots=True)
class Result:
    """All rounds of a group, by side."""

    group: Group
    rounds: dict[str, list[Round]] = field(default_factory=dict)

    def column(self, side: str, name: str) -> list[float]:
        """One figure of a side, round by round."""
        return [getattr(each, name) for each in self.rounds[side]]

    def ratios(self, side: str, other: str, figure: Callable[[Round], float]) -> list[float]:
        """A figure of one side over that of another, pair by pair."""
        pairs = zip(self.rounds[side], self.rounds[other], strict=True)
        return [figure(one) / figure(two) for one, two in pairs if figure(two)]

    def raw(self) -> dict[str, object]:
        """Everything, for a JSON file."""
        return {
            "group": self.group.name,
            "in_flight": self.group.in_flight,
            "rounds": {side: [asdict(each) for each in rounds] for side, rounds in self.rounds.items()},
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rounds of how many seconds, and how many seconds each waits at most for a machine with nothing else to do."""

    rounds: int
    seconds: float
    patience: float = 0.0


def run(group: Group, postgres: int, plan: Plan, say: Callable[[str], None]) -> Result:
    """Check every side, then measure all of them in turn, beginning with another one in each round.

    `postgres` is the postmaster's pid. Raises WrongReplyError.
    """
    result = Result(group, {side.name: [] for side in group.sides})
    calls = {}
    for side in group.sides:
        samples = _check(group, side)
        calls[side.name] = side.calls or _endless(samples)
    for number in range(plan.rounds):
        shift = number % len(group.sides)
        for side in [*group.sides[shift:], *group.sides[:shift]]:
            _wait_for_quiet(plan.patience)
            before = side.written() if side.written else 0
            measured, acknowledged = uvloop.run(
                _measure(group, side, calls[side.name], postgres, plan.seconds)
            )
            _require_written(side, before, acknowledged)
            result.rounds[side.name].append(measured)
            say(
                f"{group.name:14} {number + 1}/{plan.rounds} {side.name:22} {measured.rate:7.0f}/s"
                f"  server {measured.server_us:5.0f} us  PostgreSQL {measured.postgres_us:5.0f} us"
                f"  driver {measured.driver_us:3.0f} us  others {measured.others:4.0%}"
            )
    return result


def _wait_for_quiet(patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        busy, there = cpu.machine()
        time.sleep(_QUIET_SECONDS)  # what the machine does in this time is looked at
        busy_after, there_after = cpu.machine()
        if busy_after - busy < _QUIET_SHARE * (there_after - there):
            return


def _check(group: Group, side: Side) -> list[Call]:
    """Make each sample call once and compare the replies; returns the samples with the lengths of these."""
    before = side.written() if side.written else 0
    tally = Tally()
    uvloop.run(_once(group, side, tally))
    _require(side, tally, len(side.samples))
    _require_written(side, before, len(side.samples))
    return [replace(call, reply_bytes=len(reply)) for call, reply in tally.kept]


async def _once(group: Group, side: Side, tally: Tally) -> None:
    load = Load(
        side.servers[0].address, side.path, iter(side.samples), group.in_flight // CONNECTIONS, tally, 1
    )
    await load.start()
    async with asyncio.timeout(_CHECK_SECONDS):
        await load.ended()
        await load.stop()


async def _measure(
    group: Group, side: Side, calls: Iterator[Call], postgres: int, seconds: float
) -> tuple[Round, int]:
    """A round, and how many calls were acknowledged in all of it, its warm-up and its end included."""
    tally = Tally()
    addresses = [side.servers[number % len(side.servers)].address for number in range(CONNECTIONS)]
    loads = [
        Load(address, side.path, calls, group.in_flight // CONNECTIONS, tally, _KEEP_EVERY)
        for address in addresses
    ]
    with _without_collector():
        for load in loads:
            await load.start()
        await asyncio.sleep(_WARM_UP_SECONDS)  # the measured time begins after it
        batches = side.batches() if side.batches else 0.0
        before = _Reading.take(side, postgres, tally)
        await asyncio.sleep(seconds)  # this is the measured time
        after = _Reading.take(side, postgres, tally)
        batches = side.batches() - batches if side.batches else 0.0
        ran_out = any(load.has_ended for load in loads)
        async with asyncio.timeout(_CHECK_SECONDS):
            await asyncio.gather(*(load.stop() for load in loads))
    _require(side, tally, None)
    if ran_out:
        raise WrongReplyError(f"{side.name}: there are too few different calls; use a larger dataset")
    return _round(side, tally, before, after, batches), len(tally.seconds)


def _require(side: Side, tally: Tally, replies: int | None) -> None:
    if tally.failures:
        shown = "; ".join(sorted(set(tally.failures))[:3])
        raise WrongReplyError(f"{side.name}: {len(tally.failures)} calls failed: {shown}")
    if replies is not None and len(tally.kept) != replies:
        raise WrongReplyError(f"{side.name}: {len(tally.kept)} replies instead of {replies}")
    for call, reply in tally.kept:
        found = side.read(reply[5:])
        if found != call.expected:
            raise WrongReplyError(f"{side.name} answered {_first_difference(found, call.expected)}")


def _first_difference(found: object, expected: object) -> str:
    """What of a reply differs first; replies that are lists are long."""
    if isinstance(found, tuple) and isinstance(expected, tuple):
        if len(found) != len(expected):
            return f"{len(found)} items instead of {len(expected)}"
        pairs = zip(found, expected, strict=True)
        found, expected = next(pair for pair in pairs if pair[0] != pair[1])
    return f"{found} instead of {expected}"


def _require_written(side: Side, before: int, acknowledged: int) -> None:
    if side.written is None:
        return
    written = side.written() - before
    if written != acknowledged:
        raise WrongReplyError(f"{side.name}: {acknowledged} calls acknowledged, {written} rows written")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Everything that is counted, at one moment."""

    at: float
    server: float
    postgres: float
    driver: float
    busy: float
    there: float
    replies: int
    received: int

    @classmethod
    def take(cls, side: Side, postgres: int, tally: Tally) -> _Reading:
        busy, there = cpu.machine()
        return cls(
            at=time.perf_counter(),
            server=cpu.seconds(side.pids),
            postgres=cpu.seconds([postgres]),
            driver=time.process_time(),
            busy=busy,
            there=there,
            replies=len(tally.seconds),
            received=tally.received,
        )


def _round(side: Side, tally: Tally, before: _Reading, after: _Reading, batches: float) -> Round:
    replies = after.replies - before.replies
    if replies == 0:
        raise WrongReplyError(f"{side.name} answered nothing in the measured time")
    rate = replies / (after.at - before.at)
    server, postgres = after.server - before.server, after.postgres - before.postgres
    driver = after.driver - before.driver
    others = (after.busy - before.busy) - server - postgres - driver
    seconds = tally.seconds[before.replies : after.replies]
    return Round(
        side=side.name,
        rate=rate,
        server_us=server / replies * 1e6,
        postgres_us=postgres / replies * 1e6,
        driver_us=driver / replies * 1e6,
        median_ms=statistics.median(seconds) * 1e3,
        p99_ms=statistics.quantiles(seconds, n=100, method="inclusive")[98] * 1e3 if replies > 1 else 0.0,
        in_flight=rate * statistics.fmean(seconds),
        reply_bytes=(after.received - before.received) / replies,
        others=max(0.0, others / (after.there - before.there)),
        batch=replies / batches if batches else None,
    )


def _endless(samples: Sequence[Call]) -> Iterator[Call]:
    while True:
        yield from samples


@contextmanager
def _without_collector() -> Iterator[None]:
    """The driver makes no cycles worth collecting in the seconds of a round."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
