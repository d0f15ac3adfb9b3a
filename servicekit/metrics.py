"""Prometheus metrics of a process, served over HTTP on a separate port."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, ProcessCollector, start_http_server
from prometheus_client import Histogram as PrometheusHistogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from servicekit.concurrency_limit import ConcurrencyLimiter, StreamLimiter
from servicekit.database import Database
from servicekit.errors import Code
from servicekit.methods import Method
from servicekit.sql_errors import InvalidDataError

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHOD = ("grpc_service", "grpc_method")


class Histogram:
    """A histogram of seconds in plain numbers: prometheus_client's takes a lock and walks all buckets each time."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self._buckets = [0] * (len(_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._buckets[bisect_left(_SECONDS, seconds)] += 1
        self._sum += seconds

    def collect_into(self, family: HistogramMetricFamily) -> None:
        """Add the samples to a metric family."""
        counted = zip([*map(str, _SECONDS), "+Inf"], accumulate(self._buckets), strict=True)
        family.add_metric(self.labels, list(counted), self._sum)


class MethodMetrics(Histogram):
    """The counters of one method."""

    def __init__(self, method: Method) -> None:
        super().__init__((method.service, method.name))
        self.by_code = [0] * len(Code)

    def record(self, code: Code, seconds: float) -> None:
        """Count one finished call."""
        self.by_code[code] += 1
        self.observe(seconds)


class Metrics(Collector):
    """The metrics of one process, in a separate registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        # Memory, CPU seconds, files and the start of the process; where there is a /proc.
        ProcessCollector(registry=self.registry)
        self._methods: list[MethodMetrics] = []
        self._statements: dict[str, Histogram] = {}
        self._internal_errors = Counter(
            "seda_unexpected_errors_total", "Errors returned as INTERNAL.", registry=self.registry
        )
        self._data_errors = Counter(
            "seda_data_error_from_database_total",
            "Values that passed validation and were rejected by PostgreSQL.",
            registry=self.registry,
        )

    def for_method(self, method: Method) -> MethodMetrics:
        """The counters of a method."""
        self._methods.append(MethodMetrics(method))
        return self._methods[-1]

    def statement(self, name: str, seconds: float) -> None:
        """Count a finished statement."""
        times = self._statements.get(name)
        if times is None:
            times = self._statements[name] = Histogram((name,))
        times.observe(seconds)

    def record_internal_error(self, error: Exception) -> None:
        """Count an unexpected error."""
        self._internal_errors.inc()
        if isinstance(error, InvalidDataError):
            self._data_errors.inc()

    def histogram(self, name: str, text: str, buckets: Sequence[float]) -> Callable[[float], None]:
        """Add a histogram; returns the function that observes a value."""
        return PrometheusHistogram(name, text, buckets=buckets, registry=self.registry).observe

    def counter(self, name: str, text: str, label: str) -> Callable[[str], None]:
        """Add a counter; returns the function that counts one event by the value of its label."""
        counter = Counter(name, text, (label,), registry=self.registry)
        return lambda value: counter.labels(value).inc()

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge that reads `value` at each scrape."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def watch_database(self, database: Database) -> None:
        """Record statements and export the pool's gauges."""
        database.observers.append(self.statement)
        self.gauge("seda_db_pool_connections_in_use", "Connections in use.", lambda: database.busy)
        self.gauge("seda_db_pool_waiters", "Calls waiting for a connection.", lambda: database.waiters)
        self.gauge("seda_db_pool_size", "Connections at most.", lambda: database.options.max_size)

    def watch_limiters(
        self, limiter: ConcurrencyLimiter, streams: StreamLimiter, watches: StreamLimiter
    ) -> None:
        """Export the numbers of running calls and open streams."""
        self.gauge("seda_calls_in_flight", "Calls running now.", lambda: limiter.running)
        self.gauge("seda_calls_limit", "Calls at most.", lambda: limiter.limit)
        self.gauge("seda_streams_open", "Streams open now.", lambda: streams.open)
        self.gauge("seda_streams_limit", "Streams at most.", lambda: streams.limit)
        self.gauge("seda_watches_open", "Streams of health and reflection open now.", lambda: watches.open)

    def collect(self) -> Iterator[Metric]:
        """Export the plain counters. Runs in prometheus_client's thread."""
        calls = CounterMetricFamily(
            "grpc_server_handled", "Finished calls by method and code.", labels=(*_METHOD, "grpc_code")
        )
        seconds = HistogramMetricFamily("grpc_server_handling_seconds", "Time per call.", labels=_METHOD)
        for method in self._methods:
            for code, count in zip(Code, method.by_code, strict=True):
                if count:
                    calls.add_metric((*method.labels, code.name), count)
            method.collect_into(seconds)
        statements = HistogramMetricFamily(
            "seda_statement_seconds", "Time per statement.", labels=("statement",)
        )
        for times in list(self._statements.values()):
            times.collect_into(statements)
        yield from (calls, seconds, statements)

    def serve(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Serve the metrics over HTTP from prometheus_client's daemon thread."""
        # start_http_server makes a subclass of it.
        ThreadingWSGIServer.allow_reuse_port = reuse_port
        start_http_server(port, host, self.registry)
