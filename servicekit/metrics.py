"""What a process counts, in Prometheus' terms, served by HTTP on a port of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, start_http_server
from prometheus_client import Histogram as PrometheusHistogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
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
    """What is counted of one method."""

    def __init__(self, method: Method) -> None:
        super().__init__((method.service, method.name))
        self.by_code = [0] * len(Code)

    def record(self, code: Code, seconds: float) -> None:
        """Count one finished call."""
        self.by_code[code] += 1
        self.observe(seconds)


class Metrics(Collector):
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._methods: list[MethodMetrics] = []
        self._statements: dict[str, Histogram] = {}
        self._unexpected = Counter(
            "seda_unexpected_errors_total", "Errors answered as INTERNAL.", registry=self.registry
        )
        self._data_errors = Counter(
            "seda_data_error_from_database_total",
            "Values that validation let through and PostgreSQL refused.",
            registry=self.registry,
        )

    def for_method(self, method: Method) -> MethodMetrics:
        """The counters of a method."""
        self._methods.append(MethodMetrics(method))
        return self._methods[-1]

    def statement(self, name: str, seconds: float) -> None:
        """Count a statement that has run."""
        times = self._statements.get(name)
        if times is None:
            times = self._statements[name] = Histogram((name,))
        times.observe(seconds)

    def record_internal_error(self, error: Exception) -> None:
        """Count an error that no rule foresaw."""
        self._unexpected.inc()
        if isinstance(error, InvalidDataError):
            self._data_errors.inc()

    def histogram(self, name: str, text: str, buckets: Sequence[float]) -> Callable[[float], None]:
        """A histogram of a service's own, such as of the items in a batch; returns what observes a value."""
        return PrometheusHistogram(name, text, buckets=buckets, registry=self.registry).observe

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show what `value` says whenever it is asked."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def watch_database(self, database: Database) -> None:
        """Time each statement and show the pool."""
        database.observers.append(self.statement)
        self.gauge("seda_db_pool_connections_in_use", "Connections in use.", lambda: database.busy)
        self.gauge("seda_db_pool_waiters", "Calls waiting for a connection.", lambda: database.waiters)
        self.gauge("seda_db_pool_size", "Connections at most.", lambda: database.options.max_size)

    def watch_limiters(self, limiter: ConcurrencyLimiter, streams: StreamLimiter) -> None:
        """Show how many calls run and how many streams are open."""
        self.gauge("seda_calls_in_flight", "Calls running now.", lambda: limiter.running)
        self.gauge("seda_streams_open", "Streams open now.", lambda: streams.open)

    def collect(self) -> Iterator[Metric]:
        """Tell the library what was counted here in plain numbers. Runs in its thread."""
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

    def serve(self, host: str, port: int) -> None:
        """Serve the metrics by HTTP, from a daemon thread of prometheus_client's."""
        start_http_server(port, host, self.registry)
