"""Charts of results as SVG, for light and dark pages: medians as dots or bars, with a line from the least to the most."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from bench.report import cpu, rate
from bench.runner import Result, Round
from bench.testbed import PRISMA, RAW

Chart = Callable[[Sequence[Result]], str]
_WIDTH, _ROW, _HEAD = 860, 20, 74
_LABELS = 250
_GAP = 30
_COLORS = 5
# What is compared with, empty calls, and what is so slow that the others would be indistinguishable.
_LEFT_OUT = (RAW, "empty call", PRISMA)
_STYLE = """
  text { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  .page { fill: #ffffff; stroke: #d0d7de } .text { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d0d7de } .one { stroke: #59636e; stroke-dasharray: 4 3 }
  .c0 { fill: #0969da; stroke: #0969da } .c1 { fill: #1a7f37; stroke: #1a7f37 }
  .c2 { fill: #9a6700; stroke: #9a6700 } .c3 { fill: #8250df; stroke: #8250df }
  .c4 { fill: #bf3989; stroke: #bf3989 }
  @media (prefers-color-scheme: dark) {
    text { stroke: #0d1117 }
    .page { fill: #0d1117; stroke: #3d444d } .text { fill: #f0f6fc } .soft { fill: #9198a1 }
    .grid { stroke: #3d444d } .one { stroke: #9198a1 }
    .c0 { fill: #4493f8; stroke: #4493f8 } .c1 { fill: #3fb950; stroke: #3fb950 }
    .c2 { fill: #d29922; stroke: #d29922 } .c3 { fill: #ab7df8; stroke: #ab7df8 }
    .c4 { fill: #db61a2; stroke: #db61a2 }
  }
"""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A row of a panel: a group's or a contender's label, and the contender's values in the panels; None: no value."""

    label: str
    color: int
    values: Sequence[Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A column of the chart. `line`: the value at which a line stands, of what the values are compared with."""

    title: str
    digits: int
    line: float | None = None


def comparison(results: Sequence[Result]) -> str:
    """Rate and CPU of each contender as ratios to node-postgres."""
    rows: list[_Mark | str] = []
    colors: dict[str, int] = {}
    for result in results:
        if RAW not in result.rounds:
            continue
        compared = [name for name in result.rounds if not name.startswith(_LEFT_OUT)]
        rows.append(result.title)
        for name in compared:
            values = [result.ratios(name, RAW, figure) for figure in (rate, cpu)]
            rows.append(_Mark(name, colors.setdefault(name.partition(",")[0], len(colors) % _COLORS), values))
    panels = [
        _Panel("calls a second (more is better)", 2, line=1.0),
        _Panel("CPU of server and PostgreSQL (less is better)", 2, line=1.0),
    ]
    return _chart(f"Ratio to {RAW}, the dashed line", panels, rows)


def fan_out(results: Sequence[Result]) -> str:
    """Deliveries a second, their CPU and their p99 for each number of streams."""
    rows: list[_Mark | str] = []
    colors: dict[str, int] = {}
    for result in results:
        rows.append(result.title)
        for name, rounds in result.rounds.items():
            values = [[figure(each) for each in rounds] for figure in (rate, cpu, _p99)]
            rows.append(_Mark(name, colors.setdefault(name, len(colors) % _COLORS), values))
    panels = [
        _Panel("messages delivered a second", 0),
        _Panel("CPU of a delivery, µs", 0),
        _Panel("p99 of a delivery, ms", 0),
    ]
    return _chart("Live delivery to streams of one room", panels, rows)


def _p99(each: Round) -> float:
    return each.p99_ms


def _chart(title: str, panels: Sequence[_Panel], rows: Sequence[_Mark | str]) -> str:
    height = _HEAD + _ROW * len(rows) + 16
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
            f' font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"/>',
        _text(16, 26, title, "text", 'font-size="15" font-weight="bold"'),
        _text(16, 52, "dot: median; line: least to most", "soft", 'font-size="11"'),
    ]
    width = (_WIDTH - _LABELS - _GAP * len(panels)) / len(panels)
    for number, panel in enumerate(panels):
        left = _LABELS + number * (width + _GAP)
        lines += _panel(number, panel, rows, left, width, height)
    for place, each in enumerate(rows):
        y = _HEAD + _ROW * place + 14
        if isinstance(each, str):
            lines.append(_text(16, y, each, "text", 'font-weight="bold"'))
        else:
            lines.append(_text(28, y, each.label, "soft"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(
    number: int, panel: _Panel, rows: Sequence[_Mark | str], left: float, width: float, height: int
) -> list[str]:
    marks = [(place, each) for place, each in enumerate(rows) if isinstance(each, _Mark)]
    largest = max((max(values) for _, each in marks if (values := each.values[number])), default=1.0)
    plot = width - 46  # the rest is for the figures
    scale = plot / largest
    lines = [_text(left, 52, panel.title, "soft", 'font-size="11"')]
    for value in (0.0, *([panel.line] if panel.line else [])):
        kind = "one" if value else "grid"
        x = left + value * scale
        lines.append(f'<path class="{kind}" d="M{x:.1f} {_HEAD - 10}V{height - 14}"/>')
    for place, each in marks:
        values = each.values[number]
        if not values:
            continue
        y = _HEAD + _ROW * place + 10
        least, middle, most = (
            left + value * scale for value in (min(values), statistics.median(values), max(values))
        )
        lines += [
            f'<g class="c{each.color}"><path stroke-width="8" stroke-opacity="0.25" d="M{left:.1f} {y}H{middle:.1f}"/>',
            f'<path stroke-width="1.5" d="M{least:.1f} {y}H{most:.1f}"/><circle cx="{middle:.1f}" cy="{y}" r="3.5"/></g>',
            _text(
                most + 8, y + 4, f"{statistics.median(values):,.{panel.digits}f}", "text", 'font-size="11"'
            ),
        ]
    return lines


def _text(x: float, y: float, text: str, kind: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" {more}>{escape(text)}</text>'
