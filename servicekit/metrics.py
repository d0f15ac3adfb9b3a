"""What a process counts, in Prometheus' terms, served by HTTP on a port of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from servicekit.sql_errors import DataRefusedError

if TYPE_CHECKING:
    from servicekit.admission import Admission
    from servicekit.database import Database
    from servicekit.errors import Code
    from servicekit.methods import Method

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MethodMetrics:
    """The counters of one method, looked up once."""

    def __init__(self, method: str, handled: Counter, seconds: Histogram) -> None:
        self._method = method
        self._handled = handled
        self._seconds = seconds.labels(method)
        self._by_code: dict[Code, Counter] = {}

    def done(self, code: Code, seconds: float) -> None:
        """Count one finished call."""
        counter = self._by_code.get(code)
        if counter is None:
            counter = self._by_code[code] = self._handled.labels(self._method, code.name)
        counter.inc()
        self._seconds.observe(seconds)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._handled = Counter(
            "seda_calls_total",
            "Finished calls by method and code.",
            ("method", "code"),
            registry=self.registry,
        )
        self._call_seconds = Histogram(
            "seda_call_seconds", "Time per call.", ("method",), buckets=_SECONDS, registry=self.registry
        )
        self._statement_seconds = Histogram(
            "seda_statement_seconds",
            "Time per statement.",
            ("statement",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._unexpected = Counter(
            "seda_unexpected_errors_total", "Errors answered as INTERNAL.", registry=self.registry
        )
        self.data_errors = Counter(
            "seda_data_error_from_database_total",
            "Values that validation let through and PostgreSQL refused.",
            registry=self.registry,
        )

    def calls(self, method: Method) -> MethodMetrics:
        """The counters of a method."""
        return MethodMetrics(method.full_name, self._handled, self._call_seconds)

    def unexpected(self, error: Exception) -> None:
        """Count an error that no rule foresaw."""
        self._unexpected.inc()
        if isinstance(error, DataRefusedError):
            self.data_errors.inc()

    def watch_database(self, database: Database) -> None:
        """Time each statement and show the pool."""
        seconds = self._statement_seconds
        database.observers.append(lambda name, took: seconds.labels(name).observe(took))
        busy = Gauge("seda_pool_connections_in_use", "Connections in use.", registry=self.registry)
        busy.set_function(lambda: database.busy)
        waiters = Gauge("seda_pool_waiters", "Calls waiting for a connection.", registry=self.registry)
        waiters.set_function(lambda: database.waiters)
        size = Gauge("seda_pool_size", "Connections at most.", registry=self.registry)
        size.set(database.options.max_size)

    def watch_admission(self, admission: Admission) -> None:
        """Show how many calls run."""
        running = Gauge("seda_calls_in_flight", "Calls running now.", registry=self.registry)
        running.set_function(lambda: admission.running)

    def serve(self, host: str, port: int) -> None:
        """Serve the metrics by HTTP, from a daemon thread of prometheus_client's."""
        start_http_server(port, host, self.registry)
