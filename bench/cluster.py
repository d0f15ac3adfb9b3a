"""The PostgreSQL of the measurements: one server for all sides, durable as in production."""

from __future__ import annotations

from pathlib import Path

from bench.processes import free_port
from ops.postgres import Cluster, find_binaries

# Durability is PostgreSQL's default (fsync, synchronous_commit). The rest keeps the data in memory and checkpoints
# out of the rounds, alike for all sides.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


def cluster(work: Path) -> Cluster:
    """The server with its data below `work`, not started; it stops with this process."""
    binaries = find_binaries()
    return Cluster(work / f"postgres-{binaries.major}", binaries, free_port(), settings=SETTINGS)
