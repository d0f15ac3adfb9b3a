"""The tests of this folder compare the database with the models, table by table."""

from __future__ import annotations

import os

# Partitions are tables of their own that no model has; test_partitions.py makes its own.
collect_ignore_glob = ["test_*.py"] if os.environ.get("SEDA_TEST_PARTITIONS") else []
