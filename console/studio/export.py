"""Rows as CSV for spreadsheets, or as a JSON object per line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Literal

from console.studio.catalog import Column
from console.studio.values import Cell

Format = Literal["csv", "jsonl"]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
MASK = "(masked)"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Writer:
    """Writes rows with these columns."""

    def __init__(self, format_: Format, columns: Sequence[Column]) -> None:
        self._csv = format_ == "csv"
        self._columns = columns

    def head(self) -> str:
        """What comes before the rows."""
        return _line([each.name for each in self._columns]) if self._csv else ""

    def lines(self, rows: Sequence[Sequence[Cell]]) -> str:
        """Some rows, a line each."""
        return "".join(self._row(row) for row in rows)

    def _row(self, row: Sequence[Cell]) -> str:
        if self._csv:
            return _line(
                [_safe(_text(cell), column) for cell, column in zip(row, self._columns, strict=True)]
            )
        named = {column.name: _text(cell) for cell, column in zip(row, self._columns, strict=True)}
        return json.dumps(named, ensure_ascii=False) + "\n"


def _line(cells: Sequence[str | None]) -> str:
    found = io.StringIO()
    csv.writer(found, lineterminator="\r\n").writerow(cells)
    return found.getvalue()


def _text(cell: Cell) -> str | None:
    if not isinstance(cell, dict):
        return cell
    return MASK if cell.get("masked") else f"{cell['text']}..."


def _safe(text: str | None, column: Column) -> str | None:
    """Text that no spreadsheet takes for a formula."""
    formula = text is not None and column.kind != "number" and text.startswith(_FORMULA)
    return f"'{text}" if formula else text
