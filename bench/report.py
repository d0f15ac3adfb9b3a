"""Results: every figure as JSON, and the whole table in Markdown."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.runner import Result, Round


@dataclass(frozen=True, slots=True)
class Setting:
    """The conditions of the measurement. `seconds` is the length of a round; the loads are averages of a minute."""

    command: str
    dataset: str
    postgres: str
    baselines: str
    rounds: int
    seconds: float
    limits: Sequence[str]
    load_before: float
    load_after: float
    machine: str
    python: str


def write(results: Sequence[Result], setting: Setting, folder: Path, name: str) -> Path:
    """Write `name`.json and `name`.md into `folder` and return the table's file."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"setting": asdict(setting), "results": [asdict(result) for result in results]}
    (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    target = folder / f"{name}.md"
    target.write_text(table(results, setting), encoding="utf-8")
    return target


def read(file: Path) -> tuple[list[Result], Setting]:
    """Read what `write` wrote as JSON."""
    document = json.loads(file.read_text(encoding="utf-8"))
    results = []
    for each in document["results"]:
        rounds = {name: [Round(**figures) for figures in rounds] for name, rounds in each["rounds"].items()}
        results.append(Result(**{**each, "rounds": rounds}))
    return results, Setting(**document["setting"])


def conditions(setting: Setting) -> str:
    """The machine, the programs and the load, in a sentence."""
    return (
        f"{setting.machine}, Python {setting.python}, PostgreSQL {setting.postgres}, {setting.baselines};"
        f" load {setting.load_before:.1f} before and {setting.load_after:.1f} after."
    )


def table(results: Sequence[Result], setting: Setting) -> str:
    """The whole table."""
    lines = [
        "# Seda beside its baselines",
        "",
        f"`{setting.command}`. {conditions(setting)}",
        "",
        (
            f"Dataset: {setting.dataset}. {setting.rounds} rounds of {setting.seconds:g} s, in each of which all servers of"
            " a scenario are measured one after the other; servers, PostgreSQL and the driver share the machine. A figure is the"
            " median of the rounds, in parentheses the least and the most. CPU is in microseconds per call: the server's"
            " processes, PostgreSQL's, those of their children that ended included, and the driver's. A ratio is this server's"
            " figure over that of the server in the column's head, round by round: calls per second, and the CPU of server and"
            " PostgreSQL together. *Others* is the share of the machine that processes outside the measurement took. Every reply"
            " was checked for its status, most for their length, samples for their whole content, and acknowledged writes were"
            " counted in the tables."
        ),
        "",
        f"Set for the measurement: {', '.join(setting.limits)}.",
    ]
    for result in results:
        lines += ["", *_scenario_lines(result)]
    return "\n".join(lines) + "\n"


def _scenario_lines(result: Result) -> list[str]:
    batches = any(each.batch for rounds in result.rounds.values() for each in rounds)
    references = [name for name in result.references if name in result.rounds]
    head = [
        "server", "calls/s", "CPU server", "CPU PostgreSQL", "together",
        *(f"{figure} to {name}" for name in references for figure in ("calls/s", "CPU")),
        "CPU driver", "median ms", "p99 ms", "in flight", "KB/reply", *(["batch"] if batches else []), "others",
    ]  # fmt: skip
    lines = [f"## {result.title}", "", row(head), row(["---"] * len(head))]
    for contender, rounds in result.rounds.items():
        cells = [
            contender,
            spread([each.rate for each in rounds]),
            spread([each.server_us for each in rounds]),
            spread([each.postgres_us for each in rounds]),
            spread([each.cpu_us for each in rounds]),
            *(ratio(result, contender, name, figure) for name in references for figure in (rate, cpu)),
            spread([each.driver_us for each in rounds]),
            spread([each.median_ms for each in rounds], 1),
            spread([each.p99_ms for each in rounds], 1),
            f"{statistics.median(each.in_flight for each in rounds):.0f}"
            + (f" of {result.in_flight}" if result.in_flight else ""),
            f"{statistics.median(each.reply_bytes for each in rounds) / 1000:.1f}",
        ]
        if batches:
            cells.append(spread([each.batch for each in rounds if each.batch], 1))
        cells.append(f"{statistics.median(each.others for each in rounds):.0%}")
        lines.append(row(cells))
    for note in result.notes:
        lines += ["", note]
    return lines


def rate(each: Round) -> float:
    """Calls a second."""
    return each.rate


def cpu(each: Round) -> float:
    """CPU of server and PostgreSQL, in microseconds."""
    return each.cpu_us


def ratio(result: Result, contender: str, other: str, figure: Callable[[Round], float]) -> str:
    """The median ratio of a figure with its least and most; empty where there is nothing to compare."""
    return "" if contender == other else spread(result.ratios(contender, other, figure), 2)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median with the least and the most; empty for no values."""
    if not values:
        return ""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({least:,.{digits}f} to {most:,.{digits}f})"


def row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cells) + " |"


def machine() -> str:
    """The processors of this machine."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()})"
