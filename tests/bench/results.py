"""Results of three rounds of two servers."""

from __future__ import annotations

from bench.report import Setting
from bench.runner import Result, Round
from bench.testbed import SEDA


def make_round(name: str, rate: float, server_us: float, postgres_us: float) -> Round:
    return Round(name, rate, server_us, postgres_us, 30.0, 5.0, 9.0, 31.6, 22_000.0, 0.02, None)


def make_result() -> Result:
    return Result(
        "get-room",
        "GetRoom",
        32,
        ["node-postgres", "missing"],
        ["a note"],
        {
            SEDA: [make_round(SEDA, rate, 500, 100) for rate in (900, 1000, 1200)],
            "node-postgres": [make_round("node-postgres", rate, 900, 300) for rate in (450, 400, 400)],
        },
    )


def make_setting() -> Setting:
    return Setting(
        "make bench", "a dataset", "18.6", "Node 20", 3, 4.0, ["A=1", "B=2"], 0.5, 3.25, "2 cores", "3.11"
    )
