"""Cost of servicekit and the gateway: server CPU per call against bare grpc.aio.

    python -m bench.overhead [--rounds 25] [--calls 1000] [--in-flight 32]

The servers answer the same empty method: bare grpc.aio, on asyncio's own event loop and on uvloop; the wrapper
(with a user's token, call logs and metrics); the same with tracing; the same on the native transport; and the gateway forwarding to the bare one. Each round measures
all of them one after another; a figure is the CPU that the server's process used, divided by the calls, and
the ratios to bare grpc.aio on asyncio's loop are taken within a round. Prints one line per server: median
(least to most) microseconds, the median ratio, and the ratio's middle half.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from bench.servers import SECRET
from ops.dev_tokens import development_token
from tests.probe import EmptyRequest, EmptyResponse

METHOD = "/probe.v1.ProbeService/Empty"
_START_SECONDS = 30.0


@contextmanager
def server(kind: str, *arguments: str) -> Iterator[tuple[int, str]]:
    """A server in a separate process: its pid and address."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "bench.servers", kind, str(port_file), *arguments]
        # servicekit's settings of grpc's core must not affect the bare server.
        bare = kind.startswith("bare")
        environ = {name: each for name, each in os.environ.items() if not (bare and name.startswith("GRPC_"))}
        process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)  # noqa: S603 - our own module
        try:
            end = time.monotonic() + _START_SECONDS
            while not port_file.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{kind} did not start")
                time.sleep(0.02)
            yield process.pid, f"127.0.0.1:{port_file.read_text(encoding='utf-8')}"
        finally:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, its threads' and the kernel's for it."""
    # The clock of another process, as clock_getcpuclockid(3) names it; /proc counts in whole ticks of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


async def drive(address: str, calls: int, in_flight: int) -> float:
    """Make so many calls and check each answer; returns calls per second."""
    token = development_token(SECRET.encode(), "listener@example.org")
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        method = channel.unary_unary(
            METHOD,
            request_serializer=EmptyRequest.SerializeToString,
            response_deserializer=EmptyResponse.FromString,
        )
        left = iter(range(calls))

        async def caller() -> None:
            for _ in left:
                assert isinstance(await method(EmptyRequest(), metadata=metadata, timeout=30), EmptyResponse)

        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(in_flight)))
        return calls / (time.perf_counter() - started)


def main() -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        servers = {
            kind: stack.enter_context(server(kind)) for kind in ("bare", "bare_uv", "kit", "traced", "native")
        }
        behind = (servers["bare"][1], servers["kit"][1])
        servers["gateway"] = stack.enter_context(server("gateway", *behind))
        for _, address in servers.values():
            asyncio.run(drive(address, 500, arguments.in_flight))
        costs: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(arguments.rounds):
            for name, (pid, address) in servers.items():
                before = cpu_seconds(pid)
                asyncio.run(drive(address, arguments.calls, arguments.in_flight))
                costs[name].append((cpu_seconds(pid) - before) / arguments.calls * 1e6)
    ratios = {
        name: sorted(one / bare for one, bare in zip(each, costs["bare"], strict=True))
        for name, each in costs.items()
    }
    if arguments.json:
        print(json.dumps({"microseconds": costs, "ratios": ratios}))
        return 0
    for name, each in costs.items():
        spread = f"{statistics.median(each):6.0f} us ({min(each):.0f} to {max(each):.0f})"
        low, middle, high = statistics.quantiles(ratios[name], n=4)
        print(f"{name:8} {spread}   {middle:.2f}x bare ({low:.2f} to {high:.2f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
