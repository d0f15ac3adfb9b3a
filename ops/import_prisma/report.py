"""The report of an import: every row that was left out or changed, and why."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO, TypeVar

Row = Mapping[str, Any]
"""A row of the original."""
_Converted = TypeVar("_Converted")
SKIPPED, CHANGED, UNKNOWN = "skipped", "changed", "unknown"


class RowRejectedError(Exception):
    """The row can't be taken over. `reason` is a stable name, such as EMAIL_INVALID."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Report:
    """Counts outcomes per table, and writes each row with one to `file` as a line of JSON. No texts, no addresses."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.outcomes: Counter[tuple[str, str, str]] = Counter()

    def skip(self, table: str, row_id: object, reason: str) -> None:
        """Record a row that was left out."""
        self._record(table, row_id, SKIPPED, reason)

    def change(self, table: str, row_id: object, *reasons: str, **conditions: bool) -> None:
        """Record a row that was taken over without a part of it: for the reasons, and those whose condition holds."""
        for reason in (*reasons, *(each for each, holds in conditions.items() if holds)):
            self._record(table, row_id, CHANGED, reason)

    def accepted(
        self, table: str, rows: Iterable[Row], convert: Callable[[Row], _Converted]
    ) -> Iterator[_Converted]:
        """Yield rows as `convert` returns them; record those for which it raises RowRejectedError."""
        for row in rows:
            try:
                converted = convert(row)
            except RowRejectedError as error:
                self.skip(table, row["id"], error.reason)
            else:
                yield converted

    def record_unknown(self, table: str, column: str | None, rows: int) -> None:
        """Record a table, or a column of one, that the original has beyond the known ones."""
        reason = "TABLE_UNKNOWN" if column is None else "COLUMN_UNKNOWN"
        self._record(table, column, UNKNOWN, reason, rows)

    def _record(self, table: str, subject: object, outcome: str, reason: str, rows: int = 1) -> None:
        self.outcomes[table, outcome, reason] += rows
        line: dict[str, object] = {"table": table, "id": str(subject), "outcome": outcome, "reason": reason}
        if outcome == UNKNOWN:
            line = {"table": table, "column": subject, "outcome": outcome, "reason": reason, "rows": rows}
        self._file.write(json.dumps(line) + "\n")

    def skipped(self, table: str) -> int:
        """Return how many rows of a table were left out."""
        return sum(
            n for (name, outcome, _), n in self.outcomes.items() if (name, outcome) == (table, SKIPPED)
        )


def checksum(values: Iterable[tuple[object, ...]]) -> tuple[int, int]:
    """Return the number of rows and the sum of their hashes, as `checksum_sql` does in any order."""
    count = total = 0
    for row in values:
        text = "|".join("" if value is None else str(value) for value in row)
        total += int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16)
        count += 1
    return count, total


def checksum_sql(*columns: str) -> str:
    """Return the SQL of the same sum over columns."""
    text = "concat_ws('|', " + ", ".join(f"coalesce({each}::text, '')" for each in columns) + ")"
    return f"count(*), coalesce(sum(('x' || substr(md5({text}), 1, 8))::bit(32)::bigint), 0)::bigint"
