"""tracks with the faults that a test of migrations has to find: it takes any schema, or none but its own.

Run with `python -m` in place of services.tracks; MISJUDGE is `lenient` or `strict`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from unittest.mock import patch

from servicekit import readiness
from servicekit.process import main
from services.tracks.app import build
from services.tracks.config import Settings


def lenient(_wanted: str, _applied: Sequence[tuple[str, str]]) -> str:
    """Find that everything fits."""
    return ""


def strict(wanted: str, applied: Sequence[tuple[str, str]]) -> str:
    """Find that nothing fits but what this build was made for."""
    return "" if applied and applied[-1][0] == wanted else "another revision"


if __name__ == "__main__":
    with patch.object(
        readiness, "schema_incompatibility", {"lenient": lenient, "strict": strict}[os.environ["MISJUDGE"]]
    ):
        main(Settings, build)
