"""The Grafana dashboards of deploy/observability/grafana/dashboards; `make docs` writes them."""

import json
from dataclasses import dataclass
from typing import Any

FOLDER = "deploy/observability/grafana/dashboards"
_SELECTED = 'job=~"$job"'
_UNARY = 'grpc_method!~"Watch|WatchRooms|ExportMyData|ServerReflectionInfo"'
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 8


@dataclass(frozen=True)
class Panel:
    """One chart. `queries` are PromQL by legend; in them, JOB stands for the chosen services."""

    title: str
    unit: str
    queries: dict[str, str]
    description: str = ""


def _quantile(part: float, histogram: str, by: str, where: str = "JOB") -> str:
    return f"histogram_quantile({part}, sum by ({by}, le) (rate({histogram}_bucket{{{where}}}[$__rate_interval])))"


def _rate(counter: str, by: str, where: str = "JOB") -> str:
    return f"sum by ({by}) (rate({counter}{{{where}}}[$__rate_interval]))"


_SUITE = (
    Panel("Calls", "reqps", {"{{job}}": _rate("grpc_server_handled_total", "job")}),
    Panel(
        "Failed calls",
        "percentunit",
        {
            "5 min": "seda:failed_calls:ratio_rate5m",
            "1 h": "seda:failed_calls:ratio_rate1h",
            "objective": "vector(0.001)",
        },
        "Of the gateway, by our fault.",
    ),
    Panel(
        "Slow calls",
        "percentunit",
        {
            "5 min": "seda:slow_calls:ratio_rate5m",
            "1 h": "seda:slow_calls:ratio_rate1h",
            "objective": "vector(0.01)",
        },
        "Unary calls of the gateway over 0.25 s.",
    ),
    Panel(
        "Time of calls",
        "s",
        {
            f"{{{{job}}}} {round(part * 100)} %": _quantile(
                part, "grpc_server_handling_seconds", "job", f"JOB,{_UNARY}"
            )
            for part in (0.5, 0.99)
        },
    ),
    Panel(
        "Errors by code",
        "reqps",
        {
            "{{job}} {{grpc_code}}": _rate(
                "grpc_server_handled_total", "job, grpc_code", 'JOB,grpc_code!="OK"'
            )
        },
    ),
    Panel(
        "Slowest methods, 99 %",
        "s",
        {
            "{{grpc_method}}": f"topk(8, {_quantile(0.99, 'grpc_server_handling_seconds', 'grpc_method', f'JOB,{_UNARY}')})"
        },
    ),
    Panel(
        "Calls running, of the limit",
        "percentunit",
        {"{{job}} {{instance}}": "seda_calls_in_flight{JOB} / seda_calls_limit{JOB}"},
    ),
    Panel(
        "CPU cores",
        "short",
        {"{{job}} {{instance}}": "rate(process_cpu_seconds_total{JOB}[$__rate_interval])"},
        "A process can use little more than one.",
    ),
    Panel("Memory", "bytes", {"{{job}} {{instance}}": "process_resident_memory_bytes{JOB}"}),
    Panel("Ready", "short", {"{{job}}": "sum by (job) (seda_ready{JOB})"}),
    Panel(
        "Unexpected errors",
        "short",
        {"{{job}}": "sum by (job) (increase(seda_unexpected_errors_total{JOB}[1h]))"},
        "INTERNAL, in an hour: defects.",
    ),
    Panel("Oldest erasure", "s", {"{{instance}}": "seda_erasure_oldest_seconds{JOB}"}),
)
_LIVE = (
    Panel("Streams of Watch", "short", {"{{instance}}": "seda_chat_streams{JOB}"}),
    Panel(
        "Streams, of the limit",
        "percentunit",
        {"{{job}} {{instance}}": "seda_streams_open{JOB} / seda_streams_limit{JOB}"},
    ),
    Panel("Watched rooms", "short", {"{{instance}}": "seda_chat_watched_rooms{JOB}"}),
    Panel(
        "Streams ended by chat",
        "reqps",
        {"{{reason}}": _rate("seda_chat_streams_closed_total", "reason")},
        "SLOW_CONSUMER: the client reads too slowly.",
    ),
    Panel("Messages", "reqps", {"sent": "sum(rate(seda_chat_send_batch_size_sum{JOB}[$__rate_interval]))"}),
    Panel(
        "Messages in a batch",
        "short",
        {
            "mean": "sum(rate(seda_chat_send_batch_size_sum{JOB}[$__rate_interval])) / sum(rate(seda_chat_send_batch_size_count{JOB}[$__rate_interval]))"
        },
        "Concurrent sends share a transaction: it grows with load.",
    ),
)
_POOL = (
    Panel(
        "Connections in use, of the pool",
        "percentunit",
        {"{{job}} {{instance}}": "seda_db_pool_connections_in_use{JOB} / seda_db_pool_size{JOB}"},
    ),
    Panel("Calls that wait for a connection", "short", {"{{job}} {{instance}}": "seda_db_pool_waiters{JOB}"}),
    Panel(
        "Connections at most",
        "short",
        {"all": "sum(seda_db_pool_size{JOB})"},
        "To be less than the server's max_connections.",
    ),
    Panel("Statements", "reqps", {"{{job}}": _rate("seda_statement_seconds_count", "job")}),
    Panel(
        "Slowest statements, 99 %",
        "s",
        {"{{statement}}": f"topk(8, {_quantile(0.99, 'seda_statement_seconds', 'statement')})"},
    ),
    Panel(
        "Time spent, by statement",
        "short",
        {"{{statement}}": f"topk(8, {_rate('seda_statement_seconds_sum', 'statement')})"},
        "Seconds a second.",
    ),
)
_DASHBOARDS = {
    "suite": ("Seda: suite", _SUITE),
    "chat-live": ("Seda: chat live", _LIVE),
    "postgresql-pool": ("Seda: PostgreSQL pool", _POOL),
}


def pages() -> dict[str, str]:
    """Return the files: their path and JSON, a panel a line."""
    return {f"{FOLDER}/{name}.json": _dashboard(name, *each) for name, each in _DASHBOARDS.items()}


def _dashboard(name: str, title: str, panels: tuple[Panel, ...]) -> str:
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        {
            "name": "job",
            "label": "Service",
            "type": "query",
            "datasource": _DATASOURCE,
            "refresh": 2,
            "query": "label_values(seda_ready, job)",
            "multi": True,
            "includeAll": True,
        },
    ]
    head = {
        "uid": f"seda-{name}",
        "title": title,
        "tags": ["seda"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables},
    }
    lines = ",\n".join(json.dumps(_panel(number, each)) for number, each in enumerate(panels))
    return f'{json.dumps(head)[:-1]}, "panels": [\n{lines}\n]}}\n'


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    targets = [
        {"refId": chr(ord("A") + index), "expr": query.replace("JOB", _SELECTED), "legendFormat": legend}
        for index, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
