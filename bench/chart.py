"""Bars as SVG: calls per second with their spread on the left, CPU per call on the right."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _GAP = 940, 190, 60
_PANEL = (_WIDTH - _LABELS - _GAP - 110) // 2
_ROW, _BAR, _TOP, _BOTTOM = 40, 20, 76, 16
_OURS, _THEIRS, _POSTGRES, _INK, _FAINT = "#2563a8", "#8b95a5", "#d08a2e", "#24292f", "#6b7480"


@dataclass(frozen=True, slots=True)
class Bar:
    """One server: its calls per second round by round, and microseconds of the server's and PostgreSQL's CPU."""

    name: str
    rates: Sequence[float]
    parts: tuple[float, float]
    ours: bool


def draw(title: str, bars: Sequence[Bar]) -> str:
    """The chart as a document of its own, readable on light and dark pages."""
    height = _TOP + _ROW * len(bars) + _BOTTOM
    most_calls = max(max(bar.rates) for bar in bars)
    most_cpu = max(sum(bar.parts) for bar in bars)
    right = _LABELS + _PANEL + _GAP + 50
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
            ' font-family="system-ui, sans-serif" font-size="13" role="img">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        _text(16, 28, title, size=16, weight=600),
        _text(_LABELS, 58, "calls per second (least to most)", fill=_FAINT),
        _text(right, 58, "CPU per call, microseconds", fill=_FAINT),
        _swatch(right + 190, 49, _POSTGRES, "of it PostgreSQL"),
    ]
    for number, bar in enumerate(bars):
        y = _TOP + number * _ROW
        parts.append(_text(16, y + 15, bar.name, weight=600 if bar.ours else 400))
        parts += _rate(bar, y, _PANEL / most_calls)
        parts += _cpu(bar, right, y, _PANEL / most_cpu if most_cpu else 0.0)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rate(bar: Bar, y: int, scale: float) -> list[str]:
    middle, least, most = (scale * value(bar.rates) for value in (statistics.median, min, max))
    line = y + _BAR / 2
    return [
        _rect(_LABELS, y, middle, _OURS if bar.ours else _THEIRS),
        (
            f'<path d="M{_LABELS + least:.1f} {line}H{_LABELS + most:.1f}M{_LABELS + least:.1f} {line - 4}v8'
            f'M{_LABELS + most:.1f} {line - 4}v8" stroke="{_INK}" stroke-width="1.2" fill="none"/>'
        ),
        _text(_LABELS + most + 8, y + 15, f"{statistics.median(bar.rates):,.0f}"),
    ]


def _cpu(bar: Bar, left: int, y: int, scale: float) -> list[str]:
    server, postgres = (scale * part for part in bar.parts)
    return [
        _rect(left, y, server, _OURS if bar.ours else _THEIRS),
        _rect(left + server, y, postgres, _POSTGRES),
        _text(left + server + postgres + 8, y + 15, f"{sum(bar.parts):,.0f}"),
    ]


def _rect(x: float, y: float, width: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'


def _swatch(x: int, y: int, fill: str, name: str) -> str:
    return f'<rect x="{x}" y="{y}" width="10" height="10" fill="{fill}"/>' + _text(
        x + 15, y + 9, name, fill=_FAINT
    )


def _text(x: float, y: float, text: str, *, size: int = 13, weight: int = 400, fill: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
