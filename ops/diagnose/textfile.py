"""Findings as gauges, in a file for the textfile collector of Prometheus's node exporter."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ops.errors import CliError
from ops.findings import Finding

_LABELS = ("database", "check", "result", "object")


def write(path: Path, dsn: str, findings: Sequence[Finding]) -> None:
    """Replace the file as a whole. Raises CliError METRICS_UNWRITABLE."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    about = urlsplit(dsn)
    database = about.path.lstrip("/") or about.username or ""
    gauge = Gauge("seda_db_doctor_finding", "Findings of seda db doctor.", _LABELS, registry=registry)
    # A label set may come only once in a file, or the collector refuses all of it.
    for labels, count in collections.Counter(
        (each.id, each.result, each.object) for each in findings
    ).items():
        gauge.labels(database, *labels).set(count)
    run = Gauge("seda_db_doctor_last_run_timestamp_seconds", "When it ran.", _LABELS[:1], registry=registry)
    run.labels(database).set_to_current_time()
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise CliError(
            "METRICS_UNWRITABLE",
            f"{path} can't be written.",
            why=error.strerror or str(error),
            fix="Name a file in the folder that the node exporter reads, such as --metrics /var/lib/node_exporter/seda.prom",
        ) from error
