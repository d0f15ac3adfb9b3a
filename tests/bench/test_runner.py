"""The rounds of a scenario, on servers in separate processes, and the report of the results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import report, runner
from bench.contenders import OURS
from bench.http2 import PreparedCall, bearer, message
from bench.overhead import METHOD, server
from bench.processes import Server
from bench.runner import Contender, Plan, Result, Round, Scenario, WrongReplyError
from bench.servers import SECRET
from ops.dev_tokens import development_token

_CALL = PreparedCall(
    message(b""), bearer(development_token(SECRET.encode(), "listener@example.org")), expected=b""
)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    with server("bare") as (bare, bare_address), server("kit") as (kit, kit_address):
        yield [Server("bare", bare, bare_address), Server("kit", kit, kit_address)]


def contender(name: str, running: Server, call: PreparedCall = _CALL, **given: object) -> Contender:
    return Contender(name, [running], [], METHOD, [call], lambda data: data, **given)  # type: ignore[arg-type] # by name


def run(scenario: Scenario) -> Result:
    return runner.run(scenario, os.getpid(), Plan(2, 0.3), lambda _: None)


@pytest.mark.serial
@pytest.mark.timeout(120)
@pytest.mark.slow
def test_every_contender_is_measured_in_every_round(servers: list[Server]) -> None:
    lines: list[str] = []
    scenario = Scenario("probe", "Probe", 8, [contender("bare", servers[0]), contender("kit", servers[1])])
    result = runner.run(scenario, os.getpid(), Plan(2, 1.0), lines.append)
    # The side that begins changes from round to round, so that none always meets the same neighbour.
    assert [line.split()[2] for line in lines] == ["bare", "kit", "kit", "bare"]
    for each in [*result.rounds["bare"], *result.rounds["kit"]]:
        assert each.rate > 0
        assert each.server_us > 0
        assert each.driver_us > 0
        assert 0 < each.median_ms <= each.p99_ms
        assert 1 < each.in_flight < 16
        assert each.reply_bytes == 5
        assert 0 <= each.others <= 1
        assert each.batch is None


def test_a_wrong_reply_ends_the_scenario(servers: list[Server]) -> None:
    wrong = PreparedCall(_CALL.body, _CALL.headers, expected=b"something else")
    with pytest.raises(WrongReplyError, match="something else"):
        run(Scenario("probe", "Probe", 8, [contender("bare", servers[0], wrong)]))


def test_a_refused_call_ends_the_scenario(servers: list[Server]) -> None:
    with pytest.raises(WrongReplyError, match="1 calls failed"):
        run(
            Scenario(
                "probe", "Probe", 8, [contender("kit", servers[1], PreparedCall(message(b""), expected=b""))]
            )
        )


def test_a_write_that_left_no_row_ends_the_scenario(servers: list[Server]) -> None:
    with pytest.raises(WrongReplyError, match="1 calls acknowledged, 0 rows written"):
        run(Scenario("probe", "Probe", 8, [contender("bare", servers[0], written=lambda: 7)]))


def test_calls_that_run_out_end_the_scenario(servers: list[Server]) -> None:
    with pytest.raises(WrongReplyError, match="too few"):
        run(Scenario("probe", "Probe", 8, [contender("bare", servers[0], calls=iter([_CALL] * 50))]))


def make_round(name: str, rate: float, server_us: float, postgres_us: float) -> Round:
    return Round(name, rate, server_us, postgres_us, 30.0, 5.0, 9.0, 31.6, 22_000.0, 0.02, None)


def make_result() -> Result:
    scenario = Scenario(
        "list-first",
        "ListMessages(50)",
        32,
        [_named(OURS), _named("node-postgres")],
        ["a note"],
        [(OURS, "node-postgres")],
    )
    return Result(
        scenario,
        {
            OURS: [make_round(OURS, rate, 500, 100) for rate in (900, 1000, 1200)],
            "node-postgres": [make_round("node-postgres", rate, 900, 300) for rate in (450, 400, 400)],
        },
    )


def _named(name: str) -> Contender:
    return Contender(name, [], [], "", [], lambda data: data)


def test_ratios_are_taken_pair_by_pair() -> None:
    # 900/450, 1000/400, 1200/400: the medians' own ratio would be 1000/400 too, but never 2.0 to 3.0.
    assert make_result().ratios(OURS, "node-postgres", lambda each: each.rate) == [2.0, 2.5, 3.0]


def test_the_report_has_a_table_and_json_for_each_scenario(tmp_path: Path) -> None:
    setting = report.Setting("make bench", "a dataset", "18.6", "Node v20", 3, 4.0, ["A=1", "B=2"])
    target = report.write([make_result()], setting, tmp_path)
    text = target.read_text()
    (row,) = [line for line in text.splitlines() if line.startswith("| node-postgres")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1:3] == ["400 (400 to 450)", "2.50 (2.00 to 3.00)x"]
    assert cells[5:7] == ["1200 (1200 to 1200)", "0.50 (0.50 to 0.50)x"]
    assert "32 of 32" in cells
    assert "A=1, B=2" in text
    assert "a note" in text
    assert "chat against node-postgres: calls 2.50 (2.00 to 3.00)x, CPU 0.50 (0.50 to 0.50)x." in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.md", "list-first.json"]
