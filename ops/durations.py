"""Durations as options take them: 30m, 2h, 7d."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9]\d{0,8})([smhd])")
_LONGEST_SECONDS = 3_650 * 86_400


def parse_duration(text: str, option: str) -> timedelta:
    """Return the duration that an option gives. Raises CliError DURATION_INVALID."""
    from datetime import timedelta

    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise CliError(
            "DURATION_INVALID",
            f"{option} {text} is not a duration.",
            why="It takes a number and s, m, h or d, up to 3650d.",
            fix=f"Example: {option} 2h",
            exit_code=Exit.USAGE,
        )
    return timedelta(seconds=seconds)
