"""What a process counts, as Prometheus reads it."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from servicekit.errors import Code
from servicekit.metrics import Metrics
from tests.probe import METHODS


def test_calls_are_told_by_code_and_in_buckets_that_add_up() -> None:
    metrics = Metrics()
    ask, watch = (metrics.for_method(METHODS[name]) for name in ("Ask", "Watch"))
    for seconds in (0.0005, 0.001, 0.3, 60.0):
        ask.record(Code.OK, seconds)
    ask.record(Code.ABORTED, 0.3)
    labels = {"grpc_service": METHODS["Ask"].service, "grpc_method": "Ask"}
    told = {
        code: metrics.registry.get_sample_value("grpc_server_handled_total", labels | {"grpc_code": code})
        for code in ("OK", "ABORTED", "INTERNAL")
    }
    assert told == {"OK": 4, "ABORTED": 1, "INTERNAL": None}
    buckets = [
        metrics.registry.get_sample_value("grpc_server_handling_seconds_bucket", labels | {"le": least})
        for least in ("0.001", "0.25", "0.5", "10.0", "+Inf")
    ]
    assert buckets == [2, 2, 4, 4, 5]
    assert metrics.registry.get_sample_value("grpc_server_handling_seconds_count", labels) == 5
    assert metrics.registry.get_sample_value("grpc_server_handling_seconds_sum", labels) == pytest.approx(
        60.6015
    )
    watch.record(Code.OK, 1.0)
    lines = generate_latest(metrics.registry).decode()
    handled = f'grpc_server_handled_total{{grpc_code="OK",grpc_method="Watch",grpc_service="{METHODS["Watch"].service}"}}'
    assert f"{handled} 1.0" in lines
    assert "# TYPE grpc_server_handling_seconds histogram" in lines


def test_statements_are_told_by_name() -> None:
    metrics = Metrics()
    metrics.statement("probe.one", 0.002)
    metrics.statement("probe.two", 0.002)
    metrics.statement("probe.two", 0.02)
    counts = [
        metrics.registry.get_sample_value("seda_statement_seconds_count", {"statement": name})
        for name in ("probe.one", "probe.two")
    ]
    assert counts == [1, 2]


def test_a_service_s_own_histograms_and_gauges_are_told() -> None:
    metrics = Metrics()
    observe = metrics.histogram("seda_probe_items", "Items at once.", (1, 10))
    metrics.gauge("seda_probe_open", "Open now.", lambda: 3)
    for size in (1, 2, 50):
        observe(size)
    sample = metrics.registry.get_sample_value
    assert [sample("seda_probe_items_bucket", {"le": least}) for least in ("1.0", "10.0", "+Inf")] == [
        1,
        2,
        3,
    ]
    assert sample("seda_probe_open") == 3
