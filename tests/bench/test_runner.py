"""The rounds of a scenario, on servers in separate processes, and the report of the results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import report, runner
from bench.http2 import PreparedCall, bearer, message
from bench.overhead import METHOD, server
from bench.processes import Server
from bench.runner import Contender, Plan, Result, Scenario, WrongReplyError
from bench.servers import SECRET
from bench.testbed import SEDA
from ops.dev_tokens import development_token
from tests.bench.results import make_result, make_setting

_CALL = PreparedCall(
    message(b""), bearer(development_token(SECRET.encode(), "listener@example.org")), expected=b""
)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [Server(kind, *stack.enter_context(server(kind))) for kind in ("bare", "kit", "native")]


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


@pytest.mark.parametrize("number", [1, 2], ids=["grpc", "native"])
def test_a_refused_call_ends_the_scenario(servers: list[Server], number: int) -> None:
    without_token = PreparedCall(message(b""), expected=b"")
    refused = contender("a server", servers[number], without_token)
    with pytest.raises(WrongReplyError, match="1 calls failed: grpc-status 16: "):
        run(Scenario("probe", "Probe", 8, [refused]))


def test_a_write_that_left_no_row_ends_the_scenario(servers: list[Server]) -> None:
    with pytest.raises(WrongReplyError, match="1 calls acknowledged, 0 rows written"):
        run(Scenario("probe", "Probe", 8, [contender("bare", servers[0], written=lambda: 7)]))


def test_calls_that_run_out_end_the_scenario(servers: list[Server]) -> None:
    with pytest.raises(WrongReplyError, match="too few"):
        run(Scenario("probe", "Probe", 8, [contender("bare", servers[0], calls=iter([_CALL] * 50))]))


def test_ratios_are_taken_pair_by_pair() -> None:
    # 900/450, 1000/400, 1200/400: the medians' own ratio would be 1000/400 too, but never 2.0 to 3.0.
    assert make_result().ratios(SEDA, "node-postgres", lambda each: each.rate) == [2.0, 2.5, 3.0]


def test_the_report_has_a_row_for_each_contender(tmp_path: Path) -> None:
    target = report.write([make_result()], make_setting(), tmp_path, "some")
    assert target == tmp_path / "some.md"
    text = target.read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {SEDA} ")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1] == "1,000 (900 to 1,200)"
    assert cells[4:7] == ["600 (600 to 600)", "2.50 (2.00 to 3.00)", "0.50 (0.50 to 0.50)"]
    assert "32 of 32" in cells
    assert "missing" not in text
    assert "A=1, B=2" in text
    assert "load 0.5 before and 3.2 after" in text
    assert "a note" in text


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    report.write([make_result()], make_setting(), tmp_path, "some")
    assert report.read(tmp_path / "some.json") == ([make_result()], make_setting())
