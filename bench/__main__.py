"""Seda on both transports beside Node and Go servers, and Tinode, on the same data, the same machine and the same PostgreSQL.

Writes a table and every figure into bench/results, from which `python -m bench.publish` makes those of
docs/benchmarks.md. Needs Linux; the baselines are measured where node, npm and go are installed, otherwise only ours.
The first run loads the dataset, about three minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import dataset, report, runner
from bench.cluster import cluster
from bench.processes import PROJECT
from bench.scenarios import all_scenarios
from bench.testbed import Testbed, testbed
from ops.data_dir import DataDir, find_data_dir
from ops.postgres import Cluster


def main() -> int:
    """Measure and write the results; returns 0, or 1 when a reply was wrong anywhere."""
    arguments = _arguments()
    if sys.platform != "linux":
        print("bench: CPU per call is read from /proc, which only Linux has.", file=sys.stderr)
        return 1
    data_dir = DataDir(find_data_dir().path / "bench")
    with data_dir.lock() as ours_alone:
        if not ours_alone:
            print(f"bench: another measurement runs in {data_dir}.", file=sys.stderr)
            return 1
        return _run(arguments, data_dir.path)


def _run(arguments: argparse.Namespace, work: Path) -> int:
    server = cluster(work)
    with server:
        templates = dataset.ensure(server, arguments.scale, _log)
        databases = dataset.copies(server, templates)
        with testbed(
            work, databases, _log, baselines=not arguments.no_baselines, before=arguments.before
        ) as servers:
            load_before = os.getloadavg()[0]
            results, wrong = _measure(servers, server, arguments)
            setting = report.Setting(
                command=" ".join(
                    ["make bench", *([f'ARGS="{shlex.join(sys.argv[1:])}"'] if sys.argv[1:] else [])]
                ),
                dataset=dataset.description(arguments.scale),
                postgres=server.binaries.version,
                baselines=", ".join(_versions()) or "no baselines",
                rounds=arguments.rounds,
                seconds=arguments.seconds,
                limits=servers.limits,
                load_before=load_before,
                load_after=os.getloadavg()[0],
                machine=report.machine(),
                python=platform.python_version(),
            )
    if results:
        print(f"bench: wrote {report.write(results, setting, arguments.results, arguments.name)}")
    return 1 if wrong else 0


def _measure(
    servers: Testbed, server: Cluster, arguments: argparse.Namespace
) -> tuple[list[runner.Result], bool]:
    """The results of the scenarios, except for those with a wrong reply, which are reported."""
    results, wrong = [], False
    postmaster = server.pid
    assert postmaster is not None
    plan = runner.Plan(arguments.rounds, arguments.seconds, arguments.idle_wait)
    for name in arguments.scenarios:
        try:
            scenario = _without(all_scenarios()[name](servers), arguments.without)
            results.append(runner.run(scenario, postmaster, plan, _log))
        except runner.WrongReplyError as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
            wrong = True
    return results, wrong


def _without(scenario: runner.Scenario, prefixes: Sequence[str]) -> runner.Scenario:
    contenders = [each for each in scenario.contenders if not each.name.startswith(tuple(prefixes))]
    return replace(scenario, contenders=contenders)


def _log(line: str) -> None:
    print(f"bench: {line}", flush=True)


def _versions() -> list[str]:
    programs = [("Node", ["node", "--version"]), ("Go", ["go", "env", "GOVERSION"])]
    return [
        f"{name} {subprocess.check_output(command, text=True).strip().lstrip('vgo')}"  # noqa: S603 - the two above
        for name, command in programs
        if shutil.which(command[0])
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help=f"a name or its beginning, of: {', '.join(all_scenarios())} (default: all)",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the dataset's messages (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round (default: %(default)s)")
    parser.add_argument(
        "--idle-wait",
        type=float,
        default=10.0,
        help="seconds that each round waits at most until the machine has nothing else to do (default: %(default)s)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="PREFIX",
        help="leave out the servers whose names begin so, such as Prisma; may be repeated",
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="TREE",
        help="measure the services of this work tree of an earlier revision too, on grpc and the same database",
    )
    parser.add_argument("--no-baselines", action="store_true", help="measure our own servers alone")
    parser.add_argument("--name", default="chat", help="of the files of results (default: %(default)s)")
    parser.add_argument(
        "--results", type=Path, default=PROJECT / "bench" / "results", help="folder to write into"
    )
    arguments = parser.parse_args()
    arguments.scenarios = [
        name for name in all_scenarios() if name.startswith(tuple(arguments.scenarios or [""]))
    ]
    if not arguments.scenarios:
        parser.error(f"no such scenario; there are {', '.join(all_scenarios())}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
