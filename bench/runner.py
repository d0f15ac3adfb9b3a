"""One scenario: its contenders are checked, then measured one after the other in every round.

A round of a contender is a load of some seconds over fresh connections. Between its warm-up and its end the replies are
counted, and the CPU that the contender's servers, PostgreSQL, the driver and other processes used meanwhile. Each reply
must have grpc-status 0 and, where it is known, the right length; a few of each round are decoded and compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import uvloop

from bench import cpu
from bench.http2 import LoadGenerator, LoadStats, PreparedCall
from bench.processes import Server
from bench.watchers import PacedLoad, WatchLoad, open_streams

CONNECTIONS = 4
_WARM_UP_SECONDS = 0.7
_CHECK_SECONDS = 30.0
_KEEP_EVERY = 97
_QUIET_SECONDS, _QUIET_SHARE = 0.4, 0.15


class WrongReplyError(Exception):
    """A contender replied with an error or a wrong message; its rate is invalid."""


@dataclass(slots=True)
class Contender:
    """One contender: its servers, the method, and its calls.

    `samples` are requests with their expected replies, all of which are checked before the first round.
    `calls` yields those of the rounds; without it the samples are repeated. `read` turns a reply's message into
    what `expected` is compared with. `written` counts the rows that the calls have left in the database; it must
    grow by one for each acknowledged call. `batches` counts the statements that wrote them.

    With `streams`, calls of Watch that are open all the while, a round measures deliveries: of each call one to each
    stream, which must be all there in the end. The calls are then made by the clock, `pace` a second. `watching`
    reads the streams and `publishing` makes the calls.
    """

    name: str
    servers: Sequence[Server]
    shared_servers: Sequence[Server]
    path: str
    samples: Sequence[PreparedCall]
    read: Callable[[bytes], object]
    calls: Iterator[PreparedCall] | None = None
    written: Callable[[], int] | None = None
    batches: Callable[[], float] | None = None
    streams: Sequence[PreparedCall] = ()
    pace: float = 0.0
    watching: type[WatchLoad] = WatchLoad
    publishing: Callable[..., LoadGenerator] = PacedLoad

    @property
    def pids(self) -> list[int]:
        """The processes whose CPU counts as the contender's."""
        return [server.pid for server in (*self.servers, *self.shared_servers)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Contenders that do the same work. `references`: the contenders whose figures the others' are divided by."""

    name: str
    title: str
    in_flight: int
    contenders: Sequence[Contender]
    notes: Sequence[str] = ()
    references: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """The figures of one contender in one round. CPU is in microseconds per call, latencies are in milliseconds.

    `others` is the share of the machine's CPU used by processes outside the measurement; `in_flight` the calls
    that really were under way, on average; `batch` the messages that one statement wrote.
    """

    contender: str
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

    @property
    def cpu_us(self) -> float:
        """CPU of server and PostgreSQL."""
        return self.server_us + self.postgres_us


@dataclass(slots=True)
class Result:
    """All rounds of a scenario, by contender; the other fields are the scenario's."""

    name: str
    title: str
    in_flight: int
    references: Sequence[str]
    notes: Sequence[str]
    rounds: dict[str, list[Round]]

    def ratios(self, contender: str, other: str, figure: Callable[[Round], float]) -> list[float]:
        """A figure of one contender over that of another, pair by pair; none where the other is missing."""
        pairs = zip(self.rounds[contender], self.rounds.get(other, ()), strict=False)
        return [figure(one) / figure(two) for one, two in pairs if figure(two)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The number and length of rounds, and the longest wait in seconds for an idle machine before each."""

    rounds: int
    seconds: float
    idle_wait: float = 0.0


def run(scenario: Scenario, postgres: int, plan: Plan, log: Callable[[str], None]) -> Result:
    """Check every contender, then measure all of them in turn, starting with another one in each round.

    `postgres` is the postmaster's pid. Raises WrongReplyError.
    """
    result = Result(
        scenario.name,
        scenario.title,
        scenario.in_flight,
        scenario.references,
        scenario.notes,
        {contender.name: [] for contender in scenario.contenders},
    )
    calls = {}
    for contender in scenario.contenders:
        samples = _check(scenario, contender)
        calls[contender.name] = contender.calls or _endless(samples)
    for number in range(plan.rounds):
        shift = number % len(scenario.contenders)
        for contender in [*scenario.contenders[shift:], *scenario.contenders[:shift]]:
            _wait_until_idle(plan.idle_wait)
            before = contender.written() if contender.written else 0
            measured, acknowledged = uvloop.run(
                _measure(scenario, contender, calls[contender.name], postgres, plan.seconds)
            )
            _require_written(contender, before, acknowledged)
            result.rounds[contender.name].append(measured)
            log(
                f"{scenario.name:14} {number + 1}/{plan.rounds} {contender.name:22} {measured.rate:7.0f}/s"
                f"  server {measured.server_us:5.0f} us  PostgreSQL {measured.postgres_us:5.0f} us"
                f"  driver {measured.driver_us:3.0f} us  others {measured.others:4.0%}"
            )
    return result


def _wait_until_idle(idle_wait: float) -> None:
    end = time.monotonic() + idle_wait
    while time.monotonic() < end:
        busy, there = cpu.machine()
        time.sleep(_QUIET_SECONDS)  # the machine's load is measured over this time
        busy_after, there_after = cpu.machine()
        if busy_after - busy < _QUIET_SHARE * (there_after - there):
            return


def _check(scenario: Scenario, contender: Contender) -> list[PreparedCall]:
    """Make each sample call once and compare the replies; returns the samples with the lengths of these."""
    if not contender.samples:
        return []
    before = contender.written() if contender.written else 0
    tally = LoadStats()
    uvloop.run(_once(scenario, contender, tally))
    _require(contender, tally, len(contender.samples))
    _require_written(contender, before, len(contender.samples))
    return [replace(call, reply_bytes=len(reply)) for call, reply in tally.kept]


async def _once(scenario: Scenario, contender: Contender, tally: LoadStats) -> None:
    load = LoadGenerator(
        contender.servers[0].address,
        contender.path,
        iter(contender.samples),
        max(1, scenario.in_flight // CONNECTIONS),
        tally,
        1,
    )
    await load.start()
    async with asyncio.timeout(_CHECK_SECONDS):
        await load.ended()
        await load.stop()


async def _measure(
    scenario: Scenario, contender: Contender, calls: Iterator[PreparedCall], postgres: int, seconds: float
) -> tuple[Round, int]:
    """A round, and how many calls were acknowledged in all of it, its warm-up and its end included."""
    tally = LoadStats()
    # What is measured: the replies, or what they cause on the streams.
    measured = LoadStats() if contender.streams else tally
    opened = open_streams(contender.servers[0].address, contender.streams, measured, contender.watching)
    async with opened:
        with _without_collector():
            loads = _loads(scenario, contender, calls, tally)
            for load in loads:
                await load.start()
            await asyncio.sleep(_WARM_UP_SECONDS)  # the measured time begins after it
            batches = contender.batches() if contender.batches else 0.0
            before = _Sample.take(contender, postgres, measured)
            await asyncio.sleep(seconds)  # this is the measured time
            after = _Sample.take(contender, postgres, measured)
            batches = contender.batches() - batches if contender.batches else 0.0
            ran_out = any(load.has_ended for load in loads)
            async with asyncio.timeout(_CHECK_SECONDS):
                await asyncio.gather(*(load.stop() for load in loads))
            _require(contender, tally, None)
            if contender.streams:
                await _require_deliveries(contender, measured, len(tally.seconds) * len(contender.streams))
    if ran_out:
        raise WrongReplyError(f"{contender.name}: there are too few different calls; use a larger dataset")
    return _round(contender, measured, before, after, batches), len(tally.seconds)


def _loads(
    scenario: Scenario, contender: Contender, calls: Iterator[PreparedCall], tally: LoadStats
) -> list[LoadGenerator]:
    if contender.pace:
        return [
            contender.publishing(contender.servers[0].address, contender.path, calls, contender.pace, tally)
        ]
    addresses = [contender.servers[number % len(contender.servers)].address for number in range(CONNECTIONS)]
    in_flight = scenario.in_flight // CONNECTIONS
    return [
        LoadGenerator(address, contender.path, calls, in_flight, tally, _KEEP_EVERY) for address in addresses
    ]


async def _require_deliveries(contender: Contender, tally: LoadStats, deliveries: int) -> None:
    """Wait until all is delivered. Raises WrongReplyError when something was lost or doubled."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CHECK_SECONDS):
            await tally.until(lambda: len(tally.seconds) >= deliveries)
    if tally.failures or len(tally.seconds) != deliveries:
        why = "; ".join(sorted(set(tally.failures))[:3])
        raise WrongReplyError(
            f"{contender.name}: {len(tally.seconds)} of {deliveries} deliveries arrived. {why}"
        )


def _require(contender: Contender, tally: LoadStats, replies: int | None) -> None:
    if tally.failures:
        shown = "; ".join(sorted(set(tally.failures))[:3])
        raise WrongReplyError(f"{contender.name}: {len(tally.failures)} calls failed: {shown}")
    if replies is not None and len(tally.kept) != replies:
        raise WrongReplyError(f"{contender.name}: {len(tally.kept)} replies instead of {replies}")
    for call, reply in tally.kept:
        found = contender.read(reply[5:])
        if found != call.expected:
            raise WrongReplyError(f"{contender.name} answered {_first_difference(found, call.expected)}")


def _first_difference(found: object, expected: object) -> str:
    """The first difference between two replies; replies that are lists are long."""
    if isinstance(found, tuple) and isinstance(expected, tuple):
        if len(found) != len(expected):
            return f"{len(found)} items instead of {len(expected)}"
        pairs = zip(found, expected, strict=True)
        found, expected = next(pair for pair in pairs if pair[0] != pair[1])
    return f"{found} instead of {expected}"


def _require_written(contender: Contender, before: int, acknowledged: int) -> None:
    if contender.written is None:
        return
    written = contender.written() - before
    if written != acknowledged:
        raise WrongReplyError(f"{contender.name}: {acknowledged} calls acknowledged, {written} rows written")


@dataclass(frozen=True, slots=True)
class _Sample:
    """All counters at one moment."""

    at: float
    server: float
    postgres: float
    driver: float
    busy: float
    there: float
    replies: int
    received: int

    @classmethod
    def take(cls, contender: Contender, postgres: int, tally: LoadStats) -> _Sample:
        busy, there = cpu.machine()
        return cls(
            at=time.perf_counter(),
            server=cpu.seconds(contender.pids),
            postgres=cpu.seconds([postgres]),
            driver=time.process_time(),
            busy=busy,
            there=there,
            replies=len(tally.seconds),
            received=tally.received,
        )


def _round(contender: Contender, tally: LoadStats, before: _Sample, after: _Sample, batches: float) -> Round:
    replies = after.replies - before.replies
    if replies == 0:
        raise WrongReplyError(f"{contender.name} answered nothing in the measured time")
    rate = replies / (after.at - before.at)
    server, postgres = after.server - before.server, after.postgres - before.postgres
    driver = after.driver - before.driver
    others = (after.busy - before.busy) - server - postgres - driver
    seconds = tally.seconds[before.replies : after.replies]
    return Round(
        contender=contender.name,
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


def _endless(samples: Sequence[PreparedCall]) -> Iterator[PreparedCall]:
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
