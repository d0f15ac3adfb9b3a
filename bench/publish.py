"""Tables and charts of docs/benchmarks.md, made of the results that `make bench` wrote.

    python -m bench.publish [NAME ...]

Each NAME.json of bench/results is put as a table between the two comments of that name in docs/benchmarks.md, with its
command, machine and load; docs/charts gets its chart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import charts, report
from bench.processes import PROJECT
from bench.report import Setting, cpu, rate, ratio, row, spread
from bench.runner import Result

_CHARTS = {"chat": charts.comparison, "fan-out": charts.fan_out}
RESULTS, DOCS = PROJECT / "bench" / "results", PROJECT / "docs"


class PublishError(Exception):
    """The page has no place for a table."""


def section(results: Sequence[Result], setting: Setting) -> str:
    """One table of all scenarios of a run, and how it was measured."""
    others = [each.others for result in results for rounds in result.rounds.values() for each in rounds]
    shares = [
        each.driver_us / (each.driver_us + each.cpu_us)
        for result in results
        for rounds in result.rounds.values()
        for each in rounds
    ]
    references = list(
        dict.fromkeys(name for result in results for name in result.references if name in result.rounds)
    )
    head = [
        "scenario", "server", "calls/s", "CPU server + PostgreSQL, µs", "p99 ms",
        *(f"{figure} to {name}" for name in references for figure in ("calls/s", "CPU")),
    ]  # fmt: skip
    lines = [
        (
            f"`{setting.command}`: {setting.rounds} rounds of {setting.seconds:g} s, {report.conditions(setting)} Dataset:"
            f" {setting.dataset}. Medians, in parentheses the rounds' least and most. Other processes used {_share(others)} of"
            f" the machine; of the CPU of a call the driver's share, which no column includes, was {_share(shares)}."
        ),
        "",
        row(head),
        row(["---"] * len(head)),
    ]
    for result in results:
        for number, (contender, rounds) in enumerate(result.rounds.items()):
            lines.append(
                row(
                    [
                        "" if number else result.title,
                        contender,
                        spread([each.rate for each in rounds]),
                        spread([each.cpu_us for each in rounds]),
                        spread([each.p99_ms for each in rounds]),
                        *(
                            ratio(result, contender, name, figure)
                            for name in references
                            for figure in (rate, cpu)
                        ),
                    ]
                )
            )
    return "\n".join(lines)


def publish(name: str, results_folder: Path, docs: Path) -> None:
    """Put the results of this name into the page; raises PublishError where the page has no place for them."""
    results, setting = report.read(results_folder / f"{name}.json")
    page = docs / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- results of {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise PublishError(f"{page.name} has no place for {name}: {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}\n{section(results, setting)}\n\n{end}{after}", encoding="utf-8")
    if name in _CHARTS:
        (docs / "charts").mkdir(exist_ok=True)
        (docs / "charts" / f"{name}.svg").write_text(_CHARTS[name](results), encoding="utf-8")


def _share(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0%} ({min(values):.0%} to {max(values):.0%})"


def main() -> int:
    """Publish the named results, or those of the page; returns 0, or 1 with a line about what is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.publish", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of a file of results (default: {' and '.join(_CHARTS)}, where they are)",
    )
    arguments = parser.parse_args()
    for name in arguments.names or [each for each in _CHARTS if (RESULTS / f"{each}.json").exists()]:
        try:
            publish(name, RESULTS, DOCS)
        except (OSError, PublishError) as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        print(f"bench: published {name} in docs/benchmarks.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
