"""How many examples a test tries: few in `make test`, all in the first run of `make test-all`, few in those of its matrix."""

from __future__ import annotations

import os

EXHAUSTIVE = os.environ.get("SEDA_TEST_EXHAUSTIVE") == "1"
"""Set by `make test-all`, once: what PgBouncer, PostgreSQL 15 or a transport changes shows in few examples."""

LONG = os.environ.get("SEDA_TEST_LONG") == "1"
"""Whether to run what takes minutes by itself, too."""


def tries(quick: int, exhaustive: int) -> int:
    """The number of examples of this run."""
    return exhaustive if EXHAUSTIVE else quick
