"""Results as one table in Markdown, and as JSON for each scenario."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import OURS
from bench.runner import Result, Round


@dataclass(frozen=True, slots=True)
class Setting:
    """The conditions of the measurement. `seconds` is the length of a round."""

    command: str
    dataset: str
    postgres: str
    node: str
    rounds: int
    seconds: float
    limits: Sequence[str]


def write(results: Sequence[Result], setting: Setting, folder: Path) -> Path:
    """Write everything into `folder` and return the table's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        name = result.scenario.name
        (folder / f"{name}.json").write_text(json.dumps(result.raw(), indent=1) + "\n", encoding="utf-8")
    target = folder / "chat.md"
    target.write_text(table(results, setting), encoding="utf-8")
    return target


def table(results: Sequence[Result], setting: Setting) -> str:
    """The whole table."""
    lines = [
        "# Chat, side by side",
        "",
        (
            f"`{setting.command}`. {_machine()}, Python {platform.python_version()}, PostgreSQL {setting.postgres},"
            f" {setting.node}."
        ),
        "",
        (
            f"Dataset: {setting.dataset}. {setting.rounds} rounds of {setting.seconds:g} s, in each of which all servers of"
            " a scenario are measured one after the other; servers, PostgreSQL and the driver share the machine. A figure is the"
            " median of the rounds, in parentheses the least and the most. CPU is in microseconds per call: the server's"
            " processes, PostgreSQL's, those of their children that ended included, and the driver's. *Against* is"
            f" {OURS}'s figure over this server's, pair by pair: calls per second, and the CPU of server and PostgreSQL"
            " together. *Others* is the share of the machine that processes outside the measurement took. Every reply was"
            " checked for its status, most for their length, samples for their whole content, and acknowledged writes were counted"
            " in the tables."
        ),
        "",
        f"Set for the measurement: {', '.join(setting.limits)}.",
    ]
    for result in results:
        lines += ["", *_scenario_lines(result)]
    return "\n".join(lines) + "\n"


def _scenario_lines(result: Result) -> list[str]:
    scenario = result.scenario
    batches = any(each.batch for rounds in result.rounds.values() for each in rounds)
    head = [
        "server", "calls/s", "against", "CPU server", "CPU PostgreSQL", "together", "against", "CPU driver",
        "median ms", "p99 ms", "in flight", "KB/reply", *(["batch"] if batches else []), "others",
    ]  # fmt: skip
    lines = [f"## {scenario.title}", "", _row(head), _row(["---"] * len(head))]
    for contender in scenario.contenders:
        rounds = result.rounds[contender.name]
        cells = [
            contender.name,
            _spread([each.rate for each in rounds]),
            _against(result, contender.name, lambda each: each.rate),
            _spread([each.server_us for each in rounds]),
            _spread([each.postgres_us for each in rounds]),
            _spread([_together(each) for each in rounds]),
            _against(result, contender.name, _together),
            _spread([each.driver_us for each in rounds]),
            _spread([each.median_ms for each in rounds], 1),
            _spread([each.p99_ms for each in rounds], 1),
            f"{statistics.median(each.in_flight for each in rounds):.0f}"
            + (f" of {scenario.in_flight}" if scenario.in_flight else ""),
            f"{statistics.median(each.reply_bytes for each in rounds) / 1000:.1f}",
        ]
        if batches:
            cells.append(_spread([each.batch for each in rounds if each.batch], 1) or "")
        cells.append(f"{statistics.median(each.others for each in rounds):.0%}")
        lines.append(_row(cells))
    for ours, other in scenario.pairs:
        rate = _spread(result.ratios(ours, other, lambda each: each.rate), 2)
        cpu = _spread(result.ratios(ours, other, _together), 2)
        lines += ["", f"{ours} against {other}: calls {rate}x, CPU {cpu}x."]
    for note in scenario.notes:
        lines += ["", note]
    return lines


def _against(result: Result, contender: str, figure: Callable[[Round], float]) -> str:
    if contender == OURS or OURS not in result.rounds:
        return ""
    return _spread(result.ratios(OURS, contender, figure), 2) + "x"


def _together(each: Round) -> float:
    return each.server_us + each.postgres_us


def _spread(values: Sequence[float], digits: int = 0) -> str:
    if not values:
        return ""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()})"
